"""This project's own format: `corpus.jsonl` {pid, title, text} and `questions.jsonl` {id, question, answer, gold}.

Plain or gzipped. Besides these a question may carry answers, aliases, type, hops, answerable, supporting_facts and
question_decomposition (its gold in hop order is taken from `gold`); a corpus row may carry sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, Passage, Problems, Question, Stream
from rag_evals.datasets.read import located, parsed

IDS = ("pid", "_id", "id", "doc_id")  # what a passage's id is called: here, by BEIR, MTEB and LongEmbed
PASSAGE = frozenset({*IDS, "title", "text", "sentences", "metadata", "language", "context_length"})
QUESTION = frozenset(
    "id question answer answers aliases gold pid type hops answerable is_impossible supporting_facts "
    "question_decomposition "
    # told about the question or where it came from; nothing here depends on them
    "gold_titles evidences level gold_in_context orig_split suggested context label src qa_pairs in_hipporag1000 "
    "shares_gold_with_eval hypothesis proof first_offset long_answer short_answers hasanswer".split()
)


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions of one file over the passages of the other. Raises ValueError when there is no corpus."""
    if corpus is None:
        raise ValueError("a corpus file {pid, title, text} is needed beside the questions")
    return DatasetParts(located(questions, problems, _question, QUESTION), passages(corpus, problems))


def passages(path: Path, problems: Problems) -> Stream:
    """The passages of a corpus file; a pid that comes again is a problem, and the first is kept."""

    def walk() -> Iterator[Passage]:
        seen: set[str] = set()
        for where, passage in parsed(path, problems, _passage, PASSAGE):
            if passage.pid in seen:
                problems.add(path, where, f"pid {passage.pid!r} was there before")
                continue
            seen.add(passage.pid)
            yield passage

    return Stream(walk)


def _passage(_: str, row: dict[str, Any]) -> Passage:
    pid = next((found for name in IDS if (found := fields.texts(row, name))), ())
    if len(pid) != 1:
        raise ValueError("'pid' is missing")
    title = fields.text(row, "title", "")
    return Passage(pid[0], title, fields.text(row, "text", title or None), fields.texts(row, "sentences"))


def _question(where: str, row: dict[str, Any]) -> Question:
    answerable = fields.flag(row, "answerable", not fields.flag(row, "is_impossible", False))
    answers = fields.texts(row, "answer") + fields.texts(row, "answers") + fields.texts(row, "aliases")
    return Question(
        id=(fields.texts(row, "id") or (where,))[0],
        question=fields.text(row, "question"),
        answers=tuple(dict.fromkeys(answers)) if answerable else (),
        gold=(fields.texts(row, "gold") or fields.texts(row, "pid")) if answerable else (),
        type=fields.text(row, "type", ""),
        answerable=answerable,
        hops=fields.number(row, "hops"),
        supporting_facts=fields.facts(row, "supporting_facts") if answerable else (),
    )
