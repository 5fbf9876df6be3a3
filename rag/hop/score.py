"""The score of each passage of a tree: a sum of few features with learned weights, which can be computed by hand.

A passage c has three features of its own: its place among the direct hits (1/2, 1/3, ...; 0 for what hops found), the
question's words it has, and whether the question names it. A word counts ln((n + 1) / (m + 1/2)) where m of the n
passages of the tree have it: what every passage says tells none of them apart. The weighted sum is s(c). Words matter
where a question asks for several things at once, of which its vector is a blur. (Cosines with the question and with its
trained reading were features, too: their learned weights came near 0, and nothing is lost without.)

A path leads from a seed a, a passage that a hop started at, to another passage c, in a step of three features: the
cosine of c with the vector of what is missing after a, whether a link leads there, and the question's words that c has
and a does not. The score of the path is s(a) plus the weighted sum of the step. Passages are ranked by s(c) + path
weight * the best path (or 0) that c is an end of.

Similar passages lift each other, so paths have a bound. A passage's evidence is the weight of what it holds of the
question: stems, whole words and identifiers. No path lifts an end above a passage with more than `BOUND` times the
evidence of both ends together, nor above the other end, where that has so much more alone. And a passage that holds
every word that any does comes before those that do not. What the question names is never outvoted. A passage that a
path would outvote against the bound gets the score of the best one below it; of equal scores the greater evidence goes
first. Common words mean many things ("a second job", "the second Friday"). So in a sentence of several content words
without an identifier, a passage is not bound to come before one whose cosine with the question is at least `NEAR`,
where its own is below `DOUBT` of that.

Weights are not negative, so that no feature can count against what it stands for. `rag train hop` learns them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.errors import ConfigError, ModelError
from rag.hop.rank import find_anchors, link_keys
from rag.text.identifiers import Identifier, find_identifiers
from rag.text.words import find_stems, find_words, long_words, stems
from rag.types import Hit, Query, Vector, Vectors

T = TypeVar("T")

PASSAGE_FEATURES = ("place", "words", "named")
STEP_FEATURES = ("reading", "link", "new words")
WEIGHTS = (*PASSAGE_FEATURES, *STEP_FEATURES, "path")
BOUND = 5.0  # of 2WikiMultihopQA's and MuSiQue's dev questions none loses recall@5; with 3 two do
NEAR, DOUBT = 0.3, 0.4  # see docs/research/evaluation.md


@dataclass(frozen=True, slots=True)
class TreeFeatures:
    """`passages` (n, 3); `seeds` (r,), the rows where hops started; `steps` (r, n, 3) from each seed to all.

    `held` (n, words) is the weight of each word of the question in each passage, 0 where it is not. `cosines` (n,) are
    those with the question; all 1 where they are no reason to doubt its words.
    """

    passages: Vectors
    seeds: NDArray[np.int64]
    steps: Vectors
    held: Vectors
    cosines: Vector


def extract_features(asked: Query, hits: Sequence[Hit], seeds: Sequence[str], next_vectors: Vectors) -> TreeFeatures:
    """The features of each hit; `next_vectors` (r, d) are those of what is missing after the hits with the ids `seeds`.

    Raises ConfigError where a hit has no dense vector.
    """
    question, vectors = asked.text, dense_vectors(hits)
    texts = [hit.chunk.contextual for hit in hits]
    words, identifiers = stems(question), frozenset(find_identifiers(question))
    has, rarity = _find(words, find_stems, texts)
    has_whole, rarity_whole = _find(long_words(question), find_words, texts)
    has_marked, rarity_marked = _find(identifiers, _hold, texts)
    anchors = {hit.chunk.id for hit in find_anchors(question, hits)}
    named = np.array([hit.chunk.id in anchors for hit in hits], np.float32)
    passages = np.stack([reciprocal_places(hits), (has * rarity).sum(1), named], axis=1)
    row = {hit.chunk.id: i for i, hit in enumerate(hits)}
    rows = np.array([row[id] for id in seeds], np.int64)
    steps = np.zeros((len(rows), len(hits), len(STEP_FEATURES)), np.float32)
    for step, seed, next_vector in zip(steps, rows, next_vectors, strict=True):
        keys = set(link_keys(hits[seed].chunk))
        step[:, 0] = vectors @ next_vector
        step[:, 1] = [not keys.isdisjoint(hit.chunk.about) for hit in hits]
        step[:, 2] = (has * (1 - has[seed]) * rarity).sum(1)
    held = np.concatenate([has * rarity, has_whole * rarity_whole, has_marked * rarity_marked], axis=1)
    cosines = np.ones(len(hits), np.float32)
    if asked.dense is not None and not identifiers and 1 < len(words) < len(question.split()):
        cosines = np.maximum(vectors @ asked.dense, 0)
    return TreeFeatures(passages.astype(np.float32), rows, steps, held, cosines)


def score_passages(features: TreeFeatures, weights: Vector) -> Vector:
    """One score for each passage, (n,), without the bound; `weights` (7,) are in the order of `WEIGHTS`."""
    total, _ = _score(features, weights)
    return total


def order_passages(features: TreeFeatures, weights: Vector, ids: Sequence[str]) -> list[int]:
    """The rows of the passages, best first, with the bound; ties by id."""
    scores, partners = _score(features, weights)
    evidence = features.held.sum(1)
    both = np.maximum(features.held, features.held[partners]).sum(1)
    named = features.passages[:, PASSAGE_FEATURES.index("named")] > 0
    both[named | named[partners]] = np.inf
    whole = (features.held == features.held.max(axis=0)).all(axis=1)
    for row in np.argsort(evidence, kind="stable"):
        outvoted = (BOUND * both < evidence[row]) | (~named & (partners == row) & (BOUND * evidence < evidence[row]))
        if whole[row]:
            outvoted |= ~named & ~whole
        outvoted &= (features.cosines < NEAR) | (features.cosines[row] >= DOUBT * features.cosines)
        scores[row] = max(scores[row], scores[outvoted].max(initial=-np.inf))
    return sorted(range(len(ids)), key=lambda i: (-float(scores[i]), -float(evidence[i]), ids[i]))


def _score(features: TreeFeatures, weights: Vector) -> tuple[Vector, NDArray[np.int64]]:
    """The scores (n,) without the bound, and the other end of each passage's best path, itself where there is none."""
    own = features.passages @ weights[: len(PASSAGE_FEATURES)]
    seeds, partners = features.seeds, np.arange(len(own))
    best = np.zeros_like(own)
    paths = own[seeds, None] + features.steps @ weights[len(PASSAGE_FEATURES) : -1]
    paths[np.arange(len(seeds)), seeds] = 0
    for seed, path in zip(seeds, paths, strict=True):
        better = path > best
        best[better], partners[better] = path[better], seed
    for seed, path in zip(seeds, paths, strict=True):
        if (end := path.argmax()) != seed and path[end] > best[seed]:
            best[seed], partners[seed] = path[end], end
    total: Vector = own + weights[-1] * best
    return total, partners


