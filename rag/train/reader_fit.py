"""How sure to be: the logistic functions of `rag.read.choice`, fitted on what a trained reader says.

Each question is asked over passages found by words: as they are, with its gold among them, with its gold taken out,
or over another folder's passages. A candidate is right when its words overlap a right answer's by half (F1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.read.candidates import CLOSED, FEATURES, Candidate, candidates, key
from rag.read.choice import Choice, confidences
from rag.read.reader import Passage, Reader
from rag.train.lexical import Lexical
from rag.train.readings import Folder, Row, answers, gold, measured

PASSAGES = 8
REMOVED, OFF_TOPIC = 0.2, 0.1  # of the questions
RIGHT = 0.5  # F1 of an answer that counts as right
RIDGE = 1e-2
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
FEWEST = 20  # answers that a share of wrong ones must be seen on


@dataclass(frozen=True, slots=True)
class Case:
    """A question's candidates, and which of them are right."""

    found: tuple[Candidate, ...]
    right: tuple[bool, ...]


def cases(folders: Sequence[Folder], reader: Reader, *, most: int, seed: int, say: Callable[[int], None]) -> list[Case]:
    """`most` questions of each folder, half of those held out, or training ones where none are."""
    rng = np.random.default_rng(seed)
    lexical = [Lexical({pid: f"{r.get('title') or ''} {r['text']}" for pid, r in f.passages.items()}) for f in folders]
    found: list[Case] = []
    for n, folder in enumerate(folders):
        rows = [row for row in folder.held_out if not measured(row)] or folder.train
        for row in sorted(rows, key=lambda row: crc32(row["id"].encode()))[:most]:
            other = int(rng.integers(len(folders))) if rng.random() < OFF_TOPIC else n
            passages = _passages(row, folders[other], lexical[other], rng)
            read = candidates(str(row["question"]), passages, reader).candidates
            known = () if row.get("is_impossible") else answers(row)
            found.append(Case(read, tuple(_right(candidate, known) for candidate in read)))
            say(len(found))
    return found


def fit(found: Sequence[Case]) -> Choice:
    """First which candidate is right, then how often the best one is."""
    weights = {}
    for closed, width in ((False, len(FEATURES)), (True, len(CLOSED))):
        mine = [case for case in found if case.found and case.found[0].closed == closed]
        rows = np.array([c.values for case in mine for c in case.found], float).reshape(-1, width)
        right = np.array([right for case in mine for right in case.right], float)
        first = logistic(rows, right)
        best = [(c, r) for case in mine for c, r in [_best(case, first)]]
        logits = np.array([[np.dot(c.values, first[:-1]) + first[-1]] for c, _ in best]).reshape(-1, 1)
        scale, shift = logistic(logits, np.array([r for _, r in best], float))
        weights[closed] = tuple(float(x) for x in (*(first[:-1] * scale), first[-1] * scale + shift))
    choice = Choice(weights[False], weights[True])
    said = [(sure, right) for case in found if case.found for sure, right in [_said(case, choice)]]
    return Choice(choice.span, choice.closed, tuple(_risks(said)))


def logistic(rows: NDArray[np.float64], right: NDArray[np.float64], steps: int = 50) -> NDArray[np.float64]:
    """Weights and, last, bias by Newton's method with a small ridge; zeros without data."""
    x = np.hstack([rows, np.ones((len(rows), 1))])
    w = np.zeros(x.shape[1])
    for _ in range(steps if len(rows) else 0):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (right - p) - RIDGE * w
        w = w + np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]) + RIDGE * np.eye(len(w)), slope)
    return w


def f1(said: str, wanted: str) -> float:
    """Word F1 of two answers in their keys."""
    a, b = key(said).split(), key(wanted).split()
    same = (Counter(a) & Counter(b)).total()
    return 2 * same / (len(a) + len(b)) if same else 0.0


def _passages(row: Row, folder: Folder, lexical: Lexical, rng: np.random.Generator) -> list[Passage]:
    near = lexical.best(str(row["question"]), PASSAGES + 4)
    golds = [pid for pid in gold(row) if pid in folder.passages]
    if rng.random() < REMOVED:
        near = [pid for pid in near if pid not in golds]
    else:
        for pid in golds:  # a search by meaning finds most of what words do not
            if pid not in near[:PASSAGES] and rng.random() < 0.7:
                near.insert(int(rng.integers(PASSAGES)), pid)
    rows = [folder.passages[pid] for pid in dict.fromkeys(near)][:PASSAGES]
    return [(str(r.get("title") or ""), str(r["text"])) for r in rows]


def _right(candidate: Candidate, known: Sequence[str]) -> bool:
    return any(f1(candidate.text, answer) >= RIGHT for answer in known)


def _best(case: Case, weights: NDArray[np.float64]) -> tuple[Candidate, bool]:
    sure = confidences(case.found, tuple(weights))
    at = int(np.argmax(sure))
    return case.found[at], case.right[at]


def _said(case: Case, choice: Choice) -> tuple[float, bool]:
    sure = confidences(case.found, choice.closed if case.found[0].closed else choice.span)
    at = int(np.argmax(sure))
    return sure[at], case.right[at]


def _risks(said: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    """For each share of wrong answers the least confidence that keeps to it, over at least FEWEST answers."""
    ordered = sorted(said, reverse=True)
    wrong = np.cumsum([not right for _, right in ordered])
    for share in SHARES:
        fitting = [n for n in range(FEWEST, len(ordered) + 1) if wrong[n - 1] / n <= share]
        if fitting:
            yield share, round(ordered[fitting[-1] - 1][0], 4)
