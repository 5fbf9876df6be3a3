"""Which candidate is the answer, and how sure that is: three logistic functions.

One chooses among spans, one between yes and no; the third takes the chosen one's logit, how relevant the passages are
on average, and whether the judge (`rag.read.judge`) finds the question answered by all of them together. They are
fitted by `rag train reader` on questions that the network was not trained on (where there are some), over passages
found by words: with the answer among them, with it removed, off topic, or about it but without it. The confidence is a
probability of being right there; `risks` says what to ask for to be wrong at most so often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import ModelError
from rag.read.candidates import CLOSED, FEATURES, Candidate, matrix
from rag.read.reader import Reading

SURE = ("chosen", "relevant", "together")


@dataclass(frozen=True, slots=True)
class Choice:
    """Weights of the features with the bias last, and (share wrong, least confidence that keeps to it) pairs."""

    span: tuple[float, ...]
    closed: tuple[float, ...]
    sure: tuple[float, ...]
    risks: tuple[tuple[float, float], ...] = ()

    def best(self, found: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        """The likeliest candidate with its logit; None where there is none."""
        if not found:
            return None
        scores = logits(found, self.closed if found[0].closed else self.span)
        best = max(range(len(found)), key=lambda i: (scores[i], -i))
        return found[best], scores[best]

    def confidence(self, chosen: float, alone: Sequence[Reading], together: float) -> float:
        """How sure it is, 0 to 1: from the chosen one's logit, each passage's reading, and what the judge says."""
        logit = float(np.dot(evidence(chosen, alone, together), self.sure[:-1])) + self.sure[-1]
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))

    def threshold(self, risk: float) -> float:
        """The least confidence at which at most this share of the answers was wrong; above 1 where none is."""
        return min((least for share, least in self.risks if share <= risk), default=1.01)

    def text(self) -> str:
        """As it stands in a weights file."""
        return json.dumps({"span": self.span, "closed": self.closed, "sure": self.sure, "risks": self.risks})


def logits(found: Sequence[Candidate], weights: Sequence[float]) -> list[float]:
    """The weighted sum of each candidate's features."""
    return [float(x) for x in matrix(found).astype(float) @ np.array(weights[:-1]) + weights[-1]]


def evidence(chosen: float, alone: Sequence[Reading], together: float) -> tuple[float, ...]:
    """What a confidence is made of, in the order of `SURE`."""
    return chosen, float(np.mean([reading.relevant for reading in alone])), together


def read(facts: Mapping[str, str], where: object) -> Choice:
    """The choice in a weights file's metadata. Raises ModelError for a file without one that fits."""
    try:
        data = json.loads(facts["choice"])
        span, closed, sure = (tuple(data[name]) for name in ("span", "closed", "sure"))
        found = Choice(span, closed, sure, tuple((a, b) for a, b in data["risks"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: does not say how to choose an answer; train it again.") from error
    if [len(found.span), len(found.closed), len(found.sure)] != [len(names) + 1 for names in (FEATURES, CLOSED, SURE)]:
        raise ModelError(f"{where}: its choice is made from other features than this version has; train it again.")
    return found
