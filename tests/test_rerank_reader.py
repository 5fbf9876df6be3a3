"""The reader as a reranker: its own relevance, put together with the given order."""

from __future__ import annotations

import numpy as np

from rag.reader.network import SHIPPED, load_reader
from rag.rerank.reader import ReaderReranker
from rag.stages import Reranker
from rag.types import Chunk, Hit

TEXTS = {
    "Soup": "The canteen serves soup until two in the afternoon.",
    "Grey Heron": "The Grey Heron is a ferry. It was built in 1987 by the Capra yard in Tarnvik.",
    "Ferries": "Ferries carry people and cars over water.",
}
QUESTION = "Where was the ferry Grey Heron built?"


def hits(hop: int = 0) -> list[Hit]:
    return [
        Hit(Chunk(title, "d", text, 0, len(text), "d.txt", title), 0.0, hop if title == "Soup" else 0)
        for title, text in TEXTS.items()
    ]


def test_the_order_is_that_of_the_networks_relevance_as_far_as_it_counts() -> None:
    alone = [load_reader(SHIPPED).read(QUESTION, [[pair]])[0] for pair in TEXTS.items()]
    helps = np.array([reading.relevance + reading.spans[0].score for reading in alone])
    order = [list(TEXTS)[i] for i in np.argsort(-helps)]
    assert order[0] == "Grey Heron"
    ids = {w: [h.chunk.id for h in ReaderReranker(weight=w).rerank([QUESTION], [hits()])[0]] for w in (0, 1e6)}
    assert ids[0] == list(TEXTS) and ids[1e6] == order
    assert isinstance(ReaderReranker(), Reranker)


def test_what_a_hop_found_stays_and_nothing_is_nothing() -> None:
    reranked = ReaderReranker(weight=1e6).rerank([QUESTION, "?"], [hits(hop=1), []])
    assert [h.chunk.id for h in reranked[0]] == ["Soup", "Grey Heron", "Ferries"]
    assert [h.score for h in reranked[0]] == [1, 1 / 2, 1 / 3] and reranked[1] == []
