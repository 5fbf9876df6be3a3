"""Which searches a query needs and how their answers become one list. Pure: the engine comes in as two functions.

Ranks are fused here and not in the engine. Two reasons: reciprocal rank fusion ties by construction (rank 3 in one list
and rank 3 in the other are worth the same), and Qdrant orders ties at will, differently in every process. Here ties go
by chunk id, in each list and in the fused one, so that every engine gives the same answer. It costs nothing: lists of
ids come from the engine in one batch, and each chunk is then read once, however many queries found it.

Source: Cormack et al. 2009, Reciprocal Rank Fusion; the constant is Qdrant's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rag.errors import StoreError
from rag.store.checks import check_query
from rag.types import Filter, Hit, Query, Sparse, Vector, Vectors

BRANCHES = {"dense": ("dense",), "sparse": ("sparse",), "tokens": ("tokens",), "hybrid": ("dense", "sparse")}
CONSTANT = 2  # a hit of rank r (from 0) is worth 1 / (r + CONSTANT)
DEPTH, DEPTH_AT_LEAST = 4, 50  # fusion reads the best max(4 k, 50) of each list; where there is only one, k

Scored = tuple[str, float]  # chunk id, score


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One search of the engine: the `limit` best vectors of this name."""

    name: str
    vector: Vector | Vectors | Sparse
    filter: Filter | None
    limit: int


Ask = Callable[[Sequence[Branch]], list[list[Scored]]]  # best first
Fetch = Callable[[Sequence[str]], Sequence[Hit]]


def search(queries: Sequence[Query], *, k: int, using: str, dim: int, ask: Ask, fetch: Fetch) -> list[list[Hit]]:
    """The k best hits of each query, or its `limit`, ties by chunk id.

    `dim` is what the store's vectors have; `ask` and `fetch` are the engine. Raises StoreError when a query lacks the
    vectors for it.
    """
    if using not in BRANCHES:
        raise StoreError(f"using: {using!r} is no way to search. Known: {', '.join(BRANCHES)}.")
    if k < 1:
        raise StoreError(f"k: {k} is no number of hits; give 1 or more")
    for query in queries:
        check_query(query, dim=dim)
    fused = len(BRANCHES[using]) > 1
    most = [min(k, query.limit or k) for query in queries]
    plans = [_branches(query, BRANCHES[using], n) for query, n in zip(queries, most, strict=True)]
    answers = iter(_break_ties(ask, [branch for plan in plans for branch in plan]))
    found = [[next(answers) for _ in plan] for plan in plans]
    lists = [_fuse(own) if fused else list(chain.from_iterable(own)) for own in found]
    ranked = [hits[:n] for hits, n in zip(lists, most, strict=True)]
    chunks = {hit.chunk.id: hit for hit in fetch(list({id: None for hits in ranked for id, _ in hits}))}
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


def _break_ties(ask: Ask, branches: Sequence[Branch]) -> list[list[Scored]]:
    """The best of each branch, ties by id: where the cut falls into a tie, asks deeper until the tie ends."""
    found: list[list[Scored]] = [[] for _ in branches]
    pending = {i: branch.limit + 1 for i, branch in enumerate(branches)}
    while pending:
        answers = ask([replace(branches[i], limit=n) for i, n in pending.items()])
        for i, hits in zip(pending, answers, strict=True):
            found[i] = hits
        pending = {i: 2 * n for i, n in pending.items() if len(found[i]) == n and _is_tie(found[i], branches[i].limit)}
    return [sorted(hits, key=_best_first)[: branch.limit] for hits, branch in zip(found, branches, strict=True)]


def _is_tie(hits: Sequence[Scored], limit: int) -> bool:
    return hits[limit - 1][1] == hits[-1][1]


def _fuse(lists: Sequence[Sequence[Scored]]) -> list[Scored]:
    scores: dict[str, float] = {}
    for hits in lists:
        for rank, (id, _) in enumerate(hits):
            scores[id] = scores.get(id, 0.0) + 1 / (rank + CONSTANT)
    return sorted(scores.items(), key=_best_first)


def _best_first(scored: Scored) -> tuple[float, str]:
    return -scored[1], scored[0]
