"""Ingest: bring an index in line with what is on disk, doing only what changed.

scan -> compare stamps and hashes with the manifest -> load -> chunk -> embed what no stored vector covers -> commit
each source whole -> publish the vector index. `rag.ingest.steps` does these; their order is here.

Ctrl-C and SIGTERM end it early with an index that answers from what was done, or, where publishing that would take too
long, from what was published before. A rebuild publishes once: until then, and if it is interrupted, the old index
answers.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rag.config import PipelineConfig, Stages, build, to_facts
from rag.errors import MismatchError
from rag.index.facts import PROBE, REBUILDING, check_fingerprints, check_probe, pipeline_facts, refuse_unfinished
from rag.index.folder import Index
from rag.index.kept import find_kept, keep_generation
from rag.index.locks import Wait
from rag.index.manifest import Manifest
from rag.ingest.executors.crew import open_work
from rag.ingest.report import Progress, Report, ignore_progress
from rag.ingest.sources import find_deleted, name_of
from rag.ingest.steps import IngestSteps
from rag.ingest.unfinished import note_begin, note_end
from rag.interrupt import Interrupted, stoppable

EMBED = "fingerprint.embed"


def ingest(
    index: Index,
    config: PipelineConfig,
    roots: Sequence[str],
    *,
    rebuild: bool = False,
    keep: bool = False,
    wait: Wait | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Index everything under `roots`, drop what is gone from them, publish.

    `rebuild` applies other models or settings to the whole index, from the stored documents where files did not
    change; with `keep`, the vectors of the index as it was are kept (`rag.index.kept`). While another process writes
    the index, `wait` is called with its id and its end is waited for; without `wait` LockedError is raised. Raises
    InputError (a root does not exist), MismatchError (other settings, without `rebuild`), StoreError, SpaceError,
    RagError (the embedder fails on everything); Interrupted, a KeyboardInterrupt with a `report`, after Ctrl-C or
    SIGTERM. A file that cannot be read or embedded is reported, never raised.
    """
    started = time.monotonic()
    stages = build(config)
    facts = pipeline_facts(to_facts(config), stages.fingerprints)
    with (
        stoppable() as stop,
        index.edit_manifest(wait=wait, check=stop.check) as manifest,
        open_work(config, stages, counting=progress is not ignore_progress) as work,
    ):
        before = manifest.facts()
        rebuild = _must_rebuild(before, facts, stages, config, rebuild=rebuild)
        same = before.get(EMBED) == facts[EMBED]
        facts |= check_probe(before if same else {}, stages.embedder)
        steps = IngestSteps(index, manifest, stages, stop, progress, rebuild=facts if rebuild else None, work=work)
        try:
            _run(steps, roots, before, facts, keep=keep)
        except Interrupted as interruption:
            if not rebuild and (index.live_number() is not None or manifest.counts()["chunks"]):
                with suppress(Interrupted):
                    steps.publish()
            interruption.report = steps.report
            raise
        finally:
            steps.report.files.sort(key=lambda f: f.source)
            steps.report.workers = dict(work.rates)
            steps.report.seconds = time.monotonic() - started
    return steps.report


def _run(
    steps: IngestSteps, roots: Sequence[str], before: Mapping[str, str], facts: Mapping[str, str], *, keep: bool
) -> None:
    """Every step in its order. The facts are `before` now and will be `facts`."""
    manifest, base = steps.manifest, str(steps.index.base)
    names = [name_of(root, base) for root in roots]
    found = steps.scan(roots)
    deleted = find_deleted(steps.known, found, roots, base)
    if not before or steps.rebuild:
        with manifest.transaction():
            if keep and steps.rebuild and find_kept(manifest, before) is None:
                keep_generation(manifest, steps.index.live_number())
            manifest.set_facts({**before, REBUILDING: _text(facts)} if before else facts)
            note_begin(manifest, names)
    if steps.rebuild:
        steps.rechunk([name for name in steps.known if name not in deleted])
    changed = steps.compare(found)
    if changed or deleted:
        with manifest.transaction():
            note_begin(manifest, names)
    steps.drop(deleted)
    steps.load(changed)
    with manifest.transaction():
        manifest.add_roots(names)
        manifest.drop_unused_vectors()
        if before and not steps.rebuild and facts != before:
            manifest.set_facts(facts)  # the same index, by another pipeline
    steps.publish()
    with manifest.transaction():
        if steps.rebuild:
            manifest.set_facts(facts)
        note_end(manifest, roots, base)


def _must_rebuild(
    before: Mapping[str, str], facts: Mapping[str, str], stages: Stages, config: PipelineConfig, *, rebuild: bool
) -> bool:
    """Whether the whole index is made anew: on request, or to finish such a request. Raises MismatchError."""
    unfinished = before.get(REBUILDING)
    if not before or rebuild or unfinished == _text(facts):
        return bool(before) and (rebuild or unfinished is not None)
    refuse_unfinished(before)
    check_fingerprints(before, stages.fingerprints)
    if ("fingerprint.sparse" in before) > ("sparse" in stages.fingerprints):
        raise MismatchError(
            f"This index holds sparse vectors, which pipeline {config.name!r} does not make. Ingest with "
            f"{before.get('pipeline')!r}, or run `rag ingest FOLDER --rebuild --pipeline {config.name}`."
        )
    return False


def _text(facts: Mapping[str, str]) -> str:
    return json.dumps({name: value for name, value in facts.items() if name != PROBE})


def restore(
    index: Index, manifest: Manifest, stages: Stages, rechunk: Sequence[str], roots: Sequence[str], progress: Progress
) -> Report:
    """Cut these stored sources again, read what is new under the roots, embed what has no vectors: for repairs."""
    with stoppable() as stop:
        steps = IngestSteps(index, manifest, stages, stop, progress)
        steps.rechunk(rechunk)
        steps.load(steps.compare(steps.scan(roots)))
        with manifest.transaction():
            manifest.drop_unused_vectors()
    return steps.report
