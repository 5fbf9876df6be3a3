"""The steps of an ingest on one manifest: scan, rechunk, load, commit, publish.

Embedding comes before replacing, so a failure keeps the old version; vectors are stored as they are made, so a killed
run pays for nothing twice. Loading, chunking and embedding go through the stages, rows of sources through
`rag.ingest.source_writer`; the order of it all is here. A long ingest publishes now and then, so that an interrupted
one answers from what was published not long ago.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

from rag.config import Stages
from rag.index.disk import need_space
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.publish import UnwritableError
from rag.ingest import sources
from rag.ingest.cut import Cutting, columns, judge
from rag.ingest.report import FileReport, Progress, Report, ignore_progress
from rag.ingest.reuse import EarlierVectors
from rag.ingest.source_writer import SourceWriter
from rag.ingest.vectorize import Filling, Vectorizer
from rag.ingest.work import Cut, Here, Read, Work
from rag.interrupt import Interrupted, Stop
from rag.text.languages import with_language
from rag.types import Chunked, Loaded, Source

WINDOW = 512  # sources, or about as many chunks, that are loaded, chunked and sorted by length together
CHUNK_LENGTH = 800  # characters, about
PUBLISH_EVERY = 8192  # new chunks, or as many as make the index half as large again: a publish copies all of it


class SourceWindow(NamedTuple):
    """Sources that were read, others of which only the stamp is new, a cut for each document, and their vectors."""

    loaded: Sequence[Loaded]
    touched: Sequence[Source]
    cuts: Sequence[Cut | None]
    filling: Filling


class IngestSteps:
    """What one ingest does to a manifest, noted in `report`. `known` are the manifest's sources as they were.

    `rebuild` are the facts of the index to come, where all of it is made anew.
    """

    def __init__(
        self,
        index: Index,
        manifest: Manifest,
        stages: Stages,
        stop: Stop,
        progress: Progress,
        rebuild: Mapping[str, str] | None = None,
        work: Work | None = None,
    ) -> None:
        self.index, self.manifest, self.stages, self.stop = index, manifest, stages, stop
        self.progress, self.rebuild, self.report = progress, rebuild, Report()
        self.known = manifest.sources()
        self._published = sum(row.chunks for row in self.known.values())  # chunks, about
        self._base = str(index.base)
        self._sources = SourceWriter(
            manifest, self.known, stages.connector.fingerprint, self.report, rebuilding=rebuild is not None
        )
        self._work = work or Here(stages, stages.connector, counting=progress is not ignore_progress)
        self._vectors = Vectorizer(manifest, stages, self._work, stop, self._count)
        self._earlier = EarlierVectors.find(manifest, stages) if rebuild else None
        self._cutting = Cutting(stages, self._vectors, stop)
        self._unchunked: list[str] = []  # stored sources that could not be chunked or embedded again
        self._begun: deque[SourceWindow] = deque()

    def scan(self, roots: Sequence[str]) -> dict[str, Source]:
        """What is under the roots by name, and in folders in them that were named before; not what is left out."""
        self.progress("scan", 0, 0)
        found = {s.name: s for s in self.stop.each(self.stages.connector.scan(roots, base=self._base))}
        if named := sources.find_named(self.known, found, roots, self.manifest.roots(), self._base):
            found |= {s.name: s for s in self.stop.each(self.stages.connector.scan(named, base=self._base))}
        excluded = {name for name, row in self.known.items() if row.status == sources.EXCLUDED}
        excluded -= {sources.name_of(root, self._base) for root in roots}
        left_out = [name for name in found if name in excluded]
        self.report.files += [FileReport(name, "skipped", sources.EXCLUDED_REASON) for name in left_out]
        return {name: source for name, source in found.items() if name not in excluded}

    def drop(self, names: Sequence[str]) -> None:
        """Remove these sources. Only what was indexed is told: a folder that failed may be listed again."""
        with self.manifest.transaction():
            self.manifest.drop_sources(names)
        indexed = [name for name in names if self.known[name].documents or self.known[name].status != "failed"]
        self.report.files += [FileReport(name, "deleted") for name in indexed]

    def rechunk(self, names: Sequence[str]) -> None:
        """Chunk and embed stored documents again under the pipeline's present settings.

        A source this fails for keeps its text, without chunks; it is loaded again where it is among the files to load.
        """
        for done, name in enumerate(names, 1):
            self.progress("rechunk", done, len(names))
            documents, row = list(map(with_language, self.manifest.documents(name))), self.known[name]
            cuts = self._cutting.cut(documents)
            if self._earlier:
                self._earlier.reuse(*columns(cuts))
            self._vectors.fill(*columns(cuts))
            whole, failures = self._cutting.outcome(documents, cuts)
            if failures:
                status, reason = "failed", failures[0][1]
                whole = [Cut(Chunked(document, ()), ()) for document in documents]
            elif row.status == "failed" and row.documents and not row.chunks:
                status, reason = judge("ok", "", whole)  # it failed here before
            else:
                status, reason = judge(row.status, row.reason, whole)
            chunked, keys = columns(whole)
            with self.manifest.transaction():
                self.manifest.replace_documents(name, chunked, keys)
                self._sources.put_row(row, status, reason)
            chunks = sum(len(one.chunks) for one in chunked)
            self.known[name] = replace(row, status=status, reason=reason, chunks=chunks)
            if failures:
                self._unchunked.append(name)

    def compare(self, found: Mapping[str, Source]) -> list[Source]:
        """Those of the sources that may have changed; the others are reported."""
        changed = []
        for source in found.values():
            row = self.known.get(source.name)
            same = row and (row.stamp, row.parser) == (source.stamp, self._sources.parser_of(source))
            if row and same and not source.reason and row.status not in ("failed", sources.EXCLUDED):
                self.report.files.append(self._sources.report_unchanged(row))
            else:
                changed.append(source)
        left_behind = [self.known[name] for name in self._unchunked if name not in found]
        self.report.files += [FileReport(row.name, "failed", row.reason) for row in left_behind]
        return changed

    def load(self, changed: Sequence[Source]) -> None:
        """Load these and commit them."""
        self.report.left = len(changed)
        window: list[Read] = []
        touched: list[Source] = []  # of the same content, with another stamp
        length = 0
        digests = [self._sources.sha256_of(source) for source in changed]
        for done, read in enumerate(self.stop.each(self._work.read(changed, digests)), 1):
            self.progress("load", done, len(changed))
            loaded = read.loaded
            row = self.known.get(loaded.source.name)
            if row and self._sources.sha256_of(loaded.source) == loaded.sha256 != "" and row.status == loaded.status:
                touched.append(loaded.source)
                self.report.add(self._sources.report_unchanged(row))
            else:
                window.append(read)
                length += sum(len(d.text) for d in loaded.documents)
            if length > WINDOW * CHUNK_LENGTH or len(window) + len(touched) >= WINDOW:
                self._begin(window, touched)
                window, touched, length = [], [], 0
                self._finish(self._work.ahead)
        self._begin(window, touched)
        self._finish(0)

    def publish(self) -> None:
        """Bring the vector index in line with the manifest; the first one is finished, or nothing would answer."""
        self.progress("publish", 0, 0)
        live = self.index.pointer_text()
        self.report.pending = True
        try:
            with self.stop.anywhere() if self.rebuild else self.stop.patiently() if live else nullcontext():
                while not self._publish():
                    pass
                self.report.pending = False
        finally:  # however it ended
            if self.index.pointer_text() != live:
                self.report.published, self.report.pending = True, False
        self._published += self._sources.unpublished
        self._sources.unpublished = 0

    def _publish(self) -> bool:
        """False where some sources could not be written: their chunks are left out from now on."""
        try:
            self.report.published |= self.index.publish(
                self.manifest, self.stages.store, fresh=self.rebuild is not None, facts=self.rebuild
            )
            return True
        except UnwritableError as error:
            with self.manifest.transaction():
                for name, reason in error.reasons.items():
                    self._sources.leave_out(name, f"storing failed: {reason}")
            return False

    def _begin(self, window: Sequence[Read], touched: Sequence[Source]) -> None:
        """Chunk a window of sources together, unless that is done, and let it be embedded."""
        documents = [document for read in window for document in read.loaded.documents]
        need_space(self.index.path, 4 * sum(len(document.text) for document in documents))
        if all(read.cuts is None for read in window):
            cuts = self._cutting.cut(documents)
        else:
            cuts = [cut for read in window for cut in read.cuts or ()]
        for read in window:
            self._cutting.reasons |= read.reasons
        loaded = [read.loaded for read in window]
        self._begun.append(SourceWindow(loaded, touched, cuts, self._vectors.begin(*columns(cuts))))

    def _finish(self, most: int) -> None:
        """Commit what was begun, the oldest first, until `most` windows are left; publish now and then."""
        while len(self._begun) > most:
            self._commit(self._begun.popleft())
            if self._sources.unpublished >= max(PUBLISH_EVERY, self._published // 2) and not self.rebuild:
                self.publish()

    def _commit(self, window: SourceWindow) -> None:
        """Take the vectors of a window, then replace each source whole and note new stamps.

        When interrupted, the sources that are embedded to the end are replaced before it is raised again.
        """
        interruption: Interrupted | None = None
        try:
            self._vectors.finish(window.filling)
        except Interrupted as error:
            interruption = error
        end = 0
        with self.manifest.transaction():
            self.manifest.update_stamps(window.touched)
            for loaded in window.loaded:
                own = slice(end, end + len(loaded.documents))
                end = own.stop
                outcome = self._cutting.outcome(loaded.documents, window.cuts[own])
                if interruption is None or not outcome.failures:
                    self._sources.replace(loaded, outcome)
        if interruption is not None:
            raise interruption

    def _count(self, done: int, total: int) -> None:
        self.progress("embed", done, total)
        self.progress("tokens", self._vectors.tokens, 0)
        self.report.embedded, self.report.tokens = self._vectors.embedded, self._vectors.tokens
        if self._work.rates:
            rate = sum(one.chunks / one.seconds for one in self._work.rates.values() if one.seconds)
            self.progress("workers", len(self._work.rates), int(rate))
