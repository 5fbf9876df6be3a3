"""Failures to show: questions of which a pipeline found least, with what it missed and what it put first.

Chosen by rule, not by hand: least recall first, ties by a hash of the id. Examples that seem to name a person (two
capitalised words in a row) are passed over, so that the page names none; that makes them rarer in sets about people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from zlib import crc32

from rag_evals.datasets import Dataset, Passage
from rag_evals.metrics.ranking import recall
from rag_evals.runner import Run

SHOWN = 3  # of each dataset; the page takes the first
LENGTH = 160  # characters of a passage
_NAME = re.compile(r"\b[A-Z][\w'’.-]*\s+(?:(?:of|de|von|van|the|al)\s+)*[A-Z]")


def failures(dataset: Dataset, run: Run, k: int) -> list[dict[str, object]]:
    """Plain data of the worst questions: the text, how many of its gold passages were found, what was missed."""
    pairs = zip(run.questions, run.records, strict=True)
    scored = [(recall(record.ranking, question.gold, k), question, record) for question, record in pairs]
    worst = sorted((item for item in scored if item[0] < 1), key=lambda item: (item[0], crc32(item[1].id.encode())))
    wanted = {pid for _, question, record in worst for pid in (*question.gold, *record.ranking[:1])}
    passages = {passage.pid: passage for passage in dataset.corpus if passage.pid in wanted}
    rows: list[dict[str, object]] = []
    for _, question, record in worst:
        missed = [pid for pid in question.gold if pid not in record.ranking[:k]]
        texts = [_clipped(passages, pid) for pid in missed[:2]]
        first = _clipped(passages, record.ranking[0]) if record.ranking else ""
        if _NAME.search(" | ".join([question.question[1:], *texts, first])):
            continue
        counts = {"gold": len(question.gold), "found": len(question.gold) - len(missed)}
        rows.append({"question": question.question, **counts, "missed": texts, "first": first})
        if len(rows) == SHOWN:
            break
    return rows


def _clipped(passages: Mapping[str, Passage], pid: str) -> str:
    passage = passages[pid]
    text = " ".join(f"{passage.title}: {passage.text}".removeprefix(": ").split())
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 3].rsplit(' ', 1)[0]} ..."
