"""Mend what `check` finds: the vector index from the manifest, the manifest from its sound rows, the rest from files.

Nothing is embedded again whose vectors are sound, and no text is dropped that is whole. A source that lost something is
read again from its file; where that is gone, what is left of it stays, and a source that lacks text is named.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rag.config import PipelineConfig, Stages, build, to_facts
from rag.errors import CorruptError
from rag.index import chats, seal
from rag.index.disk import need_space
from rag.index.facts import REPAIRING, pipeline_facts, refuse_unfinished
from rag.index.folder import Index
from rag.index.generations import open_generation, read_pointer
from rag.index.locks import Wait
from rag.index.manifest import Manifest
from rag.index.recover import Losses, recover
from rag.ingest.report import Progress, ignore_progress
from rag.ingest.run import restore
from rag.ingest.sources import path_of
from rag.maintain.check import Finding, find_problems


@dataclass(slots=True)
class Repair:
    """What was `found` before and is `remaining` after; `embedded` counts chunks.

    The others name sources, but for conversations; of `lost` ones, text is gone from the index and from the disk.
    """

    found: list[Finding]
    remaining: list[Finding] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    rechunked: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    embedded: int = 0


def repair(
    index: Index, config: PipelineConfig, *, wait: Wait | None = None, progress: Progress = ignore_progress
) -> Repair:
    """Check deeply and mend. Raises IndexMissing, LockedError unless it is to `wait`, MismatchError, SpaceError."""
    index.must_exist()
    stages = build(config)
    with index.hold_lock(wait=wait):
        result = Repair(list(find_problems(index, stages.store, deep=True)))
        if not result.found:
            return result
        need_space(index.path, 0)
        parts = {finding.part for finding in result.found}
        if "conversations" in parts:
            aside = chats.put_aside(index.path / chats.NAME)
            result.lost.append(f"conversations; the damaged file is now {aside.name}")
        roots, facts = _known(index)
        facts = facts or pipeline_facts(to_facts(config), stages.fingerprints)
        lost = recover(index.path) if "manifest" in parts else Losses([], [], [], True)
        seal.remove(index.path)
        with index.edit_unsealed() as manifest:
            if "manifest" in parts:
                with manifest.transaction():
                    manifest.set_facts({**facts, REPAIRING: manifest.facts()[REPAIRING]})
                    manifest.add_roots(roots)
                _restore(index, manifest, stages, lost, result, progress)
                with manifest.transaction():
                    manifest.set_facts(facts)  # it is done
            refuse_unfinished(manifest.facts())
            index.publish(manifest, stages.store, fresh="vector index" in parts)
        result.remaining = list(find_problems(index, stages.store, deep=True))
    return result


def _known(index: Index) -> tuple[Sequence[str], dict[str, str]]:
    """Roots as the seal has them, else roots and facts as the live generation does; nothing where neither is whole."""
    roots: Sequence[str] = []
    facts: dict[str, str] = {}
    with suppress(CorruptError):
        if pointer := read_pointer(index.path):
            live = open_generation(index.path, pointer)
            roots, facts = live.roots, dict(live.facts)
    with suppress(CorruptError):
        if sealed := seal.read(index.path):
            roots = sealed.roots
    return roots, facts


def _restore(
    index: Index, manifest: Manifest, stages: Stages, lost: Losses, result: Repair, progress: Progress
) -> None:
    """What the recovered manifest lacks: chunks, sources."""
    paths = [path_of(name, str(index.base)) for name in lost.reload]
    roots = [path for path in paths if os.path.isfile(path) and _is_inside(path, index.base)]
    if not lost.complete:
        known_roots = [path_of(root, str(index.base)) for root in manifest.roots()]
        for root in filter(os.path.exists, known_roots):
            if _is_inside(root, index.base):
                roots.append(root)
            else:
                result.lost.append(f"files under {root}, which the index alone names; run `rag ingest` on it")
        if not known_roots:
            result.lost.append("files that nothing in the index names any more; run `rag ingest` on their folders")
    report = restore(index, manifest, stages, lost.rechunk, roots, progress)
    result.rechunked, result.embedded = lost.rechunk, report.embedded
    result.reloaded = [file.source for file in report.files if file.status not in ("unchanged", "skipped")]
    good = {file.source for file in report.files if file.status != "failed"}
    result.lost += [name for name in lost.incomplete if name not in good]


def _is_inside(path: str, folder: Path) -> bool:
    """Whether a path is in the index's folder, links followed: an index's word is not enough to read another."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
