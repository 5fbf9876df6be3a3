"""What an embedder makes of a text, in names that people gave: the titles and headings of an index.

A text is told by its cosine with each name, the conceptual space of CES (arXiv 2209.00445): for concepts c_1 to
c_n, a text t has the vector (cos(f(t), f(c_1)), ..., cos(f(t), f(c_n))). The paper takes Wikipedia's categories, chosen
for the text; here the names are those that stand above what a search finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.stages import Embedder
from rag.types import Chunk, Vector, Vectors

MOST = 200  # names that are read


@dataclass(frozen=True, slots=True)
class Concept:
    """A name, and the cosines of a question and of a passage with it."""

    name: str
    question: float
    passage: float


def names_of(chunks: Sequence[Chunk]) -> list[str]:
    """The titles and headings above chunks, each once, in their order."""
    found = (
        name.strip() for chunk in chunks for name in (chunk.context or chunk.title).partition("\n")[0].split(" > ")
    )
    return list({name.casefold(): name for name in found if name}.values())[:MOST]


def conceptual(vectors: Vectors, names: Vectors) -> Vectors:
    """Texts (n, dim) in the space of names (m, dim): their cosines (n, m)."""
    lengths = np.linalg.norm(vectors, axis=1)[:, None] * np.linalg.norm(names, axis=1)
    cosines: Vectors = vectors @ names.T / np.maximum(lengths, np.float32(1e-12))
    return cosines


def tell(embedder: Embedder, names: Sequence[str], question: Vector, passage: Vector, most: int) -> list[Concept]:
    """The names nearest to the question and those nearest to the passage, `most` of each, by their greater cosine."""
    if not names:
        return []
    there = np.asarray(embedder.embed_queries(names).dense)
    near = conceptual(np.stack([question, passage]), there)
    rows = {int(row) for own in near for row in np.argsort(-own, kind="stable")[:most]}
    found = [Concept(names[row], float(near[0, row]), float(near[1, row])) for row in rows]
    return sorted(found, key=lambda one: -max(one.question, one.passage))