def _hold(text: str, wanted: frozenset[Identifier]) -> frozenset[Identifier]:
    return frozenset(one for one in wanted if one.is_in(text))


def _find(
    wanted: frozenset[T], find: Callable[[str, frozenset[T]], frozenset[T]], texts: Sequence[str]
) -> tuple[Vectors, Vector]:
    """Which of the texts have which of the words, (n, words), and what each word is worth, (words,)."""
    words = list(wanted)
    found = [find(text, wanted) for text in texts]
    has = np.array([[word in own for word in words] for own in found], np.float32).reshape(len(texts), len(words))
    return has, np.log((len(texts) + 1) / (has.sum(0) + 0.5))


def ranking_weights(values: Any, where: str) -> Vector:
    """The weights of a ranking, (7,), as a file has them or as JSON. Raises ModelError that says `where` they stand."""
    try:
        weights = np.array(json.loads(values) if isinstance(values, str) else values, np.float32)
    except (ValueError, TypeError):
        weights = np.empty(0, np.float32)
    if weights.shape != (len(WEIGHTS),) or not np.isfinite(weights).all():
        raise ModelError(f"{where} should hold {len(WEIGHTS)} finite numbers: {', '.join(WEIGHTS)}.")
    return weights


def dense_vectors(hits: Sequence[Hit]) -> Vectors:
    """The dense vectors of hits, (n, d). Raises ConfigError where one has none."""
    vectors = [hit.vector for hit in hits if hit.vector is not None]
    if len(vectors) < len(hits):
        raise ConfigError("hop: encoder needs dense vectors; retrieve by dense or hybrid, or use the hopper links.")
    return np.stack(vectors)


def reciprocal_places(hits: Sequence[Hit]) -> Vectors:
    """1/2, 1/3, ... for the direct hits in their order, and 0 for what hops found, (n,)."""
    direct = iter(range(len(hits)))
    return np.array([1 / (2 + next(direct)) if hit.hop == 0 else 0 for hit in hits], np.float32)
