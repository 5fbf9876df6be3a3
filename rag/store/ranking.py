"""Which searches a query needs and how their answers become one list. Pure: the engine comes in as three functions.

Ranks are fused here and not in the engine. Two reasons: reciprocal rank fusion ties by construction (rank 3 in one list
and rank 3 in the other are worth the same), and Qdrant orders ties at will, differently in every process. Here ties go
by chunk id, in each list and in the fused one, so that every engine gives the same answer. Lists of ids come from the
engine in one batch, and each chunk is then read once, however many queries found it; a tie that goes on and on is never
read to its end. With weights, scores are fused: each list's from 0, its last, to 1, its first, times its weight.
"either" does so where the words of a query single out few chunks, and goes by rank elsewhere: the dense list knows
nothing that sets these apart, and ranks would let it put others between them.

Source: Cormack et al. 2009, Reciprocal Rank Fusion; the constant is Qdrant's. Bruch et al. 2022 (arXiv 2210.11934,
section 3), convex combination of scores by theoretical or, as here, observed minimum and maximum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import isclose
from typing import Any

from rag.errors import StoreError
from rag.store.checks import check_query
from rag.types import Filter, Hit, Query, Sparse, Vector, Vectors

_BOTH = ("dense", "sparse")
BRANCHES = {"dense": ("dense",), "sparse": ("sparse",), "tokens": ("tokens",), "hybrid": _BOTH, "either": _BOTH}
CONSTANT = 2  # a hit of rank r (from 0) is worth 1 / (r + CONSTANT)
FEW, APART = 5, 0.5  # words single out so many chunks where the next one's score is below this part of the first's
DEPTH, DEPTH_AT_LEAST = 4, 50  # fusion reads the best max(4 k, 50) of each list; where there is only one, k
DEEPER = (512, 4096)  # more hits that are read to see whether a tie ends: first, and where it goes on
SLOWER = 4  # of these are read in the time in which an id is gone through and scored, as pages are too large, too
ROUNDING = 1e-6  # scores that differ by this part are one: engines add in any order, differently for each chunk
PAGE = 8192  # the most ids that are gone through at once

Scored = tuple[str, float]  # chunk id, score
Weights = Mapping[str, float]  # of the scores of each kind of vector


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One search of the engine: the `limit` best vectors of this name."""

    name: str
    vector: Vector | Vectors | Sparse
    filter: Filter | None
    limit: int


Ask = Callable[[Sequence[Branch]], list[list[Scored]]]  # best first
Scroll = Callable[[Filter | None, Any, int], tuple[list[str], Any]]  # ids in order; where the next begin, or None
Fetch = Callable[[Sequence[str]], Sequence[Hit]]


@dataclass(frozen=True, slots=True, eq=False)
class VectorEngine:
    """What an engine does for a search over vectors of `dim` columns, and of `tokens` columns, or 0: as many."""

    dim: int
    ask: Ask
    scroll: Scroll
    fetch: Fetch
    tokens: int = 0


def search(
    engine: VectorEngine, queries: Sequence[Query], *, k: int, using: str, weights: Weights | None = None
) -> list[list[Hit]]:
    """The k best hits of each query, or its `limit`, ties by chunk id.

    "hybrid" fuses ranks of dense and sparse, or with `weights` scores of the vectors they name; "either", with weights,
    the one or the other. Raises StoreError when a query lacks the vectors for it.
    """
    if using not in BRANCHES:
        raise StoreError(f"using: {using!r} is no way to search. Known: {', '.join(BRANCHES)}.")
    if k < 1:
        raise StoreError(f"k: {k} is no number of hits; give 1 or more")
    for query in queries:
        check_query(query, dim=engine.dim, tokens=engine.tokens)
    fused = len(BRANCHES[using]) > 1
    names = tuple(weights) if fused and weights else BRANCHES[using]
    most = [min(k, query.limit or k) for query in queries]
    plans = [_branches(query, names, n) for query, n in zip(queries, most, strict=True)]
    answers = iter(_break_ties(engine, [branch for plan in plans for branch in plan]))
    found = [[next(answers) for _ in plan] for plan in plans]
    lists = [_join(plan, own, using, weights) for plan, own in zip(plans, found, strict=True)]
    ranked = [hits[:n] for hits, n in zip(lists, most, strict=True)]
    chunks = {hit.chunk.id: hit for hit in engine.fetch(list({id: None for hits in ranked for id, _ in hits}))}
    return [
        [replace(chunks[id], score=score, hop=query.hop, trail=query.trail) for id, score in hits if id in chunks]
        for query, hits in zip(queries, ranked, strict=True)
    ]


