"""Workers of Dask: those of a scheduler that runs, or of a cluster on this machine for as long as an ingest takes.

Dask sends functions and data by pickle, and whoever reaches its scheduler can run code there: keep it in a network of
your own, or give it TLS (`tls://` addresses take certificates from Dask's own configuration).
"""

import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Annotated, Any

from pydantic import Field

from rag.errors import InputError, RagError, extra
from rag.models.processor import count_cores
from rag.stages import Engine, component
from rag.text.urls import redact

WAIT = 60  # seconds for a scheduler and a first worker
MORE = 10  # seconds from the first worker to the last one; who comes later works, too
_PARENT = ["rag.ingest.executors.parent"]


@component
class DaskExecutor:
    """Parses, chunks and embeds on the workers of a Dask cluster."""

    address: Annotated[
        str, Field(description="Of the scheduler, like tcp://host:8786; empty: a cluster on this machine.")
    ] = ""
    workers: Annotated[int, Field(ge=0, description="Workers of a cluster on this machine; 0: one for each core.")] = 0
    gpu: Annotated[
        bool, Field(description="Embed only on workers with the resource GPU (`dask worker --resources GPU=1`).")
    ] = False
    batch: Annotated[int, Field(ge=1, description="Chunks that a worker embeds at once; more for a GPU.")] = 64

    def start(self) -> Engine:
        """Connect, or start the cluster. Raises MissingExtra, RagError when no worker comes."""
        with extra("dask", "ingest: dask"):
            import distributed

        if not self.address and sys.platform == "win32":
            raise InputError("ingest: dask starts no cluster on Windows; start one and name its `address`.")
        return _Dask(distributed, self)


class _Dask:
    def __init__(self, distributed: Any, options: DaskExecutor) -> None:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters comes as an exception
        self._distributed, self._options, self._cluster = distributed, options, None
        self._place = redact(options.address) or "on this machine"
        try:
            if not options.address:
                self._cluster = _start_cluster(options)
            self._client = distributed.Client(
                self._cluster or options.address, timeout=WAIT, set_as_default=False, name="raghop"
            )
            self._client.wait_for_workers(1, timeout=WAIT)
            if self._cluster is not None:
                with suppress(TimeoutError):  # one that died at its start does not come: the others work without it
                    self._client.wait_for_workers(options.workers or count_cores(), timeout=MORE)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            self.close()
            raise RagError(
                f"ingest: the Dask cluster {self._place} has no worker after {WAIT} s, or is out of reach "
                f"({type(error).__name__}: {error}). Check `address`, and that scheduler and workers run."
            ) from error
        self._submit = self._client.get_executor(pure=False).submit

    @property
    def workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def submit(self, call: Callable[..., Any], *args: Any, gpu: bool = False) -> "Future[Any]":
        needed = {"resources": {"GPU": 1}} if gpu and self._options.gpu else {}
        try:
            future: Future[Any] = self._submit(call, *args, **needed)
        except RuntimeError as error:  # the client has given up
            raise self._error() from error
        return future

    def is_lost(self, error: BaseException) -> bool:
        return isinstance(error, CancelledError | self._distributed.scheduler.KilledWorker)

    def check(self) -> None:
        if self._client.status != "running":
            raise self._error()
        if not self.workers:
            with suppress(TimeoutError):
                self._client.wait_for_workers(1, timeout=WAIT)
                return
            raise RagError(f"ingest: the Dask cluster {self._place} has no workers left. {_AGAIN}")

    def close(self) -> None:
        for part in (getattr(self, "_client", None), self._cluster):
            if part is not None:
                with suppress(Exception):  # its other end may be dead
                    part.close(timeout=5)

    def _error(self) -> RagError:
        return RagError(f"ingest: the Dask scheduler {self._place} is out of reach. {_AGAIN}")


_AGAIN = "What was done is kept: start it again and run the same command."


def _start_cluster(options: DaskExecutor) -> Any:
    from distributed.deploy.subprocess import SubprocessCluster

    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # of the processes that it starts
    return SubprocessCluster(
        n_workers=options.workers or count_cores(),
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
        scheduler_kwargs={"allowed_failures": 0, "preload": _PARENT},
        worker_kwargs={
            "preload_nanny": _PARENT,
            "resources": {"GPU": 1} if options.gpu else None,
            "local_directory": os.environ.get("TMPDIR"),
        },
    )
