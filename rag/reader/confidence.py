"""Which candidate is the answer, and how sure that is.

A small network ranks spans by their features; of yes and no the likelier one is taken. A logistic function says how
likely the best candidate is right by itself. Another takes its logit, whether it is a yes or no, the answerability of
the question by all passages together (`rag.reader.answerability`), and how many documents have its words. That gives
the confidence: a probability of being right on the questions that it was fitted on (`rag.train.reader.calibrate`).
`risks` says which confidence to ask for so that at most a share of the answers is wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import ModelError
from rag.reader.candidates import SPAN_FEATURES, YES_NO_FEATURES, Candidate
from rag.types import Vectors

CONFIDENCE_FEATURES = ("chosen", "closed", "judged", "documents")
FEATURES = [*SPAN_FEATURES, *YES_NO_FEATURES, *CONFIDENCE_FEATURES]  # what a file's weights are of
WEIGHTS = {  # of a file, and how many: one for each feature, and a bias
    "span": len(SPAN_FEATURES) + 1,
    "closed": len(YES_NO_FEATURES) + 1,
    "sure": len(CONFIDENCE_FEATURES) + 1,
}
MAX_FEATURE = 12.0  # no feature counts for more
MAX_ANSWERABILITY = 0.5  # what answerability counts at most: it may doubt an answer, not vouch for one

Units = tuple[tuple[float, ...], ...]  # of a network with one hidden layer: weights, bias and what is added, of each


@dataclass(frozen=True, slots=True)
class Calibration:
    """The hidden units that rank spans, and the weights of three logistic functions with a bias at their end.

    `risks` are (share wrong, least confidence that keeps to it) pairs.
    """

    ranking: Units
    span_weights: tuple[float, ...]
    yes_no_weights: tuple[float, ...]
    confidence_weights: tuple[float, ...]
    risks: tuple[tuple[float, float], ...] = ()

    def best(self, candidates: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        """The best candidate with its logit of being right; None where there is none."""
        if not candidates:
            return None
        rows, yes_no = feature_matrix(candidates), candidates[0].yes_no
        weights = np.array(self.yes_no_weights if yes_no else self.span_weights)
        logits = rows @ weights[:-1] + weights[-1]
        best = int(np.argmax(logits if yes_no else rank(rows, self.ranking)))
        return candidates[best], float(logits[best])

    def confidence(self, candidate: Candidate, logit: float, answerability: float) -> float:
        """How likely a candidate with this logit is right, 0 to 1."""
        features = confidence_features(candidate, logit, answerability)
        total = float(np.dot(features, self.confidence_weights[:-1])) + self.confidence_weights[-1]
        return float(1 / (1 + np.exp(-np.clip(total, -50, 50))))

    def threshold(self, risk: float) -> float:
        """The least confidence at which at most this share of the answers was wrong; above 1 where none is."""
        return min((least for share, least in self.risks if share <= risk), default=1.01)

    def to_json(self) -> str:
        """As it stands in the metadata of a weights file."""
        weights = {"span": self.span_weights, "closed": self.yes_no_weights, "sure": self.confidence_weights}
        return json.dumps({"order": self.ranking, **weights, "risks": self.risks, "of": FEATURES})


def feature_matrix(candidates: Sequence[Candidate]) -> Vectors:
    """The features of some candidates of one kind, (n, features)."""
    return np.clip(np.array([one.features for one in candidates], np.float32), -MAX_FEATURE, MAX_FEATURE)


def rank(rows: Vectors, units: Units) -> Vectors:
    """The score of each row of features, (n,)."""
    hidden = np.array(units).reshape(-1, rows.shape[1] + 2)
    scores: Vectors = np.tanh(rows @ hidden[:, :-2].T + hidden[:, -2]) @ hidden[:, -1]
    return scores


def confidence_features(candidate: Candidate, logit: float, answerability: float) -> tuple[float, ...]:
    """In the order of `CONFIDENCE_FEATURES`; of documents each further one counts for less."""
    return logit, float(candidate.yes_no), min(answerability, MAX_ANSWERABILITY), float(np.log(candidate.documents))


def read_calibration(facts: Mapping[str, str], where: object) -> Calibration:
    """The calibration in a weights file's metadata. Raises ModelError for a file without one that fits."""
    again = f"make it anew with `rag train reader FOLDER ... --start {where} --epochs 0 --out {where}`."
    try:
        data = json.loads(facts["choice"])
        ranking, risks = (tuple(tuple(map(float, row)) for row in data[name]) for name in ("order", "risks"))
        span, yes_no, confidence = weights = [tuple(data[name]) for name in WEIGHTS]
        pairs = tuple((share, least) for share, least in risks)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: does not say how to choose an answer; {again}") from error
    fits = data.get("of") == FEATURES and [*map(len, weights)] == [*WEIGHTS.values()]
    if not fits or any(len(unit) != len(SPAN_FEATURES) + 2 for unit in ranking):
        raise ModelError(f"{where}: its choice is made from other features than this version has; {again}")
    return Calibration(ranking, span, yes_no, confidence, pairs)
