"""How to choose and how sure to be: the weights of `rag.reader.confidence`, fitted on what a trained reader says.

In training each question is asked over passages found by words: as they are, with its gold among them, with its gold
taken out, or over another folder's passages. A candidate is right when its words overlap a right answer's by half (F1).
Who has questions with what a pipeline finds for them fits on those (`benchmarks/calibrate.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.reader.answerability import Judge
from rag.reader.candidates import CLOSED, FEATURES, Candidate, candidates, key
from rag.reader.confidence import SURE, Choice, evidence, features
from rag.reader.network import Passage, Reader
from rag.train.reader.questions import Folder, Row, answers, gold, measured
from rag.train.reader.ranking import order

PASSAGES = 8
REMOVED, OFF_TOPIC = 0.2, 0.1  # of the questions
RIGHT = 0.5  # F1 of an answer that counts as right
RIDGE = 1e-2
WRONG = 0.6  # what a wrong answer to a question that has one counts as: a right one is 1, any where there is none 0
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
FEWEST = 20  # answers that a share of wrong ones must be seen on

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A question's candidates, which of them are right, and what the judge says.

    `answerable` says whether the question has an answer here at all; a case counts `weight` times.
    """

    found: tuple[Candidate, ...]
    right: tuple[bool, ...]
    judged: float
    answerable: bool
    weight: float = 1.0


def case(question: str, passages: Sequence[Passage], known: Sequence[str], reader: Reader, judge: Judge) -> Case:
    """A question read; `known` are its right answers, none where it has none."""
    read = candidates(question, passages, reader)
    right = tuple(any(f1(one.text, answer) >= RIGHT for answer in known) for one in read.candidates)
    return Case(read.candidates, right, judge(question, passages), bool(known))


def cases(
    folders: Sequence[Folder], reader: Reader, judge: Judge, *, most: int, seed: int, say: Callable[[int], None]
) -> list[Case]:
    """`most` questions of each folder, half of those held out, or training ones where none are."""
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    for n, folder in enumerate(folders):
        rows = [row for row in folder.held_out if not measured(row)] or folder.train
        for row in sorted(rows, key=lambda row: crc32(row["id"].encode()))[:most]:
            away, removed = rng.random() < OFF_TOPIC, rng.random() < REMOVED
            other = int(rng.integers(len(folders))) if away else n
            passages = _passages(row, folders[other], rng, removed=removed)
            known = () if row.get("is_impossible") else answers(row)
            one = case(str(row["question"]), passages, known, reader, judge)
            found.append(replace(one, answerable=one.answerable and not removed and other == n))
            say(len(found))
    return found


def fit(found: Sequence[Case], tell: Sequence[Case] = ()) -> Choice:
    """The order among spans, how likely the chosen candidate is right, and how sure to be by the evidence around it.

    Nothing that speaks for an answer may count against it. The evidence is weighed on the cases `tell` (all, unless
    given) so that it tells questions with an answer from those without, too: a wrong answer to one that has an answer
    counts `WRONG`. That gives an order; the confidence is then the share that is right along it.
    """
    read = [one for one in found if one.found]
    spans = [one for one in read if not one.found[0].closed]
    units = order([(features(one.found), one.right, one.weight) for one in spans], len(FEATURES))
    likely = [_likely(read, len(names), closed=names is CLOSED) for names in (FEATURES, CLOSED)]
    choice = Choice(units, likely[0], likely[1], (0.0,) * (len(SURE) + 1))
    chosen = [(one, *_chosen(one, choice)) for one in tell or found if one.found]
    weights = np.array([one.weight for one, *_ in chosen])
    rows = np.array([row for _, row, _ in chosen]).reshape(-1, len(SURE))
    right = np.array([good for *_, good in chosen], float)
    graded = np.array([WRONG * one.answerable + (1 - WRONG) * good for one, _, good in chosen], float)
    sure = rising(rows, graded, weights)
    scale, shift = logistic((rows @ sure[:-1] + sure[-1])[:, None], right, weights)
    sure = np.array([*(sure[:-1] * scale), sure[-1] * scale + shift])
    logits = rows @ sure[:-1] + sure[-1]
    said = [(float(1 / (1 + np.exp(-logit))), bool(good)) for logit, good in zip(logits, right, strict=True)]
    return replace(choice, sure=tuple(map(float, sure)), risks=tuple(_risks(said)))


