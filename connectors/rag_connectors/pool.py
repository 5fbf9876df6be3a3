"""Worker processes: one per thread, replaced when it crashes, hangs or runs out of memory; the others go on."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock, local
from typing import Any

from rag_connectors import budget
from rag_connectors.parsed import ParseOptions, ParseOutcome
from rag_connectors.wire import HEADER, outcome_from, pack

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # no secrets for parsers
_MAX_FRAME = 1 << 30  # bytes


class ParserPool:
    """Outcomes of files, parsed in `size` processes at most, each with its own limit on time (s) and memory (MB) limit.

    The limits are those of a small file; larger ones get more (`budget.py`). Time is the processor's, counted by the
    process itself; a file that takes very long by the clock is given up here.
    """

    def __init__(self, size: int, *, options: ParseOptions, timeout: float, memory: int) -> None:
        self._settings = json.dumps({"options": asdict(options), "memory": memory, "timeout": timeout})
        self._ocr = options.ocr
        self._timeout = timeout
        self._memory = memory
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="rag-parse")
        self._mine = local()
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def submit(self, path: str, name: str, inode: int, size: int = 0) -> Future[ParseOutcome]:
        """The outcome to come of a file of `size` bytes; its `result()` raises nothing for a bad file."""
        return self._threads.submit(self._ask, {"path": path, "name": name, "inode": inode, "size": size})

    def close(self) -> None:
        """End every process, at once: an answer nobody waits for is not worth its time."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in running:
            _bury(process)

    def _ask(self, request: dict[str, Any]) -> ParseOutcome:
        """The outcome of a file; of one with pages for OCR that of a second look, with more time and memory."""
        found = self._answer({**request, "scans": 0})
        if not found.scans or self._ocr == "never":
            return found
        seen = self._answer({**request, "scans": found.scans})
        if seen.sha256:
            return seen
        status = "degraded" if found.records else found.status
        return replace(found, status=status, reason=f"{found.reason or 'pages not read'}; OCR: {seen.reason}")

    def _answer(self, request: dict[str, Any]) -> ParseOutcome:
        limit = budget.seconds(self._timeout, request["size"], request["scans"])
        needs = f"more than {budget.memory(self._memory, request['size'], request['scans']) >> 20} MB of memory"
        deadline = time.monotonic() + budget.WALL * limit
        try:
            process = self._process()
        except OSError as error:
            return ParseOutcome("failed", f"no process could be started to parse it: {error.strerror}")
        try:
            process.stdin.write(pack(request))  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            body = _receive(process, deadline)
            if body and request["scans"]:
                self._drop(process)  # no other file gets as much memory as OCR needs
            if body:
                return outcome_from(body)
        except TimeoutError:
            self._drop(process)
            why = f"refused: parsing takes longer than {budget.WALL * limit:g} s, {budget.WALL} times connector.timeout"
            return ParseOutcome("failed", why)
        except (OSError, ValueError, TypeError, KeyError):  # it ended, or answered what no sane parser does
            code = self._drop(process)
            if code == -signal.SIGPROF:
                why = f"refused: parsing takes longer than {limit:g} s of processor time (connector.timeout)"
                return ParseOutcome("failed", why)
            if code == -signal.SIGABRT:  # how native code ends when it is given no memory
                why = f"refused: its parser gave up; most likely it needs {needs} (connector.memory)"
                return ParseOutcome("failed", why)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return ParseOutcome("failed", f"the parser crashed ({how})")
        self._drop(process)
        return ParseOutcome("failed", f"refused: it needs {needs} (connector.memory)")

    def _process(self) -> subprocess.Popen[bytes]:
        """This thread's process, a new one if it has none that lives."""
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is not None and process.poll() is None:
            return process
        if process is not None:
            self._drop(process)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with self._lock:
            if self._closed:
                raise OSError(0, "closed")
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "rag_connectors.worker", self._settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
                start_new_session=True,  # Ctrl-C is for the parent
            )
            self._running.add(process)
        self._mine.process = process
        return process

    def _drop(self, process: subprocess.Popen[bytes]) -> int:
        process.kill()
        with self._lock:
            self._running.discard(process)
        self._mine.process = None
        return _bury(process)


def _bury(process: subprocess.Popen[bytes]) -> int:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # a request it never read
                pass
    return process.wait()


def _receive(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """The body of the next frame. Raises TimeoutError, or OSError when the process ends first."""
    fd = process.stdout.fileno()  # type: ignore[union-attr]
    ready = select.poll()
    ready.register(fd, select.POLLIN)
    data = bytearray()
    need = HEADER.size
    while len(data) < need:
        if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(fd, min(need - len(data), 1 << 20))
        if not piece:
            raise BrokenPipeError("the parser ended")
        data += piece
        if need == HEADER.size == len(data):
            need += HEADER.unpack(data)[0]
            if need > _MAX_FRAME:
                raise BrokenPipeError("more than an answer")
    return bytes(data[HEADER.size :])
