"""Which candidate is the answer, and how sure that is.

Among spans the best one by a small network's word on their features is chosen, between yes and no the likelier one. A
logistic function says how likely the chosen one is right by itself; another takes its logit, whether it is a yes or no,
the doubt of the judge (`rag.reader.answerability`) about all passages together, and how many documents have its words,
and gives the confidence: a probability of being right on the questions that it was fitted on
(`rag.train.reader.calibrate`). `risks` says what to ask for to be wrong at most so often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from rag.errors import ModelError
from rag.reader.candidates import CLOSED, FEATURES, Candidate
from rag.types import Vectors

SURE = ("chosen", "closed", "judged", "documents")
LENGTHS = {"span": len(FEATURES) + 1, "closed": len(CLOSED) + 1, "sure": len(SURE) + 1}
OF = [*FEATURES, *CLOSED, *SURE]  # what a file's weights are of
WIDEST = 12.0  # no feature counts for more
DOUBT = 0.5  # what the judge says counts up to here: it may doubt an answer, not vouch for one

Units = tuple[tuple[float, ...], ...]  # of a network with one hidden layer: weights, bias and what is added, of each


@dataclass(frozen=True, slots=True)
class Choice:
    """The units of the order among spans; weights of the features with a bias at their end.

    `risks` are (share wrong, least confidence that keeps to it) pairs.
    """

    order: Units
    span: tuple[float, ...]
    closed: tuple[float, ...]
    sure: tuple[float, ...]
    risks: tuple[tuple[float, float], ...] = ()

    def best(self, found: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        """The likeliest candidate with its logit of being right; None where there is none."""
        if not found:
            return None
        rows, closed = features(found), found[0].closed
        weights = np.array(self.closed if closed else self.span)
        logits = rows @ weights[:-1] + weights[-1]
        best = int(np.argmax(logits if closed else scores(rows, self.order)))
        return found[best], float(logits[best])

    def confidence(self, chosen: Candidate, logit: float, judged: float) -> float:
        """How sure it is, 0 to 1, of the chosen one with its logit, `judged` being what the judge says."""
        total = float(np.dot(evidence(chosen, logit, judged), self.sure[:-1])) + self.sure[-1]
        return float(1 / (1 + np.exp(-np.clip(total, -50, 50))))

    def threshold(self, risk: float) -> float:
        """The least confidence at which at most this share of the answers was wrong; above 1 where none is."""
        return min((least for share, least in self.risks if share <= risk), default=1.01)

    def text(self) -> str:
        """As it stands in a weights file."""
        return json.dumps({**asdict(self), "of": OF})


def features(found: Sequence[Candidate]) -> Vectors:
    """What a choice is made from, (n, features)."""
    return np.clip(np.array([one.values for one in found], np.float32), -WIDEST, WIDEST)


def scores(rows: Vectors, order: Units) -> Vectors:
    """The network's word on each row of features, (n,)."""
    units = np.array(order).reshape(-1, rows.shape[1] + 2)
    scored: Vectors = np.tanh(rows @ units[:, :-2].T + units[:, -2]) @ units[:, -1]
    return scored


def evidence(chosen: Candidate, logit: float, judged: float) -> tuple[float, ...]:
    """What a confidence is made of, in the order of `SURE`; of documents each further one counts for less."""
    return logit, float(chosen.closed), min(judged, DOUBT), float(np.log(chosen.documents))


def read(facts: Mapping[str, str], where: object) -> Choice:
    """The choice in a weights file's metadata. Raises ModelError for a file without one that fits."""
    again = f"make it anew with `rag train reader FOLDER ... --start {where} --epochs 0 --out {where}`."
    try:
        data = json.loads(facts["choice"])
        order, risks = (tuple(tuple(map(float, row)) for row in data[name]) for name in ("order", "risks"))
        found = Choice(order, **{name: tuple(data[name]) for name in LENGTHS}, risks=tuple((a, b) for a, b in risks))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: does not say how to choose an answer; {again}") from error
    fits = data.get("of") == OF and all(len(getattr(found, name)) == length for name, length in LENGTHS.items())
    if not fits or any(len(unit) != len(FEATURES) + 2 for unit in found.order):
        raise ModelError(f"{where}: its choice is made from other features than this version has; {again}")
    return found
