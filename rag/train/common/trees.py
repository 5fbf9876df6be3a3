"""Trees of labelled questions, to learn a ranking from, in a temporary index as the default pipeline would have it.

A passage is a chunk; nothing is ingested. Vectors are given, since training computes them once for everything.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.hop.score import TreeFeatures
from rag.hop.tree import TreeHopper
from rag.retrieve.search import SearchRetriever
from rag.stages import Hopper
from rag.store.edge import EdgeStore
from rag.text.mentions import document_keys, span_keys
from rag.train.common.dataset import HopDataset, LabelledQuestion
from rag.types import Chunk, Chunked, Document, Embeddings, Hit, Query, Vectors

DEPTH = 30  # hits of a query, as in the default pipeline


@dataclass(frozen=True, slots=True)
class RankingExample:
    """The features of one tree, and which of its n passages are gold."""

    features: TreeFeatures
    gold: NDArray[np.bool_]


def chunk_id(row: int) -> str:
    """The id of the chunk made of a passage, by its number."""
    return f"00000000-0000-0000-0000-{row:012d}"


def index(
    passages: Sequence[tuple[str, str]], vectors: Vectors, embedder: OnnxEmbedder, folder: Path
) -> SearchRetriever:
    """Hybrid search over passages (title, text) with the dense `vectors` (n, d), stored in an empty folder."""
    chunked = []
    for row, (title, text) in enumerate(passages):
        document = Document(chunk_id(row), "", text, title)
        about = tuple(dict.fromkeys(document_keys(document) + span_keys(document, 0, len(text))))
        chunk = Chunk(chunk_id(row), document.id, text, 0, len(text), "", title, title, about)
        chunked.append(Chunked(document, (chunk,)))
    store = EdgeStore(path=str(folder), dim=embedder.dim)
    sparse = Bm25().embed_chunks(chunked).sparse
    store.write([item.chunks[0] for item in chunked], Embeddings(dense=vectors, sparse=sparse))
    store.flush()
    return SearchRetriever(embedder=HybridEmbedder(dense=embedder, sparse=Bm25()), store=store)


def grow(search: SearchRetriever, question: Query, hopper: Hopper | None, *, depth: int = DEPTH) -> list[Hit]:
    """The tree of a question, as the answer graph grows it."""
    tree: list[Hit] = []
    frontier = [question]
    while frontier:
        seen = {hit.chunk.id for hit in tree}
        found: list[list[Hit]] = []
        for hits in search.retrieve(frontier, k=depth):
            found.append([hit for hit in hits if hit.chunk.id not in seen])
            seen.update(hit.chunk.id for hit in found[-1])
        tree += [hit for hits in found for hit in hits]
        if hopper is None or frontier[0].hop >= hopper.hops or not any(found):
            break
        frontier = hopper.hop(frontier, found)
    return tree


def grow_trees(sources: Sequence[HopDataset], hopper: TreeHopper, embedder: OnnxEmbedder) -> list[list[RankingExample]]:
    """Two groups of each source: trees of its held-out questions, and of those in twos.

    A tree without a gold passage, or without any other, teaches nothing and is left out.
    """
    groups = []
    for source in sources:
        if not source.held_out_questions:
            continue
        pids = {chunk_id(i): pid for i, pid in enumerate(source.passages)}
        with tempfile.TemporaryDirectory() as folder:
            search = index(list(source.passages.values()), source.vectors, embedder, Path(folder) / "index")
            for questions in (source.held_out_questions, join_in_twos(source.held_out_questions)):
                group = []
                for one, query in zip(questions, search.prepare([one.text for one in questions]), strict=True):
                    tree = grow(search, query, hopper)
                    gold = np.array([pids[hit.chunk.id] in one.gold for hit in tree], np.bool_)
                    if gold.any() and not gold.all():
                        group.append(RankingExample(hopper.features(query, tree), gold))
                groups.append(group)
            search.store.close()
    return groups


def join_in_twos(questions: Sequence[LabelledQuestion]) -> list[LabelledQuestion]:
    """Neighbouring questions of one gold passage each, two as one."""
    single = [one for one in questions if len(one.gold) == 1]
    return [
        LabelledQuestion(f"{a.text.rstrip(' ?.')}, and {b.text}", (*a.gold, *b.gold))
        for a, b in list(pairwise(single))[::2]
        if a.gold != b.gold
    ]
