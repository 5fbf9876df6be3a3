"""Runs as results have them, for tests of the report: every kind of question, and texts that try to be markup."""

from __future__ import annotations

from typing import Any

from rag_evals.datasets import Passage, Question
from rag_evals.measure import summary
from rag_evals.records import AnswerRecord, Node, QuestionRecord
from rag_evals.runner import Run

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>&\u2028\ud800\x1b[31m\u202e{{ 7*7 }}"


def node(name: str, hop: int = 0, parent: int | None = None, *, text: str = "A text.") -> Node:
    return Node((name,), name, hop, parent, f"Title of {name}", text)


def run(pipeline: str = "default", dataset: str = "toy", *, n: int = 12, hostile: str = "") -> Run:
    """Questions in turn: all found; found by a hop but ranked low, and wrong; one lost; not answerable."""
    questions, records = [], []
    for i in range(n):
        kind = i % 4
        gold = () if kind == 3 else ("a", f"b{i}")
        ranking = ("a", f"b{i}", "x") if kind == 0 else ("a", "x", "y", "z", "w", f"b{i}") if kind == 1 else ("x", "a")
        tree = [node("a", text=f"Passage {hostile}"), node("x")]
        tree += [node(f"b{i}", 1, 0)] if kind < 2 else []
        text = ("It is Norvik. [1]", "Elsewhere. [1]", "", "Somewhere. [1]")[kind]
        said = AnswerRecord(
            text=text + (hostile if text else ""),
            level="answer" if text else "nothing",
            confidence=1 - kind / 10 - i / 1000,
            statements=((text, (f"Quote {hostile}",)),) if text else (),
            quotes=(f"Quote {hostile}",) if text else (),
            spans=(f"Quote {hostile}",) if text else (),
            facts=(),
            seconds=0.02,
            cited=((1, f"a{hostile}"),) if text else (),
        )
        questions.append(
            Question(
                f"q{i}",
                f"Question {i}? {hostile}",
                ("Norvik",) if kind < 3 else (),
                gold,
                type=("bridge", "other")[i % 2],
                answerable=kind < 3,
            )
        )
        hops = tuple(1 if name.startswith("b") else 0 for name in ranking)
        records.append(QuestionRecord(f"q{i}", ranking, hops, 0.01 * (1 + i % 3), said, tuple(tree)))
    known = {f"b{i}": Passage(f"b{i}", f"Title of b{i}", f"Gold text {i}.") for i in range(n)}
    return Run(dataset + hostile, pipeline, tuple(questions), tuple(records), 1.0, 50, gold=known)


def results(*names: str, n: int = 12, hostile: str = "") -> list[dict[str, Any]]:
    """Summaries of a run for each pipeline."""
    return [summary(run(name, n=n, hostile=hostile), [2, 5]) for name in names]