def _branches(query: Query, names: Sequence[str], k: int) -> list[Branch]:
    """One per vector the query has; an empty sparse vector finds nothing and is not asked."""
    vectors = {name: getattr(query, name) for name in names if getattr(query, name) is not None}
    if not vectors:
        raise StoreError(f"query {query.text!r} has no {' or '.join(names)} vector to search by")
    depth = max(DEPTH * k, DEPTH_AT_LEAST) if len(vectors) > 1 else k
    return [
        Branch(name, vector, query.filter, depth)
        for name, vector in vectors.items()
        if not isinstance(vector, Sparse) or len(vector.indices)
    ]


def _break_ties(engine: VectorEngine, branches: Sequence[Branch]) -> list[list[Scored]]:
    """The best of each branch, ties by id, however many tie."""
    found = engine.ask([replace(branch, limit=branch.limit + 1) for branch in branches])
    whole = [
        _settle(engine, branch, hits) if _ends_in_tie(hits, branch.limit) else hits
        for branch, hits in zip(branches, map(_level, found), strict=True)
    ]
    return [sorted(hits, key=_best_first)[: branch.limit] for hits, branch in zip(whole, branches, strict=True)]


def _level(hits: Sequence[Scored]) -> list[Scored]:
    """Hits whose scores differ by ROUNDING at most get one: that of the best of them."""
    levels: list[Scored] = []
    for id, score in sorted(hits, key=_best_first):
        above = levels[-1][1] if levels else score
        levels.append((id, above if isclose(score, above, rel_tol=ROUNDING) else score))
    return levels


def _ends_in_tie(hits: Sequence[Scored], limit: int) -> bool:
    return len(hits) > limit and hits[limit - 1][1] == hits[-1][1]


def _settle(engine: VectorEngine, branch: Branch, hits: Sequence[Scored]) -> list[Scored]:
    """Hits that hold the best of a branch whose last place falls into a tie: of the tie, those with the smallest ids.

    A long tie is not read to its end. Instead all ids are gone through in their order and scored, until as many of the
    tie are found as there is room for: of `n` chunks about `branch.limit / DEEPER[-1] * n` at most, as ids are random.
    Where the first ids promise that this takes long, more hits are read, which may end the tie.
    """
    level = hits[branch.limit - 1][1]
    best = {id: score for id, score in hits if score > level}
    offset, page, depths = None, 2 * branch.limit, [*DEEPER]
    while (room := branch.limit - len(best)) > 0:
        ids, offset = engine.scroll(branch.filter, offset, page)
        among = Filter(any_of={"id": tuple(ids)}, within=branch.filter)
        scores = dict(engine.ask([replace(branch, filter=among, limit=len(ids))])[0]) if ids else {}
        tied = [id for id in ids if id in scores and id not in best and isclose(scores[id], level, rel_tol=ROUNDING)]
        best |= dict.fromkeys(tied[:room], level)
        if offset is None:
            break
        if depths and (room - len(tied)) * page > len(tied) * depths[0] / SLOWER:
            more = branch.limit + depths.pop(0)
            deeper = _level(engine.ask([replace(branch, limit=more)])[0])
            if len(deeper) < more or not _ends_in_tie(deeper, branch.limit):
                return deeper
        page = min(2 * page, PAGE)
    return [*(dict(hits) | best).items()]


def _join(plan: Sequence[Branch], lists: Sequence[list[Scored]], using: str, weights: Weights | None) -> list[Scored]:
    """The lists of a query's branches as one."""
    if len(BRANCHES[using]) == 1:
        return list(chain.from_iterable(lists))
    named = {branch.name: hits for branch, hits in zip(plan, lists, strict=True)}
    if weights and (using == "hybrid" or _singles_out(named.get("sparse", []))):
        return _fuse_scores(lists, [weights[name] for name in named])
    return _fuse(lists)


def _singles_out(sparse: Sequence[Scored]) -> bool:
    """Whether a list has few chunks in front, and the others far behind."""
    return bool(sparse) and sparse[min(FEW, len(sparse) - 1)][1] < APART * sparse[0][1]


def _fuse(lists: Sequence[Sequence[Scored]]) -> list[Scored]:
    scores: dict[str, float] = {}
    for hits in lists:
        for rank, (id, _) in enumerate(hits):
            scores[id] = scores.get(id, 0.0) + 1 / (rank + CONSTANT)
    return sorted(scores.items(), key=_best_first)


def _fuse_scores(lists: Sequence[Sequence[Scored]], weights: Sequence[float]) -> list[Scored]:
    """A chunk that a list does not hold is worth as much there as its last; a list of one score has all at 1."""
    scores: dict[str, float] = {}
    for hits, weight in zip(lists, weights, strict=True):
        least, most = (hits[-1][1], hits[0][1]) if hits else (0.0, 0.0)
        for id, score in hits:
            part = (score - least) / (most - least) if most > least else 1.0
            scores[id] = scores.get(id, 0.0) + weight * part
    return sorted(scores.items(), key=_best_first)


def _best_first(scored: Scored) -> tuple[float, str]:
    return -scored[1], scored[0]
