"""Which candidate is the answer, and how sure that is.

A small network ranks spans by their features; the softmax of its scores gives each answer its share of all that was
found. A logistic function of that share, of what the joint reading says, of the answerability of the question by the
passages that likeliest answer it (`rag.reader.answerability`), of how many documents have the answer, of how short it
is, and of how much of the question its sentence has, gives the confidence: a probability of being right on the
questions that it was fitted on (`rag.train.reader.calibrate`). Yes and no have a logistic function of their own, which
takes the likelier one and is its confidence.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import ModelError
from rag.reader.agreement import agree, normalise_answer
from rag.reader.candidates import SPAN_FEATURES, YES_NO_FEATURES, Candidate
from rag.types import Vectors

CONFIDENCE_FEATURES = ("share", "joint", "whole", "judged", "documents", "brief", "plain", "asked")
FEATURES = [*SPAN_FEATURES, *YES_NO_FEATURES, *CONFIDENCE_FEATURES]  # what a file's weights are of
MAX_FEATURE = 12.0  # no feature counts for more
MAX_SHARE = 6.0  # of a share's logit
MAX_ANSWERABILITY = 0.5  # what answerability counts at most: it may doubt an answer, not vouch for one

Units = tuple[tuple[float, ...], ...]  # of a network with one hidden layer: weights, bias and what is added, of each


@dataclass(frozen=True, slots=True)
class Calibration:
    """The hidden units that rank spans, and the weights of two logistic functions with a bias at their end."""

    ranking: Units
    yes_no_weights: tuple[float, ...]
    confidence_weights: tuple[float, ...]

    def best(
        self, candidates: Sequence[Candidate], among: Sequence[Candidate] | None = None
    ) -> tuple[Candidate, float] | None:
        """The best candidate with the logit of its answer's share; None where there is none.

        The share is that of all candidates, or of those that it is `among`.
        """
        if not candidates:
            return None
        if candidates[0].yes_no:
            logits = feature_matrix(candidates) @ np.array(self.yes_no_weights[:-1]) + self.yes_no_weights[-1]
            best = int(np.argmax(logits))
            return candidates[best], float(np.clip(logits[best], -MAX_SHARE, MAX_SHARE))
        best_one = candidates[int(np.argmax(rank(feature_matrix(candidates), self.ranking)))]
        among = candidates if among is None else among
        scores = rank(feature_matrix(among), self.ranking)
        weights: dict[tuple[str, str], float] = {}  # by answer and source, which counts once
        for one, weight in zip(among, np.exp(scores - scores.max()), strict=True):
            key = normalise_answer(one.text), one.source
            weights[key] = max(weights.get(key, 0.0), float(weight))
        answer = normalise_answer(best_one.text)
        own = sum(weight for (said, _), weight in weights.items() if agree(said, answer))
        others = sum(weights.values()) - own
        return best_one, float(np.subtract(*np.log(np.maximum([own, others], np.exp(-MAX_SHARE)))))

    def confidence(self, candidate: Candidate, share: float, answerability: float) -> float:
        """How likely a candidate with this logit of its share is right, 0 to 1."""
        if candidate.yes_no:
            return float(1 / (1 + np.exp(-share)))
        features = confidence_features(candidate, share, answerability)
        total = float(np.dot(features, self.confidence_weights[:-1])) + self.confidence_weights[-1]
        return float(1 / (1 + np.exp(-np.clip(total, -50, 50))))

    def to_json(self) -> str:
        """As it stands in the metadata of a weights file."""
        weights = {"closed": self.yes_no_weights, "sure": self.confidence_weights}
        return json.dumps({"order": self.ranking, **weights, "of": FEATURES})


def feature_matrix(candidates: Sequence[Candidate]) -> Vectors:
    """The features of some candidates of one kind, (n, features)."""
    return np.clip(np.array([one.features for one in candidates], np.float32), -MAX_FEATURE, MAX_FEATURE)


def rank(rows: Vectors, units: Units) -> Vectors:
    """The score of each row of features, (n,)."""
    hidden = np.array(units).reshape(-1, rows.shape[1] + 2)
    scores: Vectors = np.tanh(rows @ hidden[:, :-2].T + hidden[:, -2]) @ hidden[:, -1]
    return scores


def confidence_features(candidate: Candidate, share: float, answerability: float) -> tuple[float, ...]:
    """In the order of `CONFIDENCE_FEATURES`; of documents each further one counts for less."""
    joint, whole = (float(np.clip(value, -MAX_FEATURE, MAX_FEATURE)) for value in (candidate.joint, candidate.whole))
    answerable, documents = min(answerability, MAX_ANSWERABILITY), float(np.log(candidate.documents))
    brief = -float(np.log(max(1, len(candidate.text.split()))))  # long spans are wrong more often
    return share, joint, whole, answerable, documents, brief, -float(candidate.nested), candidate.asked


def read_calibration(facts: Mapping[str, str], where: object) -> Calibration:
    """The calibration in a weights file's metadata; a feature that is younger than the file has no weight.

    Raises ModelError for a file without a calibration, or with one of other features.
    """
    again = f"make it anew with `rag train reader FOLDER ... --start {where} --epochs 0 --out {where}`."
    try:
        data = json.loads(facts["choice"])
        ranking = tuple(tuple(map(float, row)) for row in data["order"])
        yes_no, confidence = (list(map(float, data[name])) for name in ("closed", "sure"))
        names = [str(name) for name in data.get("of", ())]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: does not say how to choose an answer; {again}") from error
    at = len(SPAN_FEATURES)
    of_yes_no, of_confidence = names[at:][: len(yes_no) - 1], names[at:][len(yes_no) - 1 :]
    known = {*of_yes_no} <= {*YES_NO_FEATURES} and {*of_confidence} <= {*CONFIDENCE_FEATURES}
    fits = names[:at] == [*SPAN_FEATURES] and len(of_confidence) == len(confidence) - 1
    if not known or not fits or any(len(unit) != at + 2 for unit in ranking):
        raise ModelError(f"{where}: its choice is made from other features than this version has; {again}")
    return Calibration(
        ranking, _by_name(of_yes_no, yes_no, YES_NO_FEATURES), _by_name(of_confidence, confidence, CONFIDENCE_FEATURES)
    )


def _by_name(names: Sequence[str], weights: Sequence[float], features: Sequence[str]) -> tuple[float, ...]:
    """The weights of some features, 0 where none is named; the bias stays last."""
    known = dict(zip(names, weights, strict=False))
    return (*(known.get(name, 0.0) for name in features), weights[-1])
