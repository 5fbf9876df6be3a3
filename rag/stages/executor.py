"""Where an ingest works: executors, and the engines that run functions for them."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, runtime_checkable


class WorkerLost(Exception):
    """The worker that ran a task died, again and again."""


class Engine(Protocol):
    """Workers that run functions, in other processes or on other machines."""

    @property
    def workers(self) -> int:
        """How many tasks run at once, now."""

    def submit(self, call: Callable[..., Any], *args: Any, gpu: bool = False) -> "Future[Any]":
        """Run a function of an installed module on a worker, with `gpu` on one that has a GPU where that was asked for.

        It is not tried again when the worker dies: `is_lost` knows that error. Raises RagError, as `check` does.
        """

    def is_lost(self, error: BaseException) -> bool:
        """Whether a future raised this because its worker died. Raises RagError where the engine did."""

    def check(self) -> None:
        """Raises RagError when nothing can be run any more."""

    def close(self) -> None:
        """Let go of the workers, whatever became of them; end those that it started."""


@runtime_checkable
class Executor(Protocol):
    """Says where an ingest parses, chunks and embeds: in this process, unless it is a `WorkerExecutor`."""

    @property
    def batch(self) -> int:
        """Chunks that are embedded at once; 0 for the usual number."""


@runtime_checkable
class WorkerExecutor(Executor, Protocol):
    """An executor that has workers. The process of the ingest alone writes the index."""

    def start(self) -> Engine:
        """Connect to the workers, or start them. Raises MissingExtra, RagError."""
