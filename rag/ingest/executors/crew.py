"""An ingest's work on workers: tasks go out ahead of need, results come back in order, the dead are replaced.

Nothing is written here. So many tasks are under way that every worker has one more to do, and no more: whoever asks for
results sets the pace. A task whose worker dies is given to another one. When that dies, too, its sources or documents
are tried one by one; one that is alone in the whole cluster when its worker dies, again and again, is at fault.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rag.config import PipelineConfig, Stages
from rag.config.options import schema
from rag.ingest.executors.task import EmbedData, ReadData, Result, WorkerTask, describe_pipeline, digest_of, run, slim
from rag.ingest.report import Rate
from rag.ingest.vectorize import keys_of
from rag.ingest.work import Here, Made, Read, Work
from rag.registry import find
from rag.stages import Engine, WorkerExecutor, WorkerLost
from rag.types import Chunked, Loaded, Source

TRIES = 3  # times that a worker dies of one source or document
COMPANY = 2  # times that a worker dies of many
ROOM = 2  # tasks that read, for each worker
BATCH, BATCH_BYTES = 32, 8 << 20  # sources that are read together, and about how large they are
POLL = 5.0  # seconds from one look at the workers to the next, while none of them has finished anything


@dataclass(slots=True, eq=False)
class WorkerJob:
    """A task under way; `single` when it is about one source or document."""

    task: WorkerTask
    single: bool
    future: "Future[Result]"


@dataclass(slots=True)
class Crew:
    """`rag.ingest.work.Work` on the workers of an engine. Tokens are counted when `counting`."""

    executor: WorkerExecutor
    config: PipelineConfig
    stages: Stages
    counting: bool = False
    rates: dict[str, Rate] = field(default_factory=dict)
    _jobs: set[WorkerJob] = field(default_factory=set)
    _engine: Engine | None = None

    @property
    def slice(self) -> int:
        """Chunks that a worker embeds at once."""
        return self.executor.batch

    @property
    def ahead(self) -> int:
        """Enough windows for every worker to have something to embed."""
        return max(1, self.engine.workers // 4)

    @property
    def engine(self) -> Engine:
        """The workers, which are started when they are first needed."""
        if self._engine is None:
            self._engine = self.executor.start()
        return self._engine

    def read(self, sources: Sequence[Source], same: Sequence[str]) -> Iterator[Read]:
        """Every source in order, cut."""
        waiting: deque[tuple[ReadData, WorkerJob]] = deque()
        for batch in _batches(sources, same):
            waiting.append((batch, self._submit("read", batch, single=len(batch.sources) == 1)))
            while len(waiting) > ROOM * max(1, self.engine.workers):  # of which more may come, and some may go
                yield from self._reads(*waiting.popleft())
        while waiting:
            yield from self._reads(*waiting.popleft())

    def begin(self, part: Sequence[Chunked]) -> WorkerJob:
        """Give a slice to a worker."""
        data = EmbedData(slim(part), keys_of(self.stages, part), self.counting)
        return self._submit("embed", data, single=len(part) == 1)

    def finish(self, part: Sequence[Chunked], begun: object) -> Made:
        """Its vectors. Raises WorkerLost, and as the embedder."""
        assert isinstance(begun, WorkerJob)
        result = self._take(begun)
        made: Made = result.value
        self.rates[result.worker].chunks += len(made.embeddings)
        return made

    def close(self) -> None:
        """Forget what is under way."""
        for job in self._jobs:
            job.future.cancel()
        self._jobs.clear()
        if self._engine is not None:
            self._engine.close()

    def _reads(self, batch: ReadData, job: WorkerJob) -> Iterator[Read]:
        try:
            result = self._take(job)
        except WorkerLost as error:
            if job.single:
                yield Read(Loaded(batch.sources[0], "failed", f"reading failed: {error}"), ())
                return
        else:
            self.rates[result.worker].files += len(batch.sources)
            yield from result.value
            return
        for source, sha256 in zip(batch.sources, batch.same, strict=True):
            one = ReadData([source], [sha256])
            yield from self._reads(one, self._submit("read", one, single=True))

    def _submit(self, step: str, data: Any, *, single: bool) -> WorkerJob:
        task = WorkerTask(step, self._pipeline, self.stages.fingerprints, data)
        job = WorkerJob(task, single, self._send(task))
        self._jobs.add(job)
        return job

    def _send(self, task: WorkerTask) -> "Future[Result]":
        return self.engine.submit(run, task, gpu=task.step == "embed")

    def _take(self, job: WorkerJob) -> Result:
        """The result of a job. Raises WorkerLost, and what the worker met."""
        deaths, most = 0, TRIES if job.single else COMPANY
        try:
            while True:
                if (result := self._wait(job)) is not None:
                    break
                deaths += 1
                if deaths == most:
                    raise WorkerLost(f"the worker died {deaths} times of it, out of memory or by a crash")
                if job.single:
                    self._wait_for([other.future for other in self._jobs if other is not job])
                job.future = self._send(job.task)
        finally:
            self._jobs.discard(job)
        rate = self.rates.setdefault(result.worker, Rate())
        rate.seconds += result.seconds
        if result.failure:
            raise result.failure.error(result.worker)
        return result

    def _wait(self, job: WorkerJob) -> Result | None:
        """The result of the job; None where it is lost, or is not what it says."""
        self._wait_for([job.future])
        try:
            result = job.future.result()
        except Exception as error:
            if not self.engine.is_lost(error):
                raise
            self.engine.check()
            return None
        whole = result.failure or result.digest == digest_of(job.task.step, result.value)
        return result if whole and result.task == job.task.digest else None

    def _wait_for(self, futures: "Sequence[Future[Any]]") -> None:
        while wait(futures, timeout=POLL).not_done:
            self.engine.check()

    @property
    def _pipeline(self) -> str:
        return describe_pipeline(_with_one_parser(self.config))


@contextmanager
def open_work(config: PipelineConfig, stages: Stages, *, counting: bool) -> Iterator[Work]:
    """Where the pipeline says that an ingest works, until it is done. Workers are started when there is work."""
    if not isinstance(stages.executor, WorkerExecutor):
        yield Here(stages, stages.connector, counting)
        return
    crew = Crew(stages.executor, config, stages, counting)
    try:
        yield crew
    finally:
        crew.close()


def _batches(sources: Sequence[Source], same: Sequence[str]) -> Iterator[ReadData]:
    batch = ReadData([], [])
    size = 0
    for source, sha256 in zip(sources, same, strict=True):
        batch = ReadData([*batch.sources, source], [*batch.same, sha256])
        size += source.stamp[0]
        if len(batch.sources) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = ReadData([], []), 0
    if batch.sources:
        yield batch


def _with_one_parser(config: PipelineConfig) -> PipelineConfig:
    """The pipeline with one process that parses for each worker, unless it says how many."""
    given: Mapping[str, Any] = config.stages["connector"]
    cls: Any = find("connector", given["use"])
    if "workers" in given or "workers" not in schema(cls, "connector").model_fields:
        return config
    return config.with_stage("connector", {**given, "workers": 1})
