"""Vectors for chunks: embeds what no stored vector covers, stores it as it is made, names documents that cannot be.

An embedder may raise, or give what no index can hold (NaN, infinity, a zero vector, too few rows, another shape). Then
its batch is tried again document by document, so that one document fails and not the ingest; when the first documents
all fail in the same way, the embedder is at fault and the ingest stops.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from rag.config import Stages
from rag.errors import RagError
from rag.index.disk import need_space
from rag.index.manifest import Manifest
from rag.ingest.alone import describe, is_alone
from rag.interrupt import Stop
from rag.stages import WindowEmbedder
from rag.text.languages import named_language
from rag.types import Chunk, Chunked, Document, Embeddings

SLICE = 64  # chunks embedded and stored together: what a killed run may have to do again
TRIES = 16  # documents that must all fail in one way, and none succeed, before the embedder is given up

Keys = list[list[str]]


class BadRows(ValueError):
    """An embedder gave what it must never give."""


def content_key(stages: Stages, item: Chunked, chunk: Chunk) -> str:
    """What a chunk's vectors depend on: the embedders, the text they see, in a window all of it, and its language."""
    embedders = "\0".join(v for k, v in sorted(stages.fingerprints.items()) if k in ("embed", "sparse"))
    text = chunk.contextual
    if item.window:
        text = "\0".join([text, item.document.title, item.document.text, f"{chunk.start}:{chunk.end}"])
    if (language := named_language(chunk.meta)) not in ("", "en"):
        text = f"{language}\0{text}"
    return hashlib.sha256(f"{embedders}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class Vectorizer:
    """Fills a manifest's vectors. `embedded` and `tokens` count what was embedded, `reasons` is why documents failed.

    `progress(done, total)` is called for every slice; tokens are counted only when `counting`.
    """

    manifest: Manifest
    stages: Stages
    stop: Stop
    progress: Callable[[int, int], None]
    counting: bool = False
    embedded: int = 0
    tokens: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def keys(self, batch: Sequence[Chunked]) -> Keys:
        """The content key of every chunk."""
        keys = {chunk.id: content_key(self.stages, part, chunk) for part in self._parts(batch) for chunk in part.chunks}
        return [[keys[chunk.id] for chunk in chunked.chunks] for chunked in batch]

    def fill(self, batch: Sequence[Chunked], keys: Keys) -> None:
        """Embed what has no vectors yet. Raises RagError when the embedder fails on everything, SpaceError.

        A document it fails on is noted in `reasons`; some of its chunks then have no vectors.
        """
        todo = self._missing(batch, keys)
        todo.sort(key=_length)  # alike lengths waste no padding
        total = sum(len(c.chunks) for c in todo)
        done = 0
        for part in _slices(todo):
            self.progress(done, total)
            self._embed(part)
            done += sum(len(c.chunks) for c in part)
        if total:
            self.progress(total, total)
        if self.reasons:  # a text that two documents share was tried for one of them
            stored = self.manifest.known_keys(chain.from_iterable(keys))
            pairs = zip(batch, keys, strict=True)
            left = [(c, row) for c, row in pairs if c.document.id not in self.reasons and not stored.issuperset(row)]
            if left:
                self.fill([c for c, _ in left], [row for _, row in left])

    def _parts(self, batch: Sequence[Chunked]) -> Sequence[Chunked]:
        """What the embedder reads by itself: whole documents, or windows of them."""
        embedder = self.stages.embedder
        return embedder.windows(batch) if isinstance(embedder, WindowEmbedder) else batch

    def _missing(self, batch: Sequence[Chunked], keys: Keys) -> list[Chunked]:
        """Documents or windows with only the chunks that have no vectors, each text once."""
        chunks = chain.from_iterable(chunked.chunks for chunked in batch)
        named = {chunk.id: key for chunk, key in zip(chunks, chain.from_iterable(keys), strict=True)}
        stored = self.manifest.known_keys(named.values())
        todo: list[Chunked] = []
        for part in self._parts(batch):
            missing = {key: chunk for chunk in part.chunks if (key := named[chunk.id]) not in stored}
            stored |= missing.keys()
            if missing:
                todo.append(replace(part, chunks=tuple(missing.values())))
        return todo

    def _embed(self, part: Sequence[Chunked]) -> None:
        """Embed and store; on an error one document at a time."""
        try:
            self._store(part)
            return
        except Exception as error:
            if not is_alone(error):
                raise
            if len(part) == 1:
                self._note_failure(part[0].document, error)
                return
        for chunked in part:
            self._embed([chunked])

    def _store(self, part: Sequence[Chunked]) -> None:
        embedder = self.stages.embedder
        texts = [chunk.contextual for c in part for chunk in c.chunks]
        with self.stop.anywhere():
            embeddings = embedder.embed_chunks(part)
            check_rows(embeddings, len(texts), embedder.dim, embedder.representations)
            tokens = sum(map(len, embedder.token_spans(texts))) if self.counting else 0
        need_space(self.manifest.path.parent, 4 * embeddings.nbytes)
        keys = [key for row in self.keys(part) for key in row]
        with self.manifest.transaction():
            self.manifest.put_vectors(keys, embeddings)
        self.embedded += len(keys)
        self.tokens += tokens

    def _note_failure(self, document: Document, error: Exception) -> None:
        reason = f"embedding failed: {describe(error)}"
        self.reasons.setdefault(document.id, reason)
        kinds = {reason.split(":")[1] for reason in self.reasons.values()}
        if len(self.reasons) >= TRIES and not self.embedded and len(kinds) == 1:
            raise RagError(
                f"the embedder fails on every document ({len(self.reasons)} tried), so nothing was replaced. The last "
                f"error, on {document.source}: {type(error).__name__}: {error}. `rag config` shows the model in use."
            ) from error


def _length(item: Chunked) -> int:
    """Characters that are read at once."""
    return len(item.document.text) if item.window else max(len(chunk.contextual) for chunk in item.chunks)


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


def check_rows(embeddings: Embeddings, n: int, dim: int, representations: Collection[str]) -> None:
    """Refuse what an embedder of these representations must never give. Raises BadRows."""
    for name in ("dense", "sparse", "tokens"):
        rows = getattr(embeddings, name)
        if (rows is None) == (name in representations):
            raise BadRows(f"the embedder gave {'no' if rows is None else 'undeclared'} {name} vectors")
        if rows is not None and len(rows) != n:
            raise BadRows(f"the embedder gave {len(rows)} rows for {n} chunks")
    for matrix in (embeddings.dense, *(embeddings.tokens or ())):
        if matrix is None:
            continue
        if matrix.ndim != 2 or matrix.shape[1] != dim or not len(matrix):
            raise BadRows(f"the embedder gave the shape {matrix.shape}, not (n, {dim})")
        if not np.isfinite(matrix).all():
            raise BadRows("the embedder gave NaN or infinite values")
        if not matrix.any(axis=1).all():
            raise BadRows("the embedder gave a zero vector")
    for one in embeddings.sparse or ():
        if one.indices.shape != one.values.shape or not (np.diff(one.indices) > 0).all():
            raise BadRows("the embedder gave sparse indices that do not increase, or do not fit their values")
        if not np.isfinite(one.values).all():
            raise BadRows("the embedder gave sparse values that are NaN or infinite")
