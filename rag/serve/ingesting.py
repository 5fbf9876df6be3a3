"""Ingest in a process of its own, so that a crash, its memory and its processor time are not the server's."""

import multiprocessing
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from rag.errors import RagError
from rag.ingest.report import Report, report_data
from rag.interrupt import Interrupted
from rag.serve.replies import explain

Message = tuple[str, Any]  # ("progress", {...}), and last ("done", report) or ("failed", error)


class IngestProcess:
    """An ingest that runs; `receive` gives what it tells."""

    def __init__(
        self, folder: str, pipeline: str | None, roots: Sequence[str], *, trust: bool, watch: bool = False
    ) -> None:
        """To `watch` is to go on, with a ("changed", report) or ("trouble", error) whenever there is one."""
        context = multiprocessing.get_context("spawn")
        self._messages, theirs = context.Pipe(duplex=False)
        given = (theirs, folder, pipeline, list(roots), trust, watch)
        self._process = context.Process(target=_ingest, args=given, name="raghop-ingest", daemon=True)
        self._process.start()
        theirs.close()

    def receive(self) -> Message:
        """The next message; blocks. A process that died without one has failed."""
        try:
            message: Message = self._messages.recv()
            return message
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            return "failed", explain(RagError(f"the ingest ended with exit code {code}. What was finished is kept."))[1]

    def stop(self) -> None:
        """End it as Ctrl-C would: what is done is kept."""
        with suppress(ValueError):
            self._process.terminate()

    def close(self) -> None:
        """Wait for its end."""
        self._process.join()
        self._process.close()
        self._messages.close()


def _ingest(
    messages: Connection, folder: str, pipeline: str | None, roots: list[str], trust: bool, watch: bool
) -> None:
    """What the process does."""
    from rag.pipeline import Pipeline

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the server's, which ends this one
    last: tuple[str, int] = ("", -1)

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        if (now := (phase, 100 * done // max(1, total))) != last:
            last = now
            messages.send(("progress", {"phase": phase, "done": done, "total": total}))

    try:
        with Pipeline.load(pipeline, index=folder, trust=trust) as pipe:
            if watch:
                for told in pipe.watch(roots, wait=True, progress=progress):
                    if isinstance(told, Report):
                        messages.send(("changed", report_data(told)))
                    else:
                        messages.send(("trouble", explain(told)[1]))
            report = pipe.ingest(roots, wait=True, progress=progress)
        messages.send(("done", report_data(report)))
    except Interrupted as interruption:
        kept = report_data(interruption.report) if isinstance(interruption.report, Report) else None
        error = explain(RagError("the ingest was stopped. What was finished is kept; the next one goes on."))[1]
        messages.send(("failed", {**error, "report": kept}))
    except Exception as error:
        messages.send(("failed", explain(error)[1]))
