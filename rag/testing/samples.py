"""Documents, chunks, vectors and hits that the conformance tests are about."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from rag.types import Chunk, Chunked, Document, Hit, Section, Values, Vectors

NAMES = "Alder Works,Birch Group,Cedar Town,Dunmore River,Elm Bridge,Fir Museum,Gorse Archive,Hazel Press".split(",")


NASTY = ("", " \n\t ", "e\u0301 \u200d👩🚀", "a\r\nb\u2028c\0d", "x" * 5000, "第一。第二。" * 50, "|a|b|\n|-|-|\n" * 90)


def make_chain() -> list[Chunked]:
    """Eight documents of one chunk each, every one of which mentions the next: a chain of hops."""
    chain = []
    for i, name in enumerate(NAMES):
        text = f"{name} is number {i} of the chain. It is next to {NAMES[(i + 1) % len(NAMES)]}."
        sections = (Section(0, len(name), "heading", name),)
        meta: dict[str, Values] = {"number": i, "even": i % 2 == 0, "Words": (*name.split(), "all"), "share": i / 7}
        meta["since"] = f"202{i}-05-01"
        one = Document(f"doc{i}", f"notes/{i}.md", text, name, sections, meta)
        id, about = str(uuid5(NAMESPACE_URL, one.id)), (name.lower(),)
        chunk = Chunk(id, one.id, text, 0, len(text), one.source, name, name, about, sections, one.meta)
        chain.append(Chunked(one, (chunk,)))
    return chain


def make_chunks() -> list[Chunk]:
    """The chunks of `make_chain`."""
    return [chunk for one in make_chain() for chunk in one.chunks]


def make_vectors(n: int, dim: int, seed: int = 0) -> Vectors:
    """n random vectors of length 1."""
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def make_hits(dim: int = 8) -> list[Hit]:
    """The chunks as hits, best first, with vectors."""
    rows = zip(make_chunks(), make_vectors(len(NAMES), dim), strict=True)
    return [Hit(chunk, 1 / (i + 1), vector=vector) for i, (chunk, vector) in enumerate(rows)]


def ordered_ids(found: Sequence[Hit]) -> list[str]:
    """The chunk ids of hits, after a check that they are distinct and best first."""
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert len({hit.chunk.id for hit in found}) == len(found)
    return [hit.chunk.id for hit in found]
