"""R10: an embedder that raises, or gives what no index can hold, fails the document and never the index.

Twelve faults, each in three places: on one document among many, on every one, and while other settings are applied to
the whole index.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.reliability import corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.embed.hashing import HashingEmbedder
from rag.errors import RagError
from rag.index.folder import Index
from rag.types import Chunked, Embeddings

DOCUMENTS = 24
BAD = 7  # the document the embedder fails on


def _raise(error: Exception) -> Callable[[Any], Any]:
    def fault(rows: Any) -> Any:
        raise error

    return fault


def _spoilt(value: float) -> Callable[[Any], Any]:
    """One value of the first row."""

    def fault(rows: Any) -> Any:
        rows = rows.copy()
        rows[0, 0] = value
        return rows

    return fault


FAULTS: dict[str, Callable[[Any], Any]] = {
    "raises ValueError": _raise(ValueError("bad input")),
    "raises RuntimeError": _raise(RuntimeError("no memory on the device")),
    "raises OSError": _raise(OSError(5, "Input/output error")),
    "one NaN": _spoilt(float("nan")),
    "all NaN": lambda rows: np.full_like(rows, np.nan),
    "one infinity": _spoilt(float("inf")),
    "a zero vector": lambda rows: np.zeros_like(rows),
    "fewer rows": lambda rows: rows[:-1],
    "more rows": lambda rows: np.concatenate([rows, rows[:1]]),
    "fewer columns": lambda rows: rows[:, :-1],
    "one row for all": lambda rows: rows[0],
    "nothing": lambda rows: None,
}


@contextmanager
def _faulty(fault: Callable[[Any], Any], words: str) -> Iterator[None]:
    """The fault in every batch that holds these words."""
    genuine = HashingEmbedder.embed_chunks

    def embed(self: HashingEmbedder, batch: Sequence[Chunked]) -> Embeddings:
        good = genuine(self, batch)
        hit = any(words in chunk.text for item in batch for chunk in item.chunks)
        return replace(good, dense=fault(good.dense)) if hit else good

    with patch.object(HashingEmbedder, "embed_chunks", embed):
        yield


def _one(folder: Path, fault: Callable[[Any], Any]) -> str:
    """One changed document fails, the others go on, its old version stays, and a sound embedder mends it."""
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    old = corpus.content(Index.at(folder))
    corpus.write(folder / "docs", [BAD, BAD + 1], version=1)
    with _faulty(fault, corpus.sentence(BAD, 1)):
        report = corpus.run(folder, config)
    failed = [file.source for file in report.files if file.status == "failed"]
    if failed != [f"docs/{BAD:05}.txt"] or report.count("updated") != 1:
        return f"failed: {failed}, updated: {report.count('updated')}"
    if not any(corpus.sentence(BAD) in str(row) for row in corpus.content(Index.at(folder))):
        return "the old version is gone"
    if corpus.published(Index.at(folder), config) != _chunk_ids(folder):
        return "the published index is not what the manifest says"
    corpus.run(folder, config)
    corpus.write(folder / "docs", [BAD, BAD + 1])
    corpus.run(folder, config)
    return "" if corpus.content(Index.at(folder)) == old else "not mended afterwards"


def _all(folder: Path, fault: Callable[[Any], Any]) -> str:
    """Every document fails: one error, nothing replaced."""
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    old = corpus.digest(folder, config)
    corpus.write(folder / "docs", range(DOCUMENTS), version=1)
    with _faulty(fault, ""):
        try:
            corpus.run(folder, config)
        except RagError as error:
            if "fails on every document" not in str(error):
                return str(error)
        else:
            return "no error"
    return "" if corpus.digest(folder, config) == old else "something was replaced"


def _rebuild(folder: Path, fault: Callable[[Any], Any]) -> str:
    """Another model for the whole index: the document it fails on is named and left out."""
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    wide = config.with_stage("embed", {"use": "hashing", "width": 64})
    with _faulty(fault, corpus.sentence(BAD)):
        report = corpus.run(folder, wide, rebuild=True)
    failed = [file.source for file in report.files if file.status == "failed"]
    if failed != [f"docs/{BAD:05}.txt"]:
        return f"failed: {failed}"
    if corpus.published(Index.at(folder), wide) != _chunk_ids(folder):
        return "the published index is not what the manifest says"
    report = corpus.run(folder, wide)
    return "" if not report.count("failed") and report.embedded == 1 else "not mended afterwards"


def _chunk_ids(folder: Path) -> set[str]:
    with closing(Index.at(folder).read_manifest()) as manifest:
        return set(manifest.chunk_ids())


PLACES = {"on one document": _one, "on every document": _all, "in a rebuild": _rebuild}


def embedder(count: int) -> Outcome:
    """The first `count` of the 36 combinations."""
    cases = [(fault, place) for fault in FAULTS for place in PLACES][:count]
    lost: list[str] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        for fault, place in cases:
            shutil.rmtree(folder / ".rag", ignore_errors=True)
            corpus.write(folder / "docs", range(DOCUMENTS))
            if wrong := PLACES[place](folder, FAULTS[fault]):
                lost.append(f"{fault} {place}: {wrong}")
    return Outcome(len(cases), len(cases) - len(lost), lost, f"{len(FAULTS)} faults in {len(PLACES)} places")


ROWS: dict[str, Row] = {"R10": embedder}
