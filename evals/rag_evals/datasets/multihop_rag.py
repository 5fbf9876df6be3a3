"""MultiHop-RAG as published: MultiHopRAG.json over corpus.json, whole news articles.

{query, answer, question_type, evidence_list: [{title, url, fact, ...}]}; an article's pid is its url, and gold are the
articles of the evidence. A null query has no evidence and no answer. Source: arXiv 2401.15391.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, Passage, Problems, Question, Stream
from rag_evals.datasets.read import located, parsed

ARTICLE = frozenset("title author source published_at category url body".split())
QUERY = frozenset("query answer question_type evidence_list".split())


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions over the articles of corpus.json beside them, or of the corpus given."""
    articles = corpus or questions.with_name("corpus.json")

    def walk() -> Iterator[Passage]:
        return (passage for _, passage in parsed(articles, problems, _article, ARTICLE))

    return DatasetParts(located(questions, problems, _question, QUERY), Stream(walk))


def _article(_: str, row: dict[str, Any]) -> Passage:
    return Passage(fields.text(row, "url"), fields.text(row, "title", ""), fields.text(row, "body"))


def _question(where: str, row: dict[str, Any]) -> Question:
    evidence = fields.objects(row, "evidence_list")
    kind = fields.text(row, "question_type", "").removesuffix("_query")
    answerable = kind != "null"
    return Question(
        id=where.rpartition(" ")[2],  # the number of the item: the format has no ids
        question=fields.text(row, "query"),
        answers=fields.texts(row, "answer") if answerable else (),
        gold=tuple(dict.fromkeys(fields.text(item, "url") for item in evidence)) if answerable else (),
        type=kind,
        answerable=answerable,
        hops=len(evidence),
    )
