"""Another model or other settings for an index that goes on answering: `upgrade`, and the way back.

All is made anew from the stored documents, no file is read; the live generation answers until the new one is published.
What is embedded is stored as it is made, so the same command goes on after a kill. With `keep` the vectors of the index
as it was stay in the manifest: to come back to it embeds only what was added since.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rag.config import PipelineConfig, build, from_facts
from rag.errors import InputError
from rag.index.facts import REBUILDING, SHAPING
from rag.index.folder import Index
from rag.index.kept import list_kept, release
from rag.index.locks import Wait
from rag.ingest.report import Progress, Report, ignore_progress
from rag.ingest.run import ingest

STATES = ("live", "kept")


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A generation's number (0 for that of a server), its state, its pipeline's name and how many vectors it has."""

    number: int
    state: str
    pipeline: str
    vectors: int


def upgrade(
    index: Index,
    config: PipelineConfig,
    *,
    keep: bool = False,
    back: int | None = None,
    wait: Wait | None = None,
    progress: Progress = ignore_progress,
) -> Report:
    """Make the index that of another pipeline. Raises IndexMissing, and as `rag.ingest.run.ingest` does.

    Where only the question's side differs, nothing is made anew, and with `keep` nothing is kept. `back` is the kept
    generation whose pipeline this is: it is the live one then, and kept no longer.
    """
    with closing(index.read_manifest()) as manifest:
        facts = manifest.facts()
    mine = build(config).fingerprints
    differs = REBUILDING in facts or any(facts.get(f"fingerprint.{kind}", "") != mine.get(kind, "") for kind in SHAPING)
    report = ingest(index, config, [], rebuild=differs, keep=keep and differs, wait=wait, progress=progress)
    if back is not None:
        drop(index, [back], wait=wait)
    return report


def find_pipeline(index: Index, number: int) -> PipelineConfig:
    """The pipeline of a kept generation. Raises InputError for one that is not kept, ConfigError."""
    with closing(index.read_manifest()) as manifest:
        kept = list_kept(manifest)
    return from_facts(kept[_known(number, kept)].facts, str(index.path))


def list_generations(index: Index) -> list[GenerationRow]:
    """The live generation, and what is kept, newest first. Raises IndexMissing, CorruptError."""
    with closing(index.read_manifest()) as manifest:
        kept, chunks = list_kept(manifest), manifest.counts()["chunks"]
        name = _name(manifest.facts())
    live = GenerationRow(index.live_number() or 0, "live", name, chunks)
    return [
        live,
        *(GenerationRow(n, "kept", _name(kept[n].facts), kept[n].vectors) for n in sorted(kept, reverse=True)),
    ]


def drop(index: Index, numbers: Sequence[int], *, wait: Wait | None = None) -> int:
    """Keep these generations no longer; how many vectors that frees. Raises InputError, LockedError."""
    index.must_exist()
    with index.edit_manifest(wait=wait) as manifest, manifest.transaction():
        kept = list_kept(manifest)
        for number in numbers:
            release(manifest, _known(number, kept))
        return manifest.drop_unused_vectors()


def _known(number: int, kept: Any) -> int:
    if number not in kept:
        names = ", ".join(map(str, kept)) or "none is"
        raise InputError(f"generation {number} is not kept ({names}); `rag generations` lists them.")
    return number


def _name(facts: Any) -> str:
    return " ".join(str(facts.get("pipeline", "unknown")).split())
