"""SQuAD 1.1 and 2.0 as published ({data: [{title, paragraphs: [{context, qas}]}]}), or a flat hub copy (JSON Lines).

The corpus is every paragraph; a question's gold is the paragraph it was asked about, unless it cannot be answered.
Sources: arXiv 1606.05250, arXiv 1806.03822.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, Located, PassagePool, Problems, Question
from rag_evals.datasets.read import rows


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions with the pool of their paragraphs. Raises ValueError when a corpus is given."""
    if corpus is not None:
        raise ValueError("this format brings its own passages: leave the corpus out")
    pool = PassagePool()
    found: list[Located] = []
    for where, row in rows(questions, problems):
        for place, title, context, qa in _asked(where, row, questions, problems):
            try:
                pid = pool.add(title, fields.text({"context": context}, "context"))
                found.append(Located(str(questions), place, _question(place, pid, qa)))
            except ValueError as error:
                problems.add(questions, place, f"{error}")
    return DatasetParts(found, pool.passages)


def _asked(
    where: str, row: Mapping[str, Any], path: Path, problems: Problems
) -> Iterator[tuple[str, str, Any, Mapping[str, Any]]]:
    """(where, title, context, question) of each question in a row, whichever of the two shapes it has."""

    def inside(outer: Mapping[str, Any], name: str, place: str) -> list[Mapping[str, Any]]:
        try:
            return fields.objects(outer, name)
        except ValueError as error:
            problems.add(path, place, f"{error}")
            return []

    if "data" not in row:
        yield where, str(row.get("title") or ""), row.get("context"), row
        return
    for article in inside(row, "data", where):
        title = str(article.get("title") or "")
        for number, paragraph in enumerate(inside(article, "paragraphs", f"{where}, {title}"), 1):
            place = f"{where}, {title} paragraph {number}"
            for qa in inside(paragraph, "qas", place):
                yield f"{place}, question {qa.get('id')}", title, paragraph.get("context"), qa


def _question(where: str, pid: str, qa: Mapping[str, Any]) -> Question:
    answers = tuple(dict.fromkeys(fields.text(answer, "text") for answer in fields.objects(qa, "answers")))
    answerable = bool(answers) and not fields.flag(qa, "is_impossible", False)
    return Question(
        id=(fields.texts(qa, "id") or (where,))[0],
        question=fields.text(qa, "question"),
        answers=answers if answerable else (),
        gold=(pid,) if answerable else (),
        answerable=answerable,
    )
