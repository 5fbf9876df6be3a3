"""Vectors for chunks: embeds what no stored vector covers, stores it as it is made, names documents that cannot be.

An embedder may raise, or give what no index can hold (NaN, infinity, a zero vector, too few rows, another shape). Then
its batch is tried again document by document, so that one document fails and not the ingest; when the first documents
all fail in the same way, the embedder is at fault and the ingest stops.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from rag.config import Stages
from rag.errors import RagError
from rag.index.disk import need_space
from rag.index.manifest import Manifest
from rag.ingest.alone import describe, is_alone
from rag.ingest.work import Made, Work
from rag.interrupt import Stop
from rag.stages import WindowEmbedder
from rag.text.languages import named_language
from rag.types import Chunk, Chunked, Document

SLICE = 64  # chunks embedded and stored together: what a killed run may have to do again
TRIES = 16  # documents that must all fail in one way, and none succeed, before the embedder is given up

Keys = list[list[str]]


def content_key(stages: Stages, item: Chunked, chunk: Chunk) -> str:
    """What a chunk's vectors depend on: the embedders, the text they see, in a window all of it, and its language."""
    embedders = "\0".join(v for k, v in sorted(stages.fingerprints.items()) if k in ("embed", "sparse"))
    text = chunk.contextual
    if item.window:
        text = "\0".join([text, item.document.title, item.document.text, f"{chunk.start}:{chunk.end}"])
    if (language := named_language(chunk.meta)) not in ("", "en"):
        text = f"{language}\0{text}"
    return hashlib.sha256(f"{embedders}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def parts_of(stages: Stages, batch: Sequence[Chunked]) -> Sequence[Chunked]:
    """What the embedder reads by itself: whole documents, or windows of them."""
    embedder = stages.embedder
    return embedder.windows(batch) if isinstance(embedder, WindowEmbedder) else batch


def keys_of(stages: Stages, batch: Sequence[Chunked]) -> Keys:
    """The content key of every chunk."""
    keys = {chunk.id: content_key(stages, part, chunk) for part in parts_of(stages, batch) for chunk in part.chunks}
    return [[keys[chunk.id] for chunk in chunked.chunks] for chunked in batch]


@dataclass(frozen=True, slots=True)
class Filling:
    """Vectors on their way for a batch with these keys: `missing`, in `parts` with what was begun for each."""

    batch: Sequence[Chunked]
    keys: Keys
    missing: frozenset[str]
    parts: Sequence[tuple[list[Chunked], object]]


@dataclass(slots=True)
class Vectorizer:
    """Fills a manifest's vectors. `embedded` and `tokens` count what was embedded, `reasons` is why documents failed.

    `progress(done, total)` is called for every slice. What is begun is finished in the same order.
    """

    manifest: Manifest
    stages: Stages
    work: Work
    stop: Stop
    progress: Callable[[int, int], None]
    embedded: int = 0
    tokens: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    _on_their_way: set[str] = field(default_factory=set)

    def fill(self, batch: Sequence[Chunked], keys: Keys) -> None:
        """Embed what has no vectors yet. Raises RagError when the embedder fails on everything, SpaceError.

        A document it fails on is noted in `reasons`; some of its chunks then have no vectors.
        """
        self.finish(self._begin(batch, keys, stored=set()))

    def begin(self, batch: Sequence[Chunked], keys: Keys) -> Filling:
        """Let the vectors be made that are neither stored nor on their way."""
        return self._begin(batch, keys, stored=set(self._on_their_way))

    def _begin(self, batch: Sequence[Chunked], keys: Keys, stored: set[str]) -> Filling:
        todo, missing = self._missing(batch, keys, stored)
        todo.sort(key=_length)  # alike lengths waste no padding
        self._on_their_way |= missing
        parts = [(part, self.work.begin(part)) for part in _slices(todo, self.work.slice or SLICE)]
        return Filling(batch, keys, frozenset(missing), parts)

    def finish(self, filling: Filling) -> None:
        """Store them. Raises as `fill` does."""
        total = sum(len(c.chunks) for part, _ in filling.parts for c in part)
        done = 0
        for part, begun in filling.parts:
            self.progress(done, total)
            self._embed(part, begun)
            done += sum(len(c.chunks) for c in part)
        self._on_their_way -= filling.missing
        batch, keys = filling.batch, filling.keys
        if total:
            self.progress(total, total)
        if self.reasons:  # a text that two documents share was tried for one of them
            stored = self.manifest.known_keys(chain.from_iterable(keys))
            pairs = zip(batch, keys, strict=True)
            left = [(c, row) for c, row in pairs if c.document.id not in self.reasons and not stored.issuperset(row)]
            if left:
                self.fill([c for c, _ in left], [row for _, row in left])

    def _missing(self, batch: Sequence[Chunked], keys: Keys, stored: set[str]) -> tuple[list[Chunked], set[str]]:
        """Documents or windows with only the chunks that have no vectors, each text once; and the keys of these."""
        chunks = chain.from_iterable(chunked.chunks for chunked in batch)
        named = {chunk.id: key for chunk, key in zip(chunks, chain.from_iterable(keys), strict=True)}
        stored |= self.manifest.known_keys(named.values())
        todo: list[Chunked] = []
        found: set[str] = set()
        for part in parts_of(self.stages, batch):
            missing = {key: chunk for chunk in part.chunks if (key := named[chunk.id]) not in stored}
            stored |= missing.keys()
            found |= missing.keys()
            if missing:
                todo.append(replace(part, chunks=tuple(missing.values())))
        return todo, found

    def _embed(self, part: Sequence[Chunked], begun: object) -> None:
        """Take and store what was begun; on an error one document at a time."""
        try:
            with self.stop.anywhere():
                made = self.work.finish(part, begun)
            self._store(part, made)
            return
        except Exception as error:
            if not is_alone(error):
                raise
            if len(part) == 1:
                self._note_failure(part[0].document, error)
                return
        for chunked in part:
            self._embed([chunked], self.work.begin([chunked]))

    def _store(self, part: Sequence[Chunked], made: Made) -> None:
        need_space(self.manifest.path.parent, 4 * made.embeddings.nbytes)
        keys = [key for row in keys_of(self.stages, part) for key in row]
        with self.manifest.transaction():
            self.manifest.put_vectors(keys, made.embeddings)
        self.embedded += len(keys)
        self.tokens += made.tokens

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


def _slices(batch: Iterable[Chunked], size: int) -> Iterator[list[Chunked]]:
    """Chunked documents in groups of `size` chunks; a long document is cut between its chunks."""
    part: list[Chunked] = []
    room = size
    for chunked in batch:
        chunks = chunked.chunks
        while chunks:
            part.append(replace(chunked, chunks=chunks[:room]))
            taken = len(chunks[:room])
            chunks, room = chunks[taken:], room - taken
            if room == 0:
                yield part
                part, room = [], size
    if part:
        yield part
