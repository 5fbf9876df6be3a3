"""HotpotQA and 2WikiMultihopQA as published: a JSON list whose questions bring their own paragraphs.

{_id, question, answer, type, supporting_facts: [[title, n]], context: [[title, [sentence]]]}, or a hub copy (columns
instead of pairs, JSON Lines). The corpus is every paragraph of every question; sentences are stripped and joined by
one space. Sources: hotpotqa.github.io (arXiv 1809.09600), 2WikiMultihopQA (arXiv 2011.01060).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, PassagePool, Problems, Question
from rag_evals.datasets.read import located

FIELDS = frozenset(
    "_id id question answer aliases answer_aliases type level supporting_facts context evidences evidences_id "
    "entity_ids answer_id".split()
)


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions with the pool of their paragraphs. Raises ValueError when a corpus is given."""
    if corpus is not None:
        raise ValueError("this format brings its own passages: leave the corpus out")
    pool = PassagePool()

    def question(where: str, row: dict[str, Any]) -> Question:
        pids: dict[str, str] = {}
        for title, sentences in fields.pairs(row, "context"):
            if not isinstance(sentences, list) or any(not isinstance(sentence, str) for sentence in sentences):
                raise ValueError(f"the paragraph {title!r} must be a list of sentences")
            clean = tuple(sentence.strip() for sentence in sentences)
            pids[title] = pool.add(title, " ".join(clean), clean)
        if not pids:
            raise ValueError("'context' is missing")
        facts = fields.facts(row, "supporting_facts")
        lost = [title for title, _ in facts if title not in pids]
        if lost:
            raise ValueError(f"the gold paragraph {lost[0]!r} is not in its context")
        answers = fields.texts(row, "answer") + fields.texts(row, "aliases") + fields.texts(row, "answer_aliases")
        return Question(
            id=(fields.texts(row, "_id") or fields.texts(row, "id") or (where,))[0],
            question=fields.text(row, "question"),
            answers=tuple(dict.fromkeys(answers)),
            gold=tuple(dict.fromkeys(pids[title] for title, _ in facts)),
            type=fields.text(row, "type", ""),
            supporting_facts=facts,
        )

    return DatasetParts(list(located(questions, problems, question, FIELDS)), pool.passages)
