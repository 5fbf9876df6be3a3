"""Ingest: bring an index in line with what is on disk, doing only what changed.

scan -> compare stamps and hashes with the manifest -> load -> chunk -> embed what no stored vector covers -> commit
each source whole -> publish the vector index. Embedding comes before replacing, so a failure keeps the old version;
vectors are stored as they are made, so a killed run pays for nothing twice. Loading, chunking and embedding go through
the stages; the order of work, the bookkeeping and the locks are here and in `rag.index`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from rag.config import PipelineConfig, Stages, build
from rag.errors import MismatchError, RagError
from rag.index import Index, check_fingerprints
from rag.manifest import Manifest, SourceRow
from rag.stages import Store
from rag.types import Chunked, Document, Embeddings, Loaded, Source

WINDOW = 2048  # sources, or about as many chunks, that are loaded, chunked and sorted by length together
SLICE = 256  # chunks embedded and stored together: what a killed run may have to do again
STATUSES = ("added", "updated", "unchanged", "deleted", "degraded", "skipped", "failed")

Progress = Callable[[str, int, int], None]  # (phase, done, total): "scan", "load", "embed", "publish"


def _silent(phase: str, done: int, total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file: `status` is one of STATUSES, `reason` says why where there is one."""

    source: str
    status: str
    reason: str = ""
    chunks: int = 0


@dataclass(slots=True)
class Report:
    """What an ingest did. A degraded file was also added or updated: it is counted once, as degraded."""

    files: list[FileReport] = field(default_factory=list)
    embedded: int = 0
    published: bool = False
    seconds: float = 0.0

    def count(self, status: str) -> int:
        """How many files have this status."""
        return sum(1 for f in self.files if f.status == status)


def ingest(
    index: Index,
    config: PipelineConfig,
    roots: Sequence[str],
    *,
    rebuild: bool = False,
    progress: Progress = _silent,
) -> Report:
    """Index everything under `roots`, drop what is gone from them, publish.

    `rebuild` applies other models or settings to the whole index, from the stored documents where files did not
    change. Raises InputError (a root does not exist), LockedError, MismatchError (other settings, without `rebuild`),
    StoreError, SpaceError. A file that cannot be read is reported, never raised.
    """
    started = time.monotonic()
    report = Report()
    stages = build(config)
    with index.writing() as manifest:
        facts = manifest.facts()
        if facts and not rebuild:
            check_fingerprints(facts, dict(stages.fingerprints), kinds=("chunk", "embed", "sparse"))
            if ("fingerprint.sparse" in facts) > ("sparse" in stages.fingerprints):
                raise MismatchError(
                    f"This index holds sparse vectors, which pipeline {config.name!r} does not make. Ingest with "
                    f"{facts.get('pipeline')!r}, or run `rag ingest --rebuild --pipeline {config.name}`."
                )
        progress("scan", 0, 0)
        scanned = {source.name: source for source in stages.connector.scan(roots, base=str(index.base))}
        known = manifest.sources()
        plan = _Plan(manifest, stages, report, known, progress)
        gone = _gone(known, scanned, roots, str(index.base))
        if rebuild:
            plan.rechunk([name for name in known if name not in gone])
        if not facts or rebuild:
            with manifest.transaction():
                manifest.note(
                    {"pipeline": config.reference, **{f"fingerprint.{k}": v for k, v in stages.fingerprints.items()}}
                )
        with manifest.transaction():
            manifest.drop_sources(gone)
        report.files += [FileReport(name, "deleted") for name in gone]
        plan.load(scanned)
        with manifest.transaction():
            manifest.sweep()
        progress("publish", 0, 0)
        report.published = publish(index, stages, manifest, fresh=rebuild)
    report.files.sort(key=lambda f: f.source)
    report.seconds = time.monotonic() - started
    return report


def publish(index: Index, stages: Stages, manifest: Manifest, *, fresh: bool) -> bool:
    """Bring the vector index in line with the manifest; whether anything changed."""
    store: Any = stages.store
    local = hasattr(store, "path")

    def make_store(path: str, readonly: bool) -> Store:
        made: Store = replace(store, readonly=readonly, **({"path": path} if local else {}))
        return made

    return index.publish(manifest, make_store, local=local, fresh=fresh)


def _gone(known: Iterable[str], scanned: Mapping[str, Source], roots: Sequence[str], base: str) -> list[str]:
    """Known sources under the roots that the scan did not find; those below a folder it could not list stay."""
    base = os.path.realpath(base)
    tops = [os.path.realpath(root) for root in roots]
    gone = []
    for name in known:
        path = os.path.join(base, name)
        under = any(path == top or path.startswith(os.path.join(top, "")) for top in tops)
        if under and name not in scanned and not any(str(p) in scanned for p in PurePosixPath(name).parents):
            gone.append(name)
    return gone


