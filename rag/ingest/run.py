"""Ingest: bring an index in line with what is on disk, doing only what changed.

scan -> compare stamps and hashes with the manifest -> load -> chunk -> embed what no stored vector covers -> commit
each source whole -> publish the vector index. Embedding comes before replacing, so a failure keeps the old version;
vectors are stored as they are made, so a killed run pays for nothing twice. Loading, chunking and embedding go through
the stages; the order of work, the bookkeeping and the locks are here and in `rag.index.folder`.

Ctrl-C and SIGTERM end it early with an index that answers from what was done, or, where publishing that would take too
long, from what was published before. A long ingest publishes now and then, so that this is not long ago. A rebuild
publishes once: until then, and if it is interrupted, the old index answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

from rag.config import PipelineConfig, Stages, build
from rag.errors import MismatchError
from rag.index.disk import explain_full_disk, need_space
from rag.index.folder import Index, check_fingerprints
from rag.index.locks import Wait
from rag.index.manifest import Manifest, SourceRow
from rag.ingest.report import FileReport, Progress, Report, ignore_progress
from rag.ingest.sources import EXCLUDED, EXCLUDED_REASON, find_deleted, name_of, select_sources
from rag.ingest.vectorize import Keys, Vectorizer
from rag.interrupt import Interrupted, Stop, stoppable
from rag.types import Chunked, Loaded, Source

WINDOW = 512  # sources, or about as many chunks, that are loaded, chunked and sorted by length together
PUBLISH_EVERY = 8192  # new chunks; what is published at the end, or when interrupted, then takes seconds
REBUILDING = "rebuilding"  # the fact that a rebuild has begun: what the index will be when it is done


def ingest(
    index: Index,
    config: PipelineConfig,
    roots: Sequence[str],
    *,
    rebuild: bool = False,
    wait: Wait | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Index everything under `roots`, drop what is gone from them, publish.

    `rebuild` applies other models or settings to the whole index, from the stored documents where files did not
    change. While another process writes the index, `wait` is told and it is waited for; without it LockedError is
    raised. Raises InputError (a root does not exist), MismatchError (other settings, without `rebuild`),
    StoreError, SpaceError, RagError (the embedder fails on everything); Interrupted, a KeyboardInterrupt with a
    `report`, after Ctrl-C or SIGTERM. A file that cannot be read or embedded is reported, never raised.
    """
    started = time.monotonic()
    report = Report()
    stages = build(config)
    new = {"pipeline": config.reference, **{f"fingerprint.{k}": v for k, v in stages.fingerprints.items()}}
    with (
        explain_full_disk(index.base),
        stoppable() as stop,
        index.edit_manifest(wait=wait, check=stop.check) as manifest,
    ):
        facts = manifest.facts()
        rebuild = _rebuilds(facts, new, stages, config, asked=rebuild)
        plan = _Plan(index, manifest, stages, report, progress, stop, rebuild=new if rebuild else None)
        try:
            progress("scan", 0, 0)
            scanned = plan.scan(roots)
            dropped = find_deleted(plan.known, scanned, roots, str(index.base))
            if not facts or rebuild:
                with manifest.transaction():
                    manifest.set_facts({**facts, REBUILDING: json.dumps(new)} if facts else new)
            if rebuild:
                plan.rechunk([name for name in plan.known if name not in dropped])
            with manifest.transaction():
                manifest.drop_sources(dropped)
            report.files += [FileReport(name, "deleted") for name in dropped]
            plan.load(scanned)
            with manifest.transaction():
                manifest.add_roots(name_of(root, str(index.base)) for root in roots)
                manifest.drop_unused_vectors()
            plan.publish()
            if rebuild:
                with manifest.transaction():
                    manifest.set_facts(new)
        except Interrupted as interruption:
            if not rebuild and (index.live_number() is not None or manifest.counts()["chunks"]):
                with suppress(Interrupted):
                    plan.publish()
            interruption.report = report
            raise
        finally:
            report.files.sort(key=lambda f: f.source)
            report.seconds = time.monotonic() - started
    return report


