"""Which candidate is the answer, and how sure that is: one logistic function for spans, one for yes and no.

Both are fitted by `rag train reader` on questions that the network was not trained on (where there are some), over
passages found by words: with the answer among them, with it removed, off topic, or about it but without it. The
confidence is a probability of being right there; `risks` says what to ask for to be wrong at most so often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import ModelError
from rag.read.candidates import CLOSED, FEATURES, Candidate, matrix


@dataclass(frozen=True, slots=True)
class Choice:
    """Weights of the features with the bias last, and (share wrong, least confidence that keeps to it) pairs."""

    span: tuple[float, ...]
    closed: tuple[float, ...]
    risks: tuple[tuple[float, float], ...] = ()

    def best(self, found: Sequence[Candidate]) -> tuple[Candidate, float] | None:
        """The likeliest candidate with its confidence, 0 to 1; None where there is none."""
        if not found:
            return None
        sure = confidences(found, self.closed if found[0].closed else self.span)
        best = max(range(len(found)), key=lambda i: (sure[i], -i))
        return found[best], sure[best]

    def threshold(self, risk: float) -> float:
        """The least confidence at which at most this share of the answers was wrong; above 1 where none is."""
        return min((least for share, least in self.risks if share <= risk), default=1.01)

    def text(self) -> str:
        """As it stands in a weights file."""
        return json.dumps({"span": self.span, "closed": self.closed, "risks": self.risks})


def confidences(found: Sequence[Candidate], weights: Sequence[float]) -> list[float]:
    """The logistic function of each candidate's features."""
    logits = matrix(found).astype(float) @ np.array(weights[:-1]) + weights[-1]
    return [float(p) for p in 1 / (1 + np.exp(-np.clip(logits, -50, 50)))]


def read(facts: Mapping[str, str], where: object) -> Choice:
    """The choice in a weights file's metadata. Raises ModelError for a file without one that fits."""
    try:
        data = json.loads(facts["choice"])
        found = Choice(tuple(data["span"]), tuple(data["closed"]), tuple((a, b) for a, b in data["risks"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: does not say how to choose an answer; train it again.") from error
    if (len(found.span), len(found.closed)) != (len(FEATURES) + 1, len(CLOSED) + 1):
        raise ModelError(f"{where}: its choice is made from other features than this version has; train it again.")
    return found