def content_key(stages: Stages, document: Document, text: str) -> str:
    """What a chunk's vectors depend on: the embedders and the text they see."""
    made_by = "\0".join(v for k, v in sorted(stages.fingerprints.items()) if k in ("embed", "sparse"))
    return hashlib.sha256(f"{made_by}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


class _Plan:
    """The work of one ingest on one manifest."""

    def __init__(
        self, manifest: Manifest, stages: Stages, report: Report, known: dict[str, SourceRow], progress: Progress
    ) -> None:
        self.manifest, self.stages, self.report, self.known, self.progress = manifest, stages, report, known, progress
        self.parser = stages.connector.fingerprint

    def load(self, scanned: dict[str, Source]) -> None:
        """Load what may have changed and commit it."""
        changed: list[Source] = []
        unchanged: list[Source] = []
        for name, source in scanned.items():
            row = self.known.get(name)
            same = row is not None and row.stamp == source.stamp and row.parser == self.parser
            (unchanged if same and row is not None and row.status != "failed" else changed).append(source)
        self.report.files += [self._unchanged(self.known[source.name]) for source in unchanged]
        window: list[Loaded] = []
        size = 0
        for done, loaded in enumerate(self.stages.connector.load(changed), 1):
            self.progress("load", done, len(changed))
            row = self.known.get(loaded.source.name)
            if row and row.sha256 == loaded.sha256 and row.parser == self.parser and row.status == loaded.status:
                self.manifest.restamp([loaded.source])
                self.report.files.append(self._unchanged(row))
                continue
            window.append(loaded)
            size += sum(len(d.text) for d in loaded.documents)
            if size > WINDOW * 800 or len(window) >= WINDOW:
                self._commit(window)
                window, size = [], 0
        self._commit(window)

    def rechunk(self, names: Sequence[str]) -> None:
        """Chunk and embed stored documents again under the pipeline's present settings."""
        for done, name in enumerate(names, 1):
            self.progress("rechunk", done, len(names))
            chunked = self.stages.chunker.chunk(self.manifest.documents(name))
            keys = self._embed(chunked)
            with self.manifest.transaction():
                self.manifest.replace_documents(name, chunked, keys)

    def _unchanged(self, row: SourceRow) -> FileReport:
        status = row.status if row.status in ("skipped", "failed") else "unchanged"
        return FileReport(row.name, status, row.reason, row.chunks)

    def _commit(self, window: Sequence[Loaded]) -> None:
        """Chunk and embed a window of sources together, then replace each source whole."""
        documents = [d for loaded in window for d in loaded.documents]
        chunked = self.stages.chunker.chunk(documents)
        try:
            keys = self._embed(chunked)
        except RagError:
            raise
        except Exception as error:
            raise RagError(f"embedding failed: {type(error).__name__}: {error}. Nothing was replaced.") from error
        at = 0
        with self.manifest.transaction():
            for loaded in window:
                n = len(loaded.documents)
                self._replace(loaded, chunked[at : at + n], keys[at : at + n])
                at += n

    def _replace(self, loaded: Loaded, chunked: Sequence[Chunked], keys: Sequence[Sequence[str]]) -> None:
        source, row = loaded.source, self.known.get(loaded.source.name)
        status, reason = loaded.status, loaded.reason
        chunks = sum(len(c.chunks) for c in chunked)
        if status == "failed" and row is not None and row.documents:
            reason = f"{reason} (still answered from the version indexed before)"
            chunks = row.chunks
        self.manifest.put_source(source, sha256=loaded.sha256, parser=self.parser, status=status, reason=reason)
        if status != "failed":
            self.manifest.replace_documents(source.name, chunked, keys)
        shown = status if status != "ok" else "added" if row is None else "updated"
        self.report.files.append(FileReport(source.name, shown, reason, chunks))

    def _embed(self, batch: Sequence[Chunked]) -> list[list[str]]:
        """Vectors for every chunk that has none yet, stored as they are made; the content key of every chunk."""
        keys = [[content_key(self.stages, c.document, chunk.contextual) for chunk in c.chunks] for c in batch]
        stored = self.manifest.known_keys(key for row in keys for key in row)
        todo: list[Chunked] = []
        for chunked, row in zip(batch, keys, strict=True):
            missing = []
            for chunk, key in zip(chunked.chunks, row, strict=True):
                if key not in stored:
                    stored.add(key)
                    missing.append((chunk, key))
            if missing:
                todo.append(replace(chunked, chunks=tuple(chunk for chunk, _ in missing)))
        todo.sort(key=lambda c: max(len(chunk.contextual) for chunk in c.chunks))  # alike lengths waste no padding
        total = sum(len(c.chunks) for c in todo)
        done = 0
        for part in _slices(todo):
            names = [content_key(self.stages, c.document, chunk.contextual) for c in part for chunk in c.chunks]
            self.progress("embed", done, total)
            embeddings = self.stages.embedder.embed_chunks(part)
            check_rows(embeddings, len(names), self.stages.embedder.dim)
            with self.manifest.transaction():
                self.manifest.put_vectors(names, embeddings)
            done += len(names)
            self.report.embedded += len(names)
        if total:
            self.progress("embed", total, total)
        return keys


def _slices(batch: Iterable[Chunked]) -> Iterator[list[Chunked]]:
    """Chunked documents in groups of SLICE chunks; a long document is cut between its chunks."""
    part: list[Chunked] = []
    room = SLICE
    for chunked in batch:
        chunks = chunked.chunks
        while chunks:
            part.append(replace(chunked, chunks=chunks[:room]))
            taken = len(chunks[:room])
            chunks, room = chunks[taken:], room - taken
            if room == 0:
                yield part
                part, room = [], SLICE
    if part:
        yield part


def check_rows(embeddings: Embeddings, n: int, dim: int) -> None:
    """Refuse what an embedder must never give. Raises RagError."""
    for rows in (embeddings.dense, embeddings.sparse, embeddings.tokens):
        if rows is not None and len(rows) != n:
            raise RagError(f"the embedder gave {len(rows)} rows for {n} chunks; nothing was replaced.")
    for matrix in (embeddings.dense, *(embeddings.tokens or ())):
        if matrix is not None and (matrix.ndim != 2 or matrix.shape[1] != dim):
            raise RagError(f"the embedder gave the shape {matrix.shape}, not (n, {dim}); nothing was replaced.")
        if matrix is not None and not np.isfinite(matrix).all():
            raise RagError("the embedder gave NaN or infinite values; nothing was replaced.")
    if embeddings.dense is not None and not embeddings.dense.any(axis=1).all():
        raise RagError("the embedder gave a zero vector; nothing was replaced.")