def refuse_unfinished(facts: Mapping[str, str]) -> None:
    """Refuse an index in the middle of a rebuild. Raises MismatchError."""
    if begun := facts.get(REBUILDING):
        raise MismatchError(
            f"A rebuild with the pipeline {json.loads(begun)['pipeline']!r} was begun and not finished. Finish it with "
            f"`rag ingest --rebuild --pipeline {json.loads(begun)['pipeline']}`, or give another --pipeline there."
        )


def _rebuilds(
    facts: dict[str, str], new: dict[str, str], stages: Stages, config: PipelineConfig, *, asked: bool
) -> bool:
    """Whether the whole index is made anew: because it was asked for, or to finish what was. Raises MismatchError."""
    begun = facts.get(REBUILDING)
    if not facts or asked or begun == json.dumps(new):
        return bool(facts) and (asked or begun is not None)
    refuse_unfinished(facts)
    check_fingerprints(facts, dict(stages.fingerprints), kinds=("chunk", "embed", "sparse"))
    if ("fingerprint.sparse" in facts) > ("sparse" in stages.fingerprints):
        raise MismatchError(
            f"This index holds sparse vectors, which pipeline {config.name!r} does not make. Ingest with "
            f"{facts.get('pipeline')!r}, or run `rag ingest --rebuild --pipeline {config.name}`."
        )
    return False


def restore(
    index: Index,
    manifest: Manifest,
    stages: Stages,
    *,
    rechunk: Sequence[str],
    roots: Sequence[str],
    progress: Progress,
) -> Report:
    """Cut these stored sources again, read what is new under the roots, embed what has no vectors: for repairs."""
    report = Report()
    with explain_full_disk(index.base), stoppable() as stop:
        plan = _Plan(index, manifest, stages, report, progress, stop, rebuild=None)
        plan.rechunk(rechunk)
        plan.load(plan.scan(roots))
        with manifest.transaction():
            manifest.drop_unused_vectors()
    return report


