"""The part of a hop tree that says how a question went: what stood at the top, where the gold was, and what led there.

Only this part is kept, with texts cut short: a whole tree is some hundred passages a question.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag import Hit
from rag_evals.datasets import Question
from rag_evals.gold import name_of, names_of
from rag_evals.records import Node

TOP = 10  # ranked passages kept
EXCERPT = 400  # characters of a text


def prune(question: Question, hits: Sequence[Hit], tree: Sequence[Hit], documents: Sequence[str]) -> tuple[Node, ...]:
    """The first ranked `hits`, the first passage of `hits` or `tree` for each gold name, and all that led to them.

    In the order of hops, so that a parent stands before its children. Where both lists hold a passage, the hop and
    trail of `hits` count: a ranking may know a better way to it than the search that came first.
    """
    known = {hit.chunk.id: hit for hit in (*tree, *hits)}
    kept = dict.fromkeys(hit.chunk.id for hit in hits[:TOP])
    missing = set(question.gold)
    for hit in (*hits, *tree) if missing else ():
        if here := missing.intersection(names_of(question, hit, documents)):
            kept[hit.chunk.id] = None
            missing -= here
    for id in tuple(kept):
        kept.update(dict.fromkeys(before for before in known[id].trail if before in known))
    ordered = sorted((known[id] for id in kept), key=lambda hit: hit.hop)
    places = {hit.chunk.id: place for place, hit in enumerate(ordered)}
    return tuple(_node(question, hit, known, places, documents) for hit in ordered)


def _node(
    question: Question, hit: Hit, known: dict[str, Hit], places: dict[str, int], documents: Sequence[str]
) -> Node:
    led = hit.trail[-1] if hit.trail else ""
    parent = places[led] if led in places and known[led].hop < hit.hop else None
    names, source = names_of(question, hit, documents), name_of(hit, documents)
    return Node(names, source, hit.hop, parent, hit.chunk.title, excerpt(hit.chunk.text))


def excerpt(text: str) -> str:
    """How a text begins, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT else f"{flat[: EXCERPT - 1]}…"
