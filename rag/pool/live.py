"""The pipeline on the newest generation of an index.

A new generation is opened beside the one in use, which is closed after its last question. What it does not do: run
questions; that is `rag.pool`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rag.config import PipelineConfig, from_facts
from rag.errors import RagError
from rag.index.folder import Index
from rag.pipeline import Pipeline
from rag.stages import Confident

LOOK = 0.25  # seconds between two looks for a new generation


@dataclass(eq=False, slots=True)
class _Live:
    """An opened generation, how many questions are at it, and whether a newer one has taken its place."""

    pipeline: Pipeline
    pointer: bytes | None
    users: int = 0
    retired: bool = False


class LivePipeline:
    """For many threads: `borrow` gives the newest pipeline that is open. Close it in the process that made it."""

    def __init__(self, index: Index, config: PipelineConfig | None) -> None:
        """Without a `config`, the pipeline that the index was made with, also when that changes."""
        self.problem = ""  # why the newest generation is not used
        self._index, self._config = index, config
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._live: _Live | None = None
        self._seen: bytes | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._follow, name="raghop-follow", daemon=True).start()

    @property
    def generation(self) -> str:
        """What the index's pointer says of the generation in use; "" where none is open."""
        live = self._live
        return (live.pointer or b"").decode("ascii", "replace").strip() if live else ""

    def end(self) -> None:
        """Follow no more, and lend nothing."""
        self._closed.set()

    def close(self) -> None:
        """Release index and models, once those who borrowed are done."""
        self.end()
        with self._opening:
            self._exchange(None)

    @contextmanager
    def borrow(self) -> Iterator[Pipeline]:
        """The pipeline, open for as long as it is borrowed. Raises RagError when closed, and what `Pipeline` does."""
        live = self._take()
        try:
            yield live.pipeline
        finally:
            with self._lock:
                live.users -= 1
                last = live.retired and not live.users
            if last:
                live.pipeline.close()

    def _take(self) -> _Live:
        while not self._closed.is_set():
            with self._lock:
                if live := self._live:
                    live.users += 1
                    return live
            with self._opening:
                if self._live is None and not self._closed.is_set():
                    self._open()
        raise RagError("this pool is closed.")

    def _follow(self) -> None:
        """Open every new generation as it is published."""
        closed = self._closed
        while not closed.wait(LOOK):
            if self._index.pointer_text() != self._seen:
                with self._opening:
                    try:
                        if not closed.is_set():
                            self._open()
                            self.problem = ""
                    except Exception as error:  # the generation in use goes on answering
                        self.problem = str(error)

    def _open(self) -> None:
        """The live generation, opened and put in place, with every model loaded. Raises what `Pipeline` does."""
        self._seen = pointer = self._index.pointer_text()
        config = self._config or from_facts(self._index.facts(), str(self._index.path))
        old = self._live.pipeline if self._live else None
        pipeline = Pipeline(config, self._index, models=old.stages if old else None)
        try:
            _ = pipeline.stages
            if old is None or old.config != config:
                _load_models(pipeline)
        except BaseException:
            pipeline.close()
            raise
        self._exchange(_Live(pipeline, pointer))

    def _exchange(self, new: _Live | None) -> None:
        with self._lock:
            old, self._live = self._live, new
            if old:
                old.retired = True
                unused = not old.users
        if old and unused:
            old.pipeline.close()


def _load_models(pipeline: Pipeline) -> None:
    """One question, so that no two load a model at once, and none waits for it later."""
    hits = pipeline.search("warm up", k=1)
    if hits and isinstance(pipeline.stages.generator, Confident):
        pipeline.stages.generator.confidence("warm up", hits)
