"""The child process that parses: `python -P -m rag_connectors.worker OPTIONS`, requests in, outcomes out.

It limits itself before it touches a file: memory by RLIMIT_AS, processor time by a timer, no core dump, and an alarm
that ends it should the parent no longer be there to do so. `-P` keeps the current folder, which may be anyone's, off
its import path.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from rag_connectors import budget
from rag_connectors.outcome import outcome
from rag_connectors.parsed import ParseOptions
from rag_connectors.wire import HEADER, OUT_OF_MEMORY, pack_outcome

GARBAGE = 20_000  # objects between two looks for garbage; at Python's 700 these take a twelfth of the time of a PDF
_LARGE = 1_000_000  # bytes of a file whose garbage does not wait


def serve(requests: BinaryIO, answers: BinaryIO, *, options: ParseOptions, memory: int, timeout: float) -> None:
    """Answer until the requests end, or until memory ran out: a process that met its limit is best replaced."""
    import resource  # here: Windows has none, and there too the module can be imported

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    gc.set_threshold(GARBAGE)
    while header := requests.read(HEADER.size):
        request = json.loads(requests.read(*HEADER.unpack(header)))
        size, scans = request["size"], request["scans"]
        limit = budget.seconds(timeout, size, scans)
        signal.setitimer(signal.ITIMER_PROF, budget.allowed(limit))  # its signal ends the process, native code too
        signal.alarm(int(budget.WALL * limit) + 5)
        with suppress(ValueError, OSError):  # macOS does not take it
            resource.setrlimit(resource.RLIMIT_AS, (budget.memory(memory, size, scans), resource.RLIM_INFINITY))
        try:
            wanted = replace(options, scan=scans > 0)
            frame = pack_outcome(outcome(request["path"], request["name"], wanted, inode=request["inode"]))
        except MemoryError:
            frame = OUT_OF_MEMORY
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(frame)
        answers.flush()
        if frame is OUT_OF_MEMORY:
            return
        if size > _LARGE:
            gc.collect()


def main() -> None:
    """Serve on standard input and output; whatever else is printed goes nowhere."""
    settings = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(
        sys.stdin.buffer,
        answers,
        options=ParseOptions(**settings["options"]),
        memory=settings["memory"],
        timeout=settings["timeout"],
    )


if __name__ == "__main__":
    main()
