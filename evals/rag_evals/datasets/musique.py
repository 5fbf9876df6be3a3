"""MuSiQue as published: JSON Lines whose questions bring 20 paragraphs, some supporting.

{id, question, answer, answer_aliases, answerable, paragraphs: [{idx, title, paragraph_text, is_supporting}],
question_decomposition: [{paragraph_support_idx}]}; gold is in hop order. In the "full" files a question stands twice
under one id, once unanswerable: that one gets " unanswerable" behind its id. Source: arXiv 2108.00573.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, PassagePool, Problems, Question
from rag_evals.datasets.read import located

FIELDS = frozenset("id question answer answer_aliases answerable paragraphs question_decomposition".split())


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions with the pool of their paragraphs. Raises ValueError when a corpus is given."""
    if corpus is not None:
        raise ValueError("this format brings its own passages: leave the corpus out")
    pool = PassagePool()

    def question(where: str, row: dict[str, Any]) -> Question:
        pids: dict[int, str] = {}
        supporting: list[int] = []
        for paragraph in fields.objects(row, "paragraphs"):
            index = fields.number(paragraph, "idx")
            pids[index] = pool.add(fields.text(paragraph, "title", ""), fields.text(paragraph, "paragraph_text"))
            if fields.flag(paragraph, "is_supporting", False):
                supporting.append(index)
        if not pids:
            raise ValueError("'paragraphs' is missing")
        steps = fields.objects(row, "question_decomposition")
        ordered = [fields.number(step, "paragraph_support_idx") for step in steps]
        answerable = fields.flag(row, "answerable", True)
        qid = (fields.texts(row, "id") or (where,))[0]
        return Question(
            id=qid if answerable else f"{qid} unanswerable",
            question=fields.text(row, "question"),
            answers=fields.texts(row, "answer") + fields.texts(row, "answer_aliases") if answerable else (),
            gold=tuple(dict.fromkeys(pids[index] for index in ordered or supporting if index in pids))
            if answerable
            else (),
            type=qid.partition("__")[0] if "hop" in qid else "",
            answerable=answerable,
            hops=len(steps),
        )

    return DatasetParts(list(located(questions, problems, question, FIELDS)), pool.passages)