class _Plan:
    """The work of one ingest on one manifest."""

    def __init__(
        self,
        index: Index,
        manifest: Manifest,
        stages: Stages,
        report: Report,
        progress: Progress,
        stop: Stop,
        *,
        rebuild: dict[str, str] | None,
    ) -> None:
        self.index, self.manifest, self.stages, self.report = index, manifest, stages, report
        self.progress, self.stop, self.rebuild = progress, stop, rebuild
        self.parser = stages.connector.fingerprint
        self.known = manifest.sources()
        self.vectors = Vectorizer(manifest, stages, stop, self._told, counting=progress is not ignore_progress)
        self.unpublished = 0

    def publish(self) -> None:
        """Bring the vector index in line with the manifest; the first one is finished, or nothing would answer."""
        self.progress("publish", 0, 0)
        live = self.index.pointer_text()
        self.report.pending = True
        try:
            with self.stop.anywhere() if self.rebuild else self.stop.patiently() if live else nullcontext():
                changed = self.index.publish(
                    self.manifest, self.stages.store, fresh=bool(self.rebuild), facts=self.rebuild
                )
                self.report.published |= changed
                self.report.pending = False
        finally:  # however it ended
            if self.index.pointer_text() != live:
                self.report.published, self.report.pending = True, False
        self.unpublished = 0

    def scan(self, roots: Sequence[str]) -> dict[str, Source]:
        """What is under the roots, without what was left out on request."""
        base = str(self.index.base)
        found = self.stop.each(self.stages.connector.scan(roots, base=base))
        scanned, left_out = select_sources(found, roots, self.known, base)
        self.report.files += [FileReport(name, "skipped", EXCLUDED_REASON) for name in left_out]
        return scanned

    def load(self, scanned: dict[str, Source]) -> None:
        """Load what may have changed and commit it."""
        changed: list[Source] = []
        unchanged: list[Source] = []
        for name, source in scanned.items():
            row = self.known.get(name)
            same = row is not None and row.stamp == source.stamp and row.parser == self.parser
            again = row is None or row.status in ("failed", EXCLUDED)
            (unchanged if same and not again else changed).append(source)
        self.report.files += [self._unchanged(self.known[source.name]) for source in unchanged]
        self.report.left = len(changed)
        window: list[Loaded] = []
        size = 0
        for done, loaded in enumerate(self.stop.each(self.stages.connector.load(changed)), 1):
            self.progress("load", done, len(changed))
            row = self.known.get(loaded.source.name)
            if row and row.sha256 == loaded.sha256 and row.parser == self.parser and row.status == loaded.status:
                self.manifest.update_stamps([loaded.source])
                self._done(self._unchanged(row))
                continue
            window.append(loaded)
            size += sum(len(d.text) for d in loaded.documents)
            if size > WINDOW * 800 or len(window) >= WINDOW:
                self._commit(window)
                window, size = [], 0
                if self.unpublished >= PUBLISH_EVERY and not self.rebuild:
                    self.publish()
        self._commit(window)

    def rechunk(self, names: Sequence[str]) -> None:
        """Chunk and embed stored documents again under the pipeline's present settings."""
        for done, name in enumerate(names, 1):
            self.progress("rechunk", done, len(names))
            with self.stop.anywhere():
                chunked = self.stages.chunker.chunk(self.manifest.documents(name))
            keys = self.vectors.keys(chunked)
            self.vectors.fill(chunked, keys)
            row, failed = self.known[name], self._failed(chunked, keys, self._stored(keys))
            with self.manifest.transaction():
                self.manifest.replace_documents(name, *(([], []) if failed else (chunked, keys)))
            if failed:  # its old vectors are of another space; it is loaded again below, and reported
                self.known[name] = replace(row, status="failed", documents=0, chunks=0)

    def _told(self, done: int, total: int) -> None:
        self.progress("embed", done, total)
        self.progress("tokens", self.vectors.tokens, 0)
        self.report.embedded, self.report.tokens = self.vectors.embedded, self.vectors.tokens

    def _unchanged(self, row: SourceRow) -> FileReport:
        status = row.status if row.status in ("skipped", "failed") else "unchanged"
        return FileReport(row.name, status, row.reason, row.chunks)

    def _done(self, file: FileReport) -> None:
        self.report.files.append(file)
        self.report.left -= 1

    def _commit(self, window: Sequence[Loaded]) -> None:
        """Chunk and embed a window of sources together, then replace each source whole.

        When interrupted, the sources that are embedded to the end are replaced before it is raised again.
        """
        need_space(self.index.path, 4 * sum(len(d.text) for loaded in window for d in loaded.documents))
        with self.stop.anywhere():
            chunked = self.stages.chunker.chunk([d for loaded in window for d in loaded.documents])
        keys = self.vectors.keys(chunked)
        interruption: Interrupted | None = None
        try:
            self.vectors.fill(chunked, keys)
        except Interrupted as error:
            interruption = error
        stored = self._stored(keys)
        at = 0
        with self.manifest.transaction():
            for loaded in window:
                mine = slice(at, at + len(loaded.documents))
                at = mine.stop
                failed = self._failed(chunked[mine], keys[mine], stored)
                if not failed:
                    self._replace(loaded, chunked[mine], keys[mine])
                elif interruption is None:
                    self._replace(replace(loaded, status="failed", reason=failed, documents=()), [], [])
        if interruption is not None:
            raise interruption

    def _stored(self, keys: Keys) -> set[str]:
        return self.manifest.known_keys(key for row in keys for key in row)

    def _failed(self, chunked: Sequence[Chunked], keys: Keys, stored: set[str]) -> str:
        """Why a source's documents have not all got vectors; "" when they have."""
        bad = [c.document.id for c, row in zip(chunked, keys, strict=True) if not stored.issuperset(row)]
        reasons = self.vectors.reasons
        return reasons.get(bad[0], "embedding failed: it shares text with a document that failed") if bad else ""

    def _replace(self, loaded: Loaded, chunked: Sequence[Chunked], keys: Keys) -> None:
        source, row = loaded.source, self.known.get(loaded.source.name)
        status, reason = loaded.status, loaded.reason
        chunks = sum(len(c.chunks) for c in chunked)
        if status == "failed" and row is not None and row.documents:
            reason = f"{reason} (still answered from the version indexed before)"
            chunks = row.chunks
        self.manifest.put_source(source, sha256=loaded.sha256, parser=self.parser, status=status, reason=reason)
        if status != "failed":
            self.manifest.replace_documents(source.name, chunked, keys)
            self.unpublished += chunks
        shown = status if status != "ok" else "added" if row is None else "updated"
        self._done(FileReport(source.name, shown, reason, chunks))
