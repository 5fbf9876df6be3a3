"""An index of a dataset for a pipeline, built once: kept in a cache folder under what shapes it.

Pipelines that differ only in how they search or answer share an index. A corpus is written as JSON Lines, which the
pipeline ingests like any user's file; a record's `id` is the pid. Ingest goes on where a killed one stopped. A store
that has collections gets one of its own, so that no evaluation writes into a user's.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

import rag
from rag import Pipeline, Report
from rag.errors import LockedError, MismatchError
from rag_evals.datasets import Dataset, Passage

SHAPING = ("connector", "chunk", "embed", "sparse", "store")
PART = 5000  # passages in a file
COST = "cost.json"
PATIENCE = 1800  # seconds to wait for another evaluation that writes the same index


def digest(*facts: Any) -> str:
    """16 hex digits of plain data."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def code_digest() -> str:
    """Of the framework's source: records made by other code are not gone on with."""
    files = sorted(Path(rag.__path__[0]).rglob("*.py"))
    return digest([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])


def content_digest(dataset: Dataset) -> str:
    """Of what is indexed: every passage, or name, size and time of every document."""
    if dataset.documents:
        return digest([_stamps(Path(folder)) for folder in dataset.documents])
    whole = hashlib.sha256()
    for passage in dataset.corpus:
        whole.update(_line(passage))
    return whole.hexdigest()[:16]


def index_dataset(
    dataset: Dataset, name: str, cache: Path, *, progress: Callable[[str, int, int], None] | None = None
) -> tuple[Pipeline, Path]:
    """The pipeline on a complete index of the dataset, and the folder that holds it. Raises what ingest raises."""
    config = Pipeline.load(name, index=cache).config
    shape = {kind: config.stages.get(kind) for kind in SHAPING}
    content = [str(Path(folder).resolve()) for folder in dataset.documents] or content_digest(dataset)
    key = digest(content, shape)
    folder = cache / key
    pipeline = Pipeline.load(name, index=folder)
    if "collection" in config.stages["store"]:
        store = {**config.stages["store"], "collection": f"raghop-eval-{key}"}
        pipeline = Pipeline(config.with_stage("store", store), pipeline.index)
    roots: Sequence[str | Path] = dataset.documents or [_corpus(dataset.corpus, folder)]
    try:
        report = _ingest(pipeline, roots, progress=progress)
    except MismatchError:  # the cache was filled by other weights or another version
        (folder / COST).unlink(missing_ok=True)
        report = _ingest(pipeline, roots, rebuild=True, progress=progress)
    _add_cost(folder, report)
    return pipeline, folder


def _ingest(pipeline: Pipeline, roots: Sequence[str | Path], **options: Any) -> Report:
    """Ingest, after another evaluation that has the same index in hand. Raises LockedError when that takes too long."""
    for _ in range(PATIENCE):
        with suppress(LockedError):
            return pipeline.ingest(roots, **options)
        time.sleep(1)
    return pipeline.ingest(roots, **options)


def cost(folder: Path) -> dict[str, float]:
    """What the index in a folder took: chunks embedded, seconds (of runs that ended), and its size on disk, MiB."""
    size = sum(path.stat().st_size for path in (folder / ".rag").rglob("*") if path.is_file())
    known = json.loads((folder / COST).read_text()) if (folder / COST).exists() else {}
    return {**known, "mib": round(size / 2**20, 1)}


def _add_cost(folder: Path, report: Report) -> None:
    if report.embedded:
        before = cost(folder)
        now = {
            "chunks": before.get("chunks", 0) + report.embedded,
            "seconds": round(before.get("seconds", 0) + report.seconds, 3),
        }
        (folder / COST).write_text(json.dumps(now))


def _corpus(passages: Iterable[Passage], folder: Path) -> Path:
    """The folder with the passages as JSON Lines, written whole or not at all."""
    place, draft = folder / "corpus", folder / "corpus.new"
    if not place.exists():
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        lines = map(_line, passages)
        for number in count():
            if not (part := b"".join(islice(lines, PART))):
                break
            (draft / f"part-{number:05}.jsonl").write_bytes(part)
        draft.rename(place)
    return place


def _line(passage: Passage) -> bytes:
    row = {"id": passage.pid, "title": passage.title, "text": passage.text}
    return json.dumps(row).encode() + b"\n"


def _stamps(folder: Path) -> list[tuple[str, int, int]]:
    hidden = {path for path in folder.rglob(".*")}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and hidden.isdisjoint((path, *path.parents)))
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
