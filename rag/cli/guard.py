"""The command runs in a child process, so that a crash of native code is a message and not a signal.

The vector engine dies of SIGBUS on a full disk and aborts on some damaged files; no `except` sees that. A fork before
anything is imported costs a millisecond or two. Where there is no fork, the command runs as it is.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from rag.cli.terminal import fail
from rag.errors import CorruptError, RagError

_CRASHES = frozenset(getattr(signal, name) for name in ("SIGBUS", "SIGSEGV", "SIGABRT", "SIGILL", "SIGFPE"))
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ROOM = 128 << 20  # bytes; a disk with less is the likeliest cause of SIGBUS
_PR_SET_PDEATHSIG = 1


def guard(run: Callable[[], None]) -> None:
    """Run and exit with its code; a crash is an error message and exit code 1 (disk full) or 6."""

    if not hasattr(os, "fork"):
        return run()
    parent = os.getpid()
    waits = hasattr(signal, "sigwaitinfo")  # macOS has none: there the child ends by what the terminal tells it
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD} if waits else {signal.SIGINT})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _die_with(parent)
        run()
        sys.exit()
    code = _wait(child)
    if -code in _CRASHES:
        sys.exit(fail(_crash(-code)))
    sys.exit(code if code >= 0 else 128 - code)


def _wait(child: int) -> int:
    """The child's exit code, as subprocess has it; signals from other processes are passed on to it."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG if hasattr(signal, "sigwaitinfo") else 0)
        if ended:
            return os.waitstatus_to_exitcode(status)
        came = signal.sigwaitinfo({*_PASSED_ON, signal.SIGCHLD})
        if came.si_signo in _PASSED_ON and came.si_code <= 0:  # not from the terminal, which tells the child itself
            os.kill(child, came.si_signo)


def _crash(number: int) -> RagError:
    free = min(shutil.disk_usage(place).free for place in _places(sys.argv[1:]))
    name = signal.Signals(number).name
    if number == signal.SIGBUS and free < _ROOM:
        return RagError(
            f"the vector engine was stopped by {name}: the disk is full ({_ROOM / 1e6:,.0f} MB needed, "
            f"{free / 1e6:,.0f} MB free). The index answers as before. Make room, then run the same command again."
        )
    return CorruptError(
        f"a native library (most likely the vector engine) crashed with {name}. The index may be damaged, or the disk "
        "it is on full: `rag check` tells. What was committed is kept."
    )


def _places(words: list[str]) -> list[str]:
    """Folders the command writes to: where it runs, and what `--index` names."""
    named = [word.removeprefix("--index=") for word in words if word.startswith("--index=")]
    named += [after for word, after in pairwise(words) if word == "--index"]
    return [".", *filter(os.path.isdir, named)]


def _die_with(parent: int) -> None:
    """Killing the command kills its child (Linux; elsewhere a killed command's child ends its work alone)."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
