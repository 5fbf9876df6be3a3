"""The calibration of a reader (`rag.reader.confidence`), fitted on what a trained reader says.

In training each question is asked over passages found by words: as they are, with its gold among them, with its gold
taken out, or over another folder's passages. A candidate is right when its words overlap a right answer's by half (F1).
Who has questions with what a pipeline finds for them fits on those (`benchmarks/calibrate.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.reader.agreement import agree, normalise_answer
from rag.reader.answerability import AnswerabilityModel
from rag.reader.candidates import SPAN_FEATURES, YES_NO_FEATURES, Candidate, extract_candidates
from rag.reader.confidence import CONFIDENCE_FEATURES, Calibration, confidence_features, feature_matrix
from rag.reader.network import Passage, ReaderModel
from rag.train.common.dataset import Row, gold
from rag.train.common.loop import EVERY, Say
from rag.train.reader.questions import ReaderDataset, answers, is_measured
from rag.train.reader.ranking import fit_ranking

PASSAGES = 8
GOLD_REMOVED, OFF_TOPIC = 0.2, 0.1  # of the questions
RIDGE = 1e-2

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibrationExample:
    """A question's candidates, which of them are right, and the logit of its answerability.

    None is right where the question has no answer here. An example counts `weight` times.
    """

    candidates: tuple[Candidate, ...]
    right: tuple[bool, ...]
    answerability: float
    weight: float = 1.0


def make_example(
    question: str,
    passages: Sequence[Passage],
    known: Sequence[str],
    reader: ReaderModel,
    answerability: AnswerabilityModel,
) -> CalibrationExample:
    """A question read; `known` are its right answers, none where it has none."""
    extraction = extract_candidates(question, passages, reader)
    candidates, strongest = extraction.candidates, [passages[place] for place in extraction.strongest]
    right = tuple(
        any(agree(normalise_answer(one.text), normalise_answer(answer)) for answer in known) for one in candidates
    )
    return CalibrationExample(candidates, right, answerability.logit(question, strongest))


def make_examples(
    datasets: Sequence[ReaderDataset],
    reader: ReaderModel,
    answerability: AnswerabilityModel,
    *,
    most: int,
    seed: int,
    say: Say,
) -> list[CalibrationExample]:
    """`most` questions of each folder, half of those held out, or training ones where none are."""
    rng = np.random.default_rng(seed)
    examples: list[CalibrationExample] = []
    for n, dataset in enumerate(datasets):
        rows = [row for row in dataset.held_out if not is_measured(row)] or dataset.train
        for row in sorted(rows, key=lambda row: crc32(row["id"].encode()))[:most]:
            off_topic, removed = rng.random() < OFF_TOPIC, rng.random() < GOLD_REMOVED
            other = int(rng.integers(len(datasets))) if off_topic else n
            passages = _passages(row, datasets[other], rng, removed=removed)
            known = () if row.get("is_impossible") else answers(row)
            examples.append(make_example(str(row["question"]), passages, known, reader, answerability))
            if len(examples) % EVERY == 0:
                say(f"question {len(examples):,} for the confidence")
    return examples


def fit(examples: Sequence[CalibrationExample]) -> Calibration:
    """The ranking of spans with the confidence, how likely the best one is right; and how likely each of yes and no is.

    Nothing that speaks for an answer may count against it.
    """
    examples = [one for one in examples if one.candidates]
    spans, yes_no = ([one for one in examples if one.candidates[0].yes_no == kind] for kind in (False, True))
    lists = [(feature_matrix(one.candidates), one.right, one.weight) for one in spans]
    calibration = Calibration(
        fit_ranking(lists, len(SPAN_FEATURES)),
        _fit_correctness(yes_no, len(YES_NO_FEATURES)),
        (0.0,) * (len(CONFIDENCE_FEATURES) + 1),
    )
    best = [_best(one, calibration) for one in spans]
    rows = np.array([features for features, _ in best]).reshape(-1, len(CONFIDENCE_FEATURES))
    right, weights = np.array([correct for _, correct in best], float), np.array([one.weight for one in spans])
    return replace(calibration, confidence_weights=tuple(map(float, fit_nonnegative(rows, right, weights))))


def fit_nonnegative(rows: Matrix, right: Matrix, weights: Matrix) -> Matrix:
    """A logistic function without negative weights: what would have the most negative one is left out, one by one."""
    used = np.ones(rows.shape[1], bool)
    while True:
        fitted = fit_logistic(rows[:, used], right, weights)
        if (fitted[:-1] >= 0).all():
            weights_of_all = np.zeros(rows.shape[1] + 1)
            weights_of_all[[*np.flatnonzero(used), -1]] = fitted
            return weights_of_all
        used[np.flatnonzero(used)[int(np.argmin(fitted[:-1]))]] = False


def fit_logistic(rows: Matrix, right: Matrix, weights: Matrix | None = None, steps: int = 50) -> Matrix:
    """Weights and, last, bias by Newton's method with a small ridge; zeros without data."""
    x = np.hstack([rows, np.ones((len(rows), 1))])
    counts = np.ones(len(rows)) if weights is None else weights
    w = np.zeros(x.shape[1])
    for _ in range(steps if len(rows) else 0):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (counts * (right - p)) - RIDGE * w
        w = w + np.linalg.solve(x.T @ (x * (counts * p * (1 - p))[:, None]) + RIDGE * np.eye(len(w)), slope)
    return w


def _passages(row: Row, dataset: ReaderDataset, rng: np.random.Generator, *, removed: bool) -> list[Passage]:
    near = dataset.lexical.best(str(row["question"]), PASSAGES + 4)
    golds = [pid for pid in gold(row) if pid in dataset.passages]
    if removed:
        near = [pid for pid in near if pid not in golds]
    else:
        for pid in golds:  # a search by meaning finds most of what words do not
            if pid not in near[:PASSAGES] and rng.random() < 0.7:
                near.insert(int(rng.integers(PASSAGES)), pid)
    rows = [dataset.passages[pid] for pid in dict.fromkeys(near)][:PASSAGES]
    return [(str(r.get("title") or ""), str(r["text"])) for r in rows]


def _fit_correctness(examples: Sequence[CalibrationExample], width: int) -> tuple[float, ...]:
    """How likely a candidate is right, by its features."""
    rows = np.concatenate([np.zeros((0, width)), *(feature_matrix(one.candidates) for one in examples)])
    right = np.array([correct for one in examples for correct in one.right], float)
    weights = np.array([one.weight for one in examples for _ in one.right])
    return tuple(map(float, fit_nonnegative(rows, right, weights)))


def _best(one: CalibrationExample, calibration: Calibration) -> tuple[tuple[float, ...], bool]:
    """The confidence features of the best candidate, and whether it is right."""
    best = calibration.best(one.candidates)
    assert best is not None  # there are candidates
    candidate, logit = best
    features = confidence_features(candidate, logit, one.answerability)
    return features, one.right[one.candidates.index(candidate)]
