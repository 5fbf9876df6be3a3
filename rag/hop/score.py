"""What each passage of a tree is worth: a sum of few parts with learned weights, which can be computed by hand.

A passage c has three parts of its own: what its place among the direct hits is worth (1/2, 1/3, ...; 0 for what hops
found), the question's words it holds, and whether the question names it. A word counts ln((n + 1) / (m + 1/2)) where m
of the n passages of the tree hold it: what every passage says tells none of them apart. The weighted sum is s(c).
Words matter where a question asks for several things at once, of which its vector is a blur. (Cosines with the
question and with its trained reading were parts, too: their learned weights came near 0, and nothing is lost without.)

A path leads from a passage a that was read to another one, c, in a step of three parts: the cosine of c with the
reading of a, whether a link leads there, and the question's words that c holds and a does not. The path is worth s(a)
plus the weighted sum of the step. What ranks is s(c) + path weight * the best path (or 0) that c is an end of.

Weights are not negative, so that no part can count against what it stands for. `rag train hop` learns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ConfigError, ModelError
from rag.hop.rank import find_anchors, link_keys
from rag.text.words import held, stems
from rag.types import Chunk, Hit, Vector, Vectors

OWN = ("place", "words", "named")
STEP = ("reading", "link", "new words")
NAMES = (*OWN, *STEP, "path")


@dataclass(frozen=True, slots=True)
class TreeParts:
    """`own` (n, 3) of n passages, `read` (r,) the rows of those that were read, `steps` (r, n, 3) from each to all."""

    own: Vectors
    read: NDArray[np.int64]
    steps: Vectors


def parts(question: str, hits: Sequence[Hit], read: Sequence[str], readings: Vectors) -> TreeParts:
    """The parts of each hit; `readings` (r, d) are those after the hits with the ids `read`.

    Raises ConfigError where a hit has no dense vector.
    """
    passages = vectors(hits)
    asked = stems(question)
    said, words = [held(hit.chunk.contextual, asked) for hit in hits], sorted(asked)
    holds = np.array([[word in own for word in words] for own in said], np.float32).reshape(len(hits), len(words))
    weight = np.log((len(hits) + 1) / (holds.sum(0) + 0.5))
    named = {hit.chunk.id for hit in find_anchors(question, hits)}
    own = np.stack(
        [
            places(hits),
            (holds * weight).sum(1),
            np.array([hit.chunk.id in named for hit in hits], np.float32),
        ],
        axis=1,
    )
    row = {hit.chunk.id: i for i, hit in enumerate(hits)}
    rows = np.array([row[name] for name in read], np.int64)
    steps = np.zeros((len(rows), len(hits), len(STEP)), np.float32)
    for step, at, reading in zip(steps, rows, readings, strict=True):
        step[:, 0] = passages @ reading
        step[:, 1] = _linked(hits[at].chunk, hits)
        step[:, 2] = (holds * (1 - holds[at]) * weight).sum(1)
    return TreeParts(own.astype(np.float32), rows, steps)


def scores(found: TreeParts, weights: Vector) -> Vector:
    """One score for each passage, (n,); `weights` (7,) are in the order of `NAMES`."""
    own = found.own @ weights[: len(OWN)]
    paths = own[found.read, None] + found.steps @ weights[len(OWN) : -1]
    paths[np.arange(len(found.read)), found.read] = 0
    best = paths.max(axis=0, initial=0)
    np.maximum.at(best, found.read, paths.max(axis=1, initial=0))
    total: Vector = own + weights[-1] * best
    return total


def ranking_weights(values: Any, where: str) -> Vector:
    """The weights of a ranking, (7,), as a file holds them. Raises ModelError that says `where` they stand."""
    try:
        weights = np.array(values, np.float32)
    except (ValueError, TypeError):
        weights = np.empty(0, np.float32)
    if weights.shape != (len(NAMES),) or not np.isfinite(weights).all():
        raise ModelError(f"{where} should hold {len(NAMES)} finite numbers: {', '.join(NAMES)}.")
    return weights


def vectors(hits: Sequence[Hit]) -> Vectors:
    """The dense vectors of hits, (n, d). Raises ConfigError where one has none."""
    found = [hit.vector for hit in hits if hit.vector is not None]
    if len(found) < len(hits):
        raise ConfigError("hop: encoder needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return np.stack(found)


def places(hits: Sequence[Hit]) -> Vectors:
    """What each hit's place among the direct ones is worth, (n,): 1/2, 1/3, ..., and 0 for what hops found."""
    direct = iter(range(len(hits)))
    return np.array([1 / (2 + next(direct)) if hit.hop == 0 else 0 for hit in hits], np.float32)


def _linked(chunk: Chunk, hits: Sequence[Hit]) -> Vectors:
    """1 for each hit about something that `chunk` mentions, else 0."""
    keys = set(link_keys(chunk))
    return np.array([not keys.isdisjoint(hit.chunk.about) for hit in hits], np.float32)
