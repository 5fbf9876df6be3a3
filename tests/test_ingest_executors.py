"""Executors: the same manifest and ids wherever the work is done, and whoever dies of it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.config import build, load, to_facts
from rag.embed.hashing import HashingEmbedder
from rag.errors import MismatchError, RagError
from rag.index.folder import Index
from rag.ingest.executors import crew, task
from rag.ingest.executors.dask import DaskExecutor
from rag.ingest.executors.ray import RayExecutor, _Ray
from rag.ingest.report import Report, report_data
from rag.ingest.run import ingest
from rag.stages import Executor, WorkerExecutor
from rag.testing import ExecutorConformance
from rag.types import Embeddings

TABLES = ("facts", "roots", "sources", "documents", "chunks", "vectors")
CLUSTERS = [
    pytest.param(name, marks=[pytest.mark.slow, pytest.mark.skipif(not find_spec(module), reason=f"no {module} here")])
    for name, module in (("dask", "distributed"), ("ray", "ray"))
]
EXECUTORS: dict[str, WorkerExecutor] = {"dask": DaskExecutor(workers=2), "ray": RayExecutor(workers=2)}


class Died(Exception):
    """What the futures of `Threads` raise for a worker that died."""


@dataclass
class Threads:
    """An engine of threads whose workers die of what `kills` says."""

    kills: Callable[[task.WorkerTask], bool] = lambda one: False
    gone: bool = False
    most: int = 0
    deaths: list[task.WorkerTask] = field(default_factory=list)
    workers: int = 2

    def __post_init__(self) -> None:
        self.pool, self.lock, self.under_way = ThreadPoolExecutor(2), threading.Lock(), 0

    def submit(self, call: Callable[..., Any], *args: Any, gpu: bool = False) -> Future[Any]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return self.pool.submit(self._run, call, args[0])

    def _run(self, call: Callable[..., Any], one: task.WorkerTask) -> Any:
        try:
            if self.kills(one):
                with self.lock:
                    self.deaths.append(one)
                raise Died
            return call(one)
        finally:
            with self.lock:
                self.under_way -= 1

    def is_lost(self, error: BaseException) -> bool:
        return isinstance(error, Died)

    def check(self) -> None:
        if self.gone:
            raise RagError("the scheduler is gone")

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)


@pytest.fixture
def many(notes: Path) -> Path:
    """Enough documents for several batches, some of them alike."""
    for n in range(70):
        (notes / "docs" / f"{n:02}.txt").write_text(
            f"Hall {n % 9} has lamp {n % 7}.\n\nRoom {n} is on floor {n % 5}.\n"
        )
    return notes


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, engine: Threads | None, **options: Any) -> Report:
    config = load(str(folder / "tiny.yaml"))
    if engine is not None:
        monkeypatch.setattr(DaskExecutor, "start", lambda self: engine)
        config = config.with_stage("ingest", {"use": "dask", "batch": 64})
    return ingest(Index.at(folder), config, [str(folder / "docs")], **options)


def rows(folder: Path) -> dict[str, list[Any]]:
    """Everything in the manifest, in its order, but the places and times of files."""
    with sqlite3.connect(folder / ".rag" / "manifest.sqlite") as db:
        found = {table: db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
    db.close()
    return found


def test_the_manifest_is_the_same_to_the_byte(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.ingest.steps.WINDOW", 30)  # several windows are under way
    run(many, monkeypatch, None)
    expected = rows(many)
    (many / ".rag").rename(many / "before")
    engine = Threads()
    report = run(many, monkeypatch, engine)
    assert rows(many) == expected
    assert engine.most < 20
    [rate] = report.workers.values()
    assert rate.files == 74 and rate.chunks == report.embedded > 70 and rate.seconds > 0
    assert report_data(report)["workers"]


def test_what_did_not_change_is_not_cut_and_starts_no_workers(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(many, monkeypatch, Threads())
    again = run(many, monkeypatch, None)
    assert again.count("unchanged") == 74
    monkeypatch.setattr("rag.ingest.executors.task.cut", None)
    os.utime(many / "docs" / "router.md", (1, 1))
    assert run(many, monkeypatch, Threads()).count("unchanged") == 74
    config = load(str(many / "tiny.yaml")).with_stage("ingest", {"use": "dask"})
    monkeypatch.setattr(DaskExecutor, "start", None)
    assert not ingest(Index.at(many), config, [str(many / "docs")]).published


def test_an_index_does_not_note_where_it_was_made(many: Path) -> None:
    config = load(str(many / "tiny.yaml")).with_stage("ingest", {"use": "dask", "address": "tcp://10.0.0.1:8786"})
    assert to_facts(config) == to_facts(load(str(many / "tiny.yaml")))


def test_a_worker_that_dies_once_costs_nothing(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()

    def first_time(one: task.WorkerTask) -> bool:
        return one.digest not in seen and not seen.add(one.digest)  # type: ignore[func-returns-value]

    engine = Threads(first_time)
    report = run(many, monkeypatch, engine)
    assert report.count("added") == 74 and engine.deaths


def test_the_file_that_kills_workers_fails_alone(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(one: task.WorkerTask) -> bool:
        return one.step == "read" and any(source.name.endswith("33.txt") for source in one.data.sources)

    engine = Threads(poison)
    report = run(many, monkeypatch, engine)
    assert report.count("added") == 73 and report.count("failed") == 1
    [failed] = [file for file in report.files if file.status == "failed"]
    assert failed.source == "docs/33.txt" and "the worker died 3 times of it" in failed.reason
    assert len(engine.deaths) == crew.COMPANY + crew.TRIES
    run(many, monkeypatch, None)
    assert Index.at(many).read_manifest().sources()["docs/33.txt"].status == "ok"


def test_the_document_whose_vectors_kill_workers_fails_alone(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(one: task.WorkerTask) -> bool:
        return one.step == "embed" and any(c.document.source.endswith("44.txt") for c in one.data.part)

    report = run(many, monkeypatch, Threads(poison))
    assert report.count("added") == 73
    [failed] = [file for file in report.files if file.status == "failed"]
    assert failed.source == "docs/44.txt" and "embedding failed: WorkerLost" in failed.reason


def test_a_failure_on_a_worker_reads_as_one_here(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embed = HashingEmbedder.embed_chunks

    def picky(self: HashingEmbedder, batch: Any) -> Embeddings:
        if any("Room 13 " in chunk.text for item in batch for chunk in item.chunks):
            raise ValueError("no\nthirteen")
        return embed(self, batch)

    monkeypatch.setattr(HashingEmbedder, "embed_chunks", picky)
    run(many, monkeypatch, None)
    expected = rows(many)
    (many / ".rag").rename(many / "before")
    report = run(many, monkeypatch, Threads())
    assert rows(many) == expected
    assert [file.reason for file in report.files if file.status == "failed"] == [
        "embedding failed: ValueError: no thirteen"
    ]


def test_a_worker_with_other_models_is_refused(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(str(many / "tiny.yaml"))
    stages = build(config)
    one = task.WorkerTask(
        "read", task.describe_pipeline(config), {**stages.fingerprints, "chunk": "other"}, task.ReadData([], [])
    )
    result = task.run(one)
    assert result.failure and result.failure.ends
    error = result.failure.error(result.worker)
    assert isinstance(error, MismatchError) and "its chunk would make other results" in str(error)


def test_a_result_that_is_not_what_it_says_is_asked_for_again(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[str] = []

    class Lying(Threads):
        def _run(self, call: Callable[..., Any], one: task.WorkerTask) -> Any:
            result = super()._run(call, one)
            if one.step == "embed" and not changed:
                changed.append(one.digest)
                result.value.embeddings.dense[0, 0] += 1
            return result

    run(many, monkeypatch, None)
    expected = rows(many)
    (many / ".rag").rename(many / "before")
    run(many, monkeypatch, Lying())
    assert changed and rows(many) == expected


def test_when_the_scheduler_is_gone_what_was_done_is_kept(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.ingest.steps.WINDOW", 20)
    engine = Threads()

    def later(one: task.WorkerTask) -> bool:
        engine.gone = one.step == "read" and any(source.name.endswith("66.txt") for source in one.data.sources)
        return engine.gone

    engine.kills = later
    with pytest.raises(RagError, match="scheduler is gone"):
        run(many, monkeypatch, engine)
    stored = len(Index.at(many).read_manifest().sources())
    assert 0 < stored < 74
    report = run(many, monkeypatch, Threads())
    assert report.count("added") == 74 - stored
    fresh = rows(many)
    (many / ".rag").rename(many / "before")
    run(many, monkeypatch, None)
    assert [sorted(rows(many)[table]) for table in TABLES] == [sorted(fresh[table]) for table in TABLES]


def test_executors_that_are_shipped_are_executors() -> None:
    assert all(isinstance(one, WorkerExecutor) for one in EXECUTORS.values())
    executor = build(load("default")).executor
    assert isinstance(executor, Executor) and not isinstance(executor, WorkerExecutor)


class NoRay:
    """As much of Ray as a node needs that dies."""

    def __init__(self, *, starts: bool) -> None:
        self.starts = starts
        kinds = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError")
        gone = ("LocalRayletDiedError", "RaySystemError")
        self.exceptions = SimpleNamespace(**{kind: type(kind, (Exception,), {}) for kind in (*kinds, *gone)})

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        if not self.starts:
            raise Exception("The current node timed out during startup.")

    def remote(self, **options: Any) -> Any:
        return lambda call: call


def test_a_node_of_ray_that_dies_at_its_start_is_named() -> None:
    with pytest.raises(RagError, match=r"did not start in time .*timed out during startup"):
        _Ray(NoRay(starts=False), RayExecutor())


def test_a_node_of_ray_that_dies_ends_the_ingest_and_no_file_is_blamed() -> None:
    ray = NoRay(starts=True)
    engine = _Ray(ray, RayExecutor())
    with pytest.raises(RagError, match="start it again and run the same command"):
        engine.is_lost(ray.exceptions.LocalRayletDiedError())
    assert engine.is_lost(ray.exceptions.WorkerCrashedError())
    assert not engine.is_lost(ValueError())


@pytest.mark.parametrize("name", CLUSTERS)
class TestOnACluster(ExecutorConformance):
    @pytest.fixture
    def executor(self, name: str) -> Iterator[WorkerExecutor]:
        yield EXECUTORS[name]

    def test_the_manifest_is_the_same_to_the_byte(self, many: Path, name: str) -> None:
        config = load(str(many / "tiny.yaml"))
        index, roots = Index.at(many), [str(many / "docs")]
        ingest(index, config, roots)
        expected = rows(many)
        (many / ".rag").rename(many / "before")
        report = ingest(index, config.with_stage("ingest", {"use": name, "workers": 2}), roots)
        assert rows(many) == expected
        assert report.workers
