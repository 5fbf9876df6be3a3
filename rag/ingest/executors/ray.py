"""Workers of Ray: those of a cluster that runs, or of one on this machine for as long as an ingest takes.

Ray sends functions and data by pickle, and whoever reaches its ports can run code there: keep them in a network of your
own. Its usage reports are switched off.
"""

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Annotated, Any

from pydantic import Field

from rag.errors import RagError, extra
from rag.ingest.alone import describe
from rag.models.processor import count_cores
from rag.stages import Engine, component
from rag.text.urls import redact

LOCAL = "127.0.0.1"


@component
class RayExecutor:
    """Parses, chunks and embeds on the workers of a Ray cluster."""

    address: Annotated[
        str, Field(description="Of the cluster, like host:6379 or ray://host:10001; empty: one on this machine.")
    ] = ""
    workers: Annotated[int, Field(ge=0, description="Workers of a cluster on this machine; 0: one for each core.")] = 0
    gpu: Annotated[bool, Field(description="Give each task that embeds a GPU of the cluster.")] = False
    batch: Annotated[int, Field(ge=1, description="Chunks that a worker embeds at once; more for a GPU.")] = 64

    def start(self) -> Engine:
        """Connect, or start the cluster. Raises MissingExtra, RagError when it is out of reach."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of the default to come
        with extra("ray", "ingest: ray"):
            import ray

        return _Ray(ray, self)


class _Ray:
    def __init__(self, ray: Any, options: RayExecutor) -> None:
        self._ray, self._options = ray, options
        self._place = redact(options.address) or "on this machine"
        self._own = not ray.is_initialized()  # a program that uses Ray itself keeps its connection
        if self._own:
            local = {
                "num_cpus": options.workers or count_cores(),
                "include_dashboard": False,
                "_node_ip_address": LOCAL,
            }
            place = {"address": options.address} if options.address else local
            try:
                ray.init(log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False, **place)
            except Exception as error:  # of a node that dies at its start Ray raises no other kind
                raise RagError(
                    f"ingest: the Ray cluster {self._place} is out of reach, or did not start in time "
                    f"({describe(error)}). Check `address`, and that it runs the same version of Ray."
                ) from error
        self._run = ray.remote(max_retries=0, num_cpus=1)(_call)

    @property
    def workers(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))

    def submit(self, call: Callable[..., Any], *args: Any, gpu: bool = False) -> "Future[Any]":
        run = self._run.options(num_gpus=1) if gpu and self._options.gpu else self._run
        try:
            future: Future[Any] = run.remote(call, *args).future()
        except self._ray.exceptions.RaySystemError as error:
            raise self._gone() from error
        return future

    def is_lost(self, error: BaseException) -> bool:
        lost = self._ray.exceptions
        if isinstance(error, lost.LocalRayletDiedError | lost.RaySystemError):
            raise self._gone() from error
        return isinstance(
            error, lost.WorkerCrashedError | lost.NodeDiedError | lost.OutOfMemoryError | lost.ObjectLostError
        )

    def check(self) -> None:
        if not self._ray.is_initialized() or not self.workers:
            raise self._gone()

    def close(self) -> None:
        if self._own and self._ray.is_initialized():
            self._ray.shutdown()

    def _gone(self) -> RagError:
        return RagError(
            f"ingest: the Ray cluster {self._place} has no workers left, or is out of reach. What was done is kept: "
            "start it again and run the same command."
        )


def _call(call: Callable[..., Any], *args: Any) -> Any:
    return call(*args)
