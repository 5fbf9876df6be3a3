"""Questions of many threads, tasks and users to one index: models are loaded once, and so many questions run at a time.

    with Pool.load(index="./notes") as pool:
        answer = pool.ask("Which company makes the router in building 4?")        # from any thread
        answer = await pool.ask_async("Which company makes the router?")          # from any task

At most `workers` questions run and `queue` wait; one more is BusyError. Who goes away (closes the stream, cancels the
task) ends the question at its next step or sentence. A new generation of the index is opened beside the one in use
within a second of its publication: each question is answered from one generation, none is lost. In a forked process
a pool opens everything anew. What it does not do: end a step that is running.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from math import ceil
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self, TypeVar, cast

from rag.config import PipelineConfig, load
from rag.errors import BusyError
from rag.index.folder import Index
from rag.llm.rewrite import Turn, rewrite_question
from rag.models.processor import count_cores
from rag.pipeline import Event, Pipeline, Tell
from rag.pool.live import LivePipeline
from rag.types import Answer, Filter, Hit

T = TypeVar("T")
QUEUE = 64
_END = object()
_OF_PARENTS: list[object] = []  # what a forked process must not close


class _Abandoned(Exception):
    """Nobody waits for the answer any more."""


class Pool:
    """A pipeline on an index for many at once. Use it as a context manager, or call `close`.

    Every method raises BusyError when the queue is full, and what `Pipeline` raises. `within` narrows a `filter`.
    """

    def __init__(
        self, index: Index, config: PipelineConfig | None = None, *, workers: int | None = None, queue: int = QUEUE
    ) -> None:
        """Without a `config`, the pipeline that the index was made with, also when that changes."""
        self.index = index
        self.workers = workers or count_cores()
        self.queue = queue
        self.tell: Tell | None = None  # what is told of every question that is answered
        self._config = config
        self._start()

    @classmethod
    def load(
        cls,
        name: str | None = None,
        *,
        index: str | Path | None = None,
        trust: bool = False,
        workers: int | None = None,
        queue: int = QUEUE,
    ) -> Self:
        """As `Pipeline.load`; `workers` is one for each core unless given."""
        return cls(Index.at(index, trust=trust), load(name) if name else None, workers=workers, queue=queue)

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="raghop")
        self._live = LivePipeline(self.index, self._config)
        self._pending, self._mean = 0, 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for the questions that run, give up those that wait, and release index and models."""
        if self._process != os.getpid():
            return
        self._live.end()
        self._threads.shutdown(cancel_futures=True)
        self._live.close()

    @property
    def pending(self) -> int:
        """Questions that run or wait."""
        return self._pending

    @property
    def generation(self) -> str:
        """What the index's pointer says of the generation in use; "" where none is open."""
        return self._live.generation

    @property
    def problem(self) -> str:
        """Why the newest generation is not used; "" where it is."""
        return self._live.problem

    def warm(self) -> None:
        """Open the index and load every model, so that the first question does not wait for it."""
        self._leave_to_parent()
        with self._live.borrow():
            pass

    def ask(self, question: str, **options: Any) -> Answer:
        """Answer a question with checked citations, or abstain; options as of `stream`."""
        *_, last = self.stream(question, **options)
        return cast(Answer, last.data)

    async def ask_async(self, question: str, **options: Any) -> Answer:
        """As `ask`."""
        async for event in self.stream_async(question, **options):
            last = event
        return cast(Answer, last.data)

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        filter: Filter | None = None,
        within: Filter | None = None,
        turns: Sequence[Turn] = (),
    ) -> Iterator[Event]:
        """The events of an answer as they come, as of `Pipeline.stream`; to close it ends the question.

        `turns` are what was said before, oldest first: the first event is then "asked", the question without them.
        """
        events: SimpleQueue[Any] = SimpleQueue()
        work = partial(_stream, question, k=k, filter=filter, within=within, turns=turns, put=events.put)
        future, stop = self._submit(work)
        future.add_done_callback(lambda done: events.put(_END))
        try:
            while (event := events.get()) is not _END:
                yield event
            future.result()
        finally:
            stop.set()
            future.cancel()

    async def stream_async(
        self,
        question: str,
        *,
        k: int | None = None,
        filter: Filter | None = None,
        within: Filter | None = None,
        turns: Sequence[Turn] = (),
    ) -> AsyncGenerator[Event]:
        """As `stream`; to cancel the task ends the question."""
        loop, events = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def put(event: object) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(events.put_nowait, event)

        future, stop = self._submit(partial(_stream, question, k=k, filter=filter, within=within, turns=turns, put=put))
        future.add_done_callback(lambda done: put(_END))
        try:
            while (event := await events.get()) is not _END:
                yield event
            future.result()
        finally:
            stop.set()
            future.cancel()

    def search(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> list[Hit]:
        """The k best passages after hops and reranking, best first."""
        return self.run(lambda pipeline: pipeline.search(question, k=k, filter=filter, within=within))

    async def search_async(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> list[Hit]:
        """As `search`."""
        return await self.run_async(lambda pipeline: pipeline.search(question, k=k, filter=filter, within=within))

    def run(self, work: Callable[[Pipeline], T]) -> T:
        """What a function of the pipeline gives; it waits its turn as a question does."""
        return self._submit(work)[0].result()

    async def run_async(self, work: Callable[[Pipeline], T]) -> T:
        """As `run`."""
        future, stop = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        finally:
            stop.set()

    def _submit(self, work: Callable[[Pipeline], T]) -> tuple[Future[T], threading.Event]:
        """The work in the queue, and what ends it. Raises BusyError."""
        self._leave_to_parent()
        with self._lock:
            if self._pending >= self.workers + self.queue:
                seconds = min(60, ceil(self._pending * self._mean / self.workers))
                raise BusyError(f"{self._pending} questions run or wait. Ask again in {seconds} seconds.", seconds)
            self._pending += 1
        stop = threading.Event()
        try:
            future = self._threads.submit(copy_context().run, self._run, work, stop)
        except RuntimeError:
            self._count_down(None)
            raise
        future.add_done_callback(self._count_down)
        return future, stop

    def _leave_to_parent(self) -> None:
        """In a forked process, begin anew: the threads are not in it."""
        if self._process != os.getpid():
            _OF_PARENTS.append((self._live, self._threads))
            self._start()

    def _count_down(self, done: object) -> None:
        with self._lock:
            self._pending -= 1

    def _run(self, work: Callable[[Pipeline], T], stop: threading.Event) -> T:
        def check() -> None:
            if stop.is_set():
                raise _Abandoned

        check()
        began = time.monotonic()
        with self._live.borrow() as pipeline, pipeline.share(check, self.tell) as own:
            result = work(own)
        self._mean += 0.1 * (time.monotonic() - began - self._mean)
        return result


def _stream(
    question: str,
    pipeline: Pipeline,
    *,
    k: int | None,
    filter: Filter | None,
    within: Filter | None,
    turns: Sequence[Turn],
    put: Callable[[Event], None],
) -> None:
    if turns:
        question = rewrite_question(question, turns, pipeline.stages.generator)
        put(Event("asked", question))
    for event in pipeline.stream(question, k=k, filter=filter, within=within):
        put(event)