def rising(rows: Matrix, right: Matrix, weights: Matrix) -> Matrix:
    """A logistic function without negative weights: what would have the most negative one is left out, one by one."""
    used = np.ones(rows.shape[1], bool)
    while True:
        found = logistic(rows[:, used], right, weights)
        if (found[:-1] >= 0).all():
            whole = np.zeros(rows.shape[1] + 1)
            whole[[*np.flatnonzero(used), -1]] = found
            return whole
        used[np.flatnonzero(used)[int(np.argmin(found[:-1]))]] = False


def logistic(rows: Matrix, right: Matrix, weights: Matrix | None = None, steps: int = 50) -> Matrix:
    """Weights and, last, bias by Newton's method with a small ridge; zeros without data."""
    x = np.hstack([rows, np.ones((len(rows), 1))])
    counts = np.ones(len(rows)) if weights is None else weights
    w = np.zeros(x.shape[1])
    for _ in range(steps if len(rows) else 0):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (counts * (right - p)) - RIDGE * w
        w = w + np.linalg.solve(x.T @ (x * (counts * p * (1 - p))[:, None]) + RIDGE * np.eye(len(w)), slope)
    return w


def f1(said: str, wanted: str) -> float:
    """Word F1 of two answers in their keys."""
    a, b = key(said).split(), key(wanted).split()
    same = (Counter(a) & Counter(b)).total()
    return 2 * same / (len(a) + len(b)) if same else 0.0


def _passages(row: Row, folder: Folder, rng: np.random.Generator, *, removed: bool) -> list[Passage]:
    near = folder.lexical.best(str(row["question"]), PASSAGES + 4)
    golds = [pid for pid in gold(row) if pid in folder.passages]
    if removed:
        near = [pid for pid in near if pid not in golds]
    else:
        for pid in golds:  # a search by meaning finds most of what words do not
            if pid not in near[:PASSAGES] and rng.random() < 0.7:
                near.insert(int(rng.integers(PASSAGES)), pid)
    rows = [folder.passages[pid] for pid in dict.fromkeys(near)][:PASSAGES]
    return [(str(r.get("title") or ""), str(r["text"])) for r in rows]


def _likely(found: Sequence[Case], width: int, *, closed: bool = False) -> tuple[float, ...]:
    """How likely a candidate of one kind is right, by its features."""
    mine = [one for one in found if one.found[0].closed == closed]
    rows = np.concatenate([np.zeros((0, width)), *(features(one.found) for one in mine)])
    right = np.array([good for one in mine for good in one.right], float)
    weights = np.array([one.weight for one in mine for _ in one.right])
    return tuple(map(float, rising(rows, right, weights)))


def _chosen(one: Case, choice: Choice) -> tuple[tuple[float, ...], bool]:
    """The evidence for the chosen candidate, and whether it is right."""
    best = choice.best(one.found)
    assert best is not None  # there are candidates
    candidate, logit = best
    return evidence(candidate, logit, one.judged), one.right[one.found.index(candidate)]


def _risks(said: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    """For each share of wrong answers the least confidence that keeps to it, over at least FEWEST answers."""
    ordered = sorted(said, reverse=True)
    wrong = np.cumsum([not right for _, right in ordered])
    for share in SHARES:
        fitting = [n for n in range(FEWEST, len(ordered) + 1) if wrong[n - 1] / n <= share]
        if fitting:
            yield share, round(ordered[fitting[-1] - 1][0], 4)
