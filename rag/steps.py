"""The steps from a question to its passages, as plain functions: retrieve -> (hop -> retrieve)* -> rank.

What was found is one tree: a chunk enters it once, at the hop that found it first, with the trail that led there. A
search runs them here; the answer graph (`rag.graph`) has the same ones as nodes. A search takes a fifth less without
LangGraph, and need not import it.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypedDict, cast

import numpy as np

from rag.answer.citations import CheckedSentence
from rag.config import Stages
from rag.errors import ConfigError
from rag.hop.identified import put_first
from rag.reader.echo import leave_room
from rag.stages import Hopper, PruningHopper
from rag.types import Answer, AnswerSide, Filter, Hit, Query, Vector, narrow


class State(TypedDict, total=False):
    """What travels through the graph: plain data."""

    question: str
    k: int
    filter: Filter | None
    root: Query
    frontier: list[Query]
    found: list[list[Hit]]  # of each query of the frontier, what was not in the tree before
    tree: Annotated[list[Hit], operator.add]
    hits: list[Hit]
    checked: list[CheckedSentence]
    usage: Mapping[str, Any]
    confidence: float | None
    sides: tuple[AnswerSide, ...]
    answer: Answer
    trace: Annotated[list[Mapping[str, Any]], operator.add]


Emit = Callable[[Any], None]
Node = Callable[[State, Stages, Emit], dict[str, Any]]


def retrieve(state: State, stages: Stages, emit: Emit) -> dict[str, Any]:
    """Search for the frontier; keep what the tree does not hold yet."""
    frontier = state.get("frontier") or [
        replace(query, filter=state.get("filter")) for query in stages.retriever.prepare([state["question"]])
    ]
    tree = state.get("tree", [])
    found = stages.retriever.retrieve(frontier, k=max(state["k"], stages.settings.depth))
    if isinstance(stages.hopper, PruningHopper):
        found = stages.hopper.prune(frontier, found, tree)
        fresh = _drop_known(found, tree)
    else:
        found = fresh = _drop_known(found, tree)
    new = [hit for hits in fresh for hit in hits]
    notes = {"hop": frontier[0].hop, "queries": len(frontier), "new": len(new)}
    root = state.get("root", frontier[0])
    return {"root": root, "frontier": frontier, "found": found, "tree": new, "notes": notes}


def _drop_known(found: Sequence[Sequence[Hit]], tree: Sequence[Hit]) -> list[list[Hit]]:
    """What is neither in the tree nor in an earlier list."""
    seen = {hit.chunk.id for hit in tree}
    fresh: list[list[Hit]] = []
    for hits in found:
        fresh.append([hit for hit in hits if hit.chunk.id not in seen])
        seen.update(hit.chunk.id for hit in hits)
    return fresh


def hop(state: State, stages: Stages, emit: Emit) -> dict[str, Any]:
    """The next frontier, narrowed by the question's own filter; empty when the hopper stops."""
    queries = _hopper(stages).hop(state["frontier"], state["found"])
    queries = [replace(query, filter=narrow(query.filter, state.get("filter"))) for query in queries]
    return {"frontier": queries, "notes": {"queries": len(queries)}}


def rank(state: State, stages: Stages, emit: Emit) -> dict[str, Any]:
    """One list from the tree, reranked, cut to k; what leaves here is what the manifest says."""
    tree, root = state["tree"], state["root"]
    *_, (_, hits) = order_tree(state["question"], root, tree, stages, k=state["k"])
    stages.witness(hits)
    hits = [replace(hit, cosine=cosine(root.dense, hit.vector)) for hit in hits]
    return {"hits": hits, "notes": {"tree": len(tree), "kept": len(hits)}}


def order_tree(
    question: str, root: Query, tree: Sequence[Hit], stages: Stages, *, k: int
) -> Iterator[tuple[str, list[Hit]]]:
    """The tree in one list, after each step: "rank", "rerank" (of as many as `depth`) and "read", the k that are."""
    depth = max(k, stages.settings.depth)
    if stages.hopper is not None:
        hits = stages.hopper.rank(root, tree, k=max(1, len(tree)))
    else:
        hits = sorted(tree, key=lambda h: (-h.score, h.chunk.id))
    hits = put_first(question, hits)  # no reranker may miss what the question identifies
    yield "rank", hits
    hits = stages.reranker.rerank([question], [hits[:depth]])[0] if hits else []
    hits = put_first(question, hits)
    yield "rerank", hits
    passages, documents = [(hit.chunk.heading, hit.chunk.text) for hit in hits], [hit.chunk.doc_id for hit in hits]
    yield "read", [hits[place] for place in leave_room(question, passages, documents, k)]


def cosine(question: Vector | None, passage: Vector | None) -> float | None:
    """That of two vectors; None where one is missing."""
    if question is None or passage is None:
        return None
    return float(question @ passage / max(float(np.linalg.norm(question) * np.linalg.norm(passage)), 1e-9))


def after_retrieve(state: State, stages: Stages) -> str:
    """Whether to hop on."""
    if stages.hopper is None or state["frontier"][0].hop >= stages.hopper.hops or not any(state["found"]):
        return "rank"
    return "hop"


def after_hop(state: State) -> str:
    """Whether the hopper stopped."""
    return "retrieve" if state["frontier"] else "rank"


def search(state: State, stages: Stages) -> Iterator[tuple[str, State]]:
    """The steps of a search by name, each with the state after it."""
    step = "retrieve"
    while True:
        stages.check()
        update = STEPS[step](state, stages, lambda event: None)
        tree = [*state.get("tree", []), *update.pop("tree", [])]
        state = cast(State, {**state, **update, "tree": tree})
        yield step, state
        if step == "rank":
            return
        step = after_retrieve(state, stages) if step == "retrieve" else after_hop(state)


STEPS: Mapping[str, Node] = {"retrieve": retrieve, "hop": hop, "rank": rank}


def _hopper(stages: Stages) -> Hopper:
    """The hopper of a pipeline that has one."""
    if stages.hopper is None:
        raise ConfigError("this pipeline has no `hop:` stage.")
    return stages.hopper
