"""A pipeline without a model, small documents, and what is compared: the manifest's content and the published ids."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rag.config import PipelineConfig, build, load
from rag.index.folder import Index
from rag.ingest.report import Report
from rag.ingest.run import ingest

TINY = """description: A pipeline without a model.
connector: {use: files, workers: 1}
chunk: {use: structure, size: 60}
embed: {use: hashing, width: 32}
sparse: {use: bm25}
store: {use: edge}
retrieve: {use: search, by: hybrid}
hop: {use: links}
generate: {use: extractive}
k: 5
depth: 10
"""
PLACES = "Tarnvik Helmora Sula Capra Norwave Eider Lumen Hellen Fjord Stratum".split()


def pipeline(folder: Path) -> PipelineConfig:
    """The tiny pipeline, written beside the documents."""
    (folder / "tiny.yaml").write_text(TINY)
    return load(str(folder / "tiny.yaml"))


def sentence(number: int, version: int = 0) -> str:
    """A sentence only this document has."""
    place = PLACES[number % len(PLACES)]
    return f"Berth {number} of {place} is {number * 7 + version} metres long and lies at pier {number % 13}."


def write(folder: Path, numbers: Sequence[int], *, version: int = 0) -> None:
    """Small text files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:05}.txt").write_text(f"Berth {number}\n\n{sentence(number, version)}\n")


def run(folder: Path, config: PipelineConfig, *, rebuild: bool = False) -> Report:
    """Ingest `folder/docs`."""
    return ingest(Index.at(folder), config, [str(folder / "docs")], rebuild=rebuild)


def content(index: Index) -> list[tuple[object, ...]]:
    """Every row of the manifest that does not depend on when it was written."""
    queries = (
        "SELECT name, sha256, status, reason FROM sources ORDER BY name",
        "SELECT id, source, digest, title, text, sections, meta FROM documents ORDER BY id",
        "SELECT c.id, doc_id, start, stop, context, about, v.crc FROM chunks c JOIN vectors v ON v.key = c.key "
        "ORDER BY c.id",
        "SELECT key FROM vectors ORDER BY key",
    )
    with closing(sqlite3.connect(f"{index.manifest_path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return [row for query in queries for row in db.execute(query)]


def published(index: Index, config: PipelineConfig) -> set[str]:
    """The chunk ids that readers get."""
    with index.hold_generation() as live, closing(build(config, path=live.shard).store) as store:
        return store.ids()


def digest(folder: Path, config: PipelineConfig) -> str:
    """Of both: equal for equal indexes."""
    index = Index.at(folder)
    return hashlib.sha256(repr((content(index), sorted(published(index, config)))).encode()).hexdigest()
