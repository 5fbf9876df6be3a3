"""How sure to be: the logistic functions of `rag.read.choice`, fitted on what a trained reader says.

Each question is asked over passages found by words: as they are, with its gold among them, with its gold taken out,
or over another folder's passages. A candidate is right when its words overlap a right answer's by half (F1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.read.candidates import CLOSED, FEATURES, Candidate, candidates, key
from rag.read.choice import SURE, Choice, evidence, logits
from rag.read.judge import Judge
from rag.read.reader import Passage, Reader, Reading
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
    """A question's candidates, which of them are right, how its passages read alone, and what the judge says."""

    found: tuple[Candidate, ...]
    right: tuple[bool, ...]
    alone: tuple[Reading, ...]
    together: float


def cases(
    folders: Sequence[Folder], reader: Reader, judge: Judge, *, most: int, seed: int, say: Callable[[int], None]
) -> list[Case]:
    """`most` questions of each folder, half of those held out, or training ones where none are."""
    rng = np.random.default_rng(seed)
    lexical = [Lexical({pid: f"{r.get('title') or ''} {r['text']}" for pid, r in f.passages.items()}) for f in folders]
    found: list[Case] = []
    for n, folder in enumerate(folders):
        rows = [row for row in folder.held_out if not measured(row)] or folder.train
        for row in sorted(rows, key=lambda row: crc32(row["id"].encode()))[:most]:
            other = int(rng.integers(len(folders))) if rng.random() < OFF_TOPIC else n
            passages = _passages(row, folders[other], lexical[other], rng)
            read = candidates(str(row["question"]), passages, reader)
            known = () if row.get("is_impossible") else answers(row)
            right = tuple(_right(candidate, known) for candidate in read.candidates)
            found.append(Case(read.candidates, right, read.alone, judge(str(row["question"]), passages)))
            say(len(found))
    return found


def fit(found: Sequence[Case]) -> Choice:
    """First which candidate is right, then how often the best one is, of each kind and by the evidence around it."""
    weights = {}
    for closed, width in ((False, len(FEATURES)), (True, len(CLOSED))):
        mine = [case for case in found if case.found and case.found[0].closed == closed]
        rows = np.array([c.values for case in mine for c in case.found], float).reshape(-1, width)
        right = np.array([right for case in mine for right in case.right], float)
        first = logistic(rows, right)
        best = np.array([_best(case, first) for case in mine], float).reshape(-1, 2)
        scale, shift = logistic(best[:, :1], best[:, 1])
        weights[closed] = tuple(float(x) for x in (*(first[:-1] * scale), first[-1] * scale + shift))
    chosen = [(case, *_best(case, np.array(weights[case.found[0].closed]))) for case in found if case.found]
    rows = np.array([evidence(logit, case.alone, case.together) for case, logit, _ in chosen]).reshape(-1, len(SURE))
    right = np.array([right for _, _, right in chosen], float)
    choice = Choice(weights[False], weights[True], tuple(float(x) for x in logistic(rows, right)))
    said = [(choice.confidence(logit, case.alone, case.together), right) for case, logit, right in chosen]
    return replace(choice, risks=tuple(_risks(said)))


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


def _best(case: Case, weights: NDArray[np.float64]) -> tuple[float, bool]:
    """The best candidate's logit, and whether it is right."""
    scores = logits(case.found, tuple(weights))
    at = int(np.argmax(scores))
    return scores[at], case.right[at]


def _risks(said: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    """For each share of wrong answers the least confidence that keeps to it, over at least FEWEST answers."""
    ordered = sorted(said, reverse=True)
    wrong = np.cumsum([not right for _, right in ordered])
    for share in SHARES:
        fitting = [n for n in range(FEWEST, len(ordered) + 1) if wrong[n - 1] / n <= share]
        if fitting:
            yield share, round(ordered[fitting[-1] - 1][0], 4)
