"""txtai: an Embeddings database with content (SQLite, Faiss), `upsert` and `delete` for what has changed.

It does not know files: the ledger says which of them have changed, and which chunks each of them had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import changed, files, write_ledger

CHUNKS = "chunks.json"


class Txtai:
    """Dense, or hybrid by `hybrid: True`."""

    def __init__(self, model: str, by: str) -> None:
        self._model, self._hybrid = model, by == "hybrid"
        self._embeddings: Any = None

    def build(self, docs: Path, index: Path) -> None:
        from txtai import Embeddings

        rows = list(_rows(files(docs)))
        embeddings = Embeddings(path=self._model, content=True, hybrid=self._hybrid, gpu=False)
        embeddings.index(rows)
        embeddings.save(str(index / "txtai"))
        write_ledger(docs, index)
        (index / CHUNKS).write_text(json.dumps([uid for uid, _ in rows]))

    def update(self, docs: Path, index: Path) -> None:
        paths = changed(docs, index)
        names = {path.name for path in paths}
        known = json.loads((index / CHUNKS).read_text())
        old = [uid for uid in known if uid.rpartition("#")[0] in names]
        new = list(_rows(paths))
        self.open(index)
        self._embeddings.delete(old)
        self._embeddings.upsert(new)
        self._embeddings.save(str(index / "txtai"))
        write_ledger(docs, index)
        (index / CHUNKS).write_text(json.dumps([*(uid for uid in known if uid not in set(old)), *(u for u, _ in new)]))

    def open(self, index: Path) -> None:
        from txtai import Embeddings

        self._embeddings = Embeddings()
        self._embeddings.load(str(index / "txtai"))

    def search(self, question: str, k: int) -> Sequence[str]:
        return [hit["id"].rpartition("#")[0] for hit in self._embeddings.search(question, k)]


def _rows(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    from txtai.pipeline import Segmentation

    cut = Segmentation(paragraphs=True)
    for path in paths:
        parts = cut(path.read_text(encoding="utf-8"))
        yield from ((f"{path.name}#{n}", part) for n, part in enumerate(parts))
