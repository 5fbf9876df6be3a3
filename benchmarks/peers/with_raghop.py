"""raghop: one `ingest` builds an index and brings it in line; it finds out itself what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.pipeline import Pipeline

DENSE = """
connector: {use: files}
chunk: {use: structure, size: 200}
embed: {use: onnx}
store: {use: edge}
retrieve: {use: search, by: dense}
generate: {use: extractive}
"""


class Raghop:
    """`direct` (hybrid search without hops), or the same without words, or another pipeline by name."""

    def __init__(self, model: str, by: str) -> None:
        """The bundled weights are those of `model`."""
        self._by = by
        self._pipeline: Pipeline

    def build(self, docs: Path, index: Path) -> None:
        from rag.pipeline import Pipeline

        if self._by == "dense":
            (index / "dense.yaml").write_text(DENSE)
        name = str(index / "dense.yaml") if self._by == "dense" else "direct" if self._by == "hybrid" else self._by
        with Pipeline.load(name, index=index) as pipeline:
            pipeline.ingest([docs])

    def update(self, docs: Path, index: Path) -> None:
        from rag.pipeline import Pipeline

        with Pipeline.load(index=index) as pipeline:
            pipeline.ingest([docs])

    def open(self, index: Path) -> None:
        from rag.pipeline import Pipeline

        self._pipeline = Pipeline.load(index=index)

    def search(self, question: str, k: int) -> Sequence[str]:
        return [Path(hit.chunk.source).name for hit in self._pipeline.search(question, k=k)]

    def close(self) -> None:
        """Let go of the index."""
        self._pipeline.close()
