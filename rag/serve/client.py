"""`rag ask` by a server that runs: the words go to it, what it prints comes back. It starts none.

None is the answer of everything that the command must do by itself: no server here, one of another user or version, an
option that cannot go by it, or a server that is busy. Light: standard library, and little of it.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

from rag import __version__
from rag.index.nearest import SOCKET, find_folder
from rag.serve import wire

PATIENCE = 2.0  # seconds until the server must have taken the question
_OWN = ("RAGHOP_PIPELINE", "RAGHOP_TRUST", "RAG_DEBUG")  # what they ask for, the server does not do
_GONE = "rag: the server ended before the answer was whole. Ask again, or with --no-server.\n"
_INTERRUPTED = "rag: interrupted.\n"


class _Signal(BaseException):
    """A signal came; its number."""


def ask(words: list[str]) -> int | None:
    """The exit code of `rag ask WORDS`, or None where the command must run by itself; then nothing was printed."""
    if not hasattr(socket, "AF_UNIX") or any(os.environ.get(name) for name in _OWN) or "--no-server" in words:
        return None
    caught = {n: signal.signal(n, _raise) for n in (signal.SIGINT, signal.SIGTERM) if _is_heard(n)}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            if not _connect(connection, _index(words)):
                return None
            connection.sendall(wire.pack(wire.WORDS, json.dumps(_request(words)).encode()))
            return _relay(connection)
    except OSError:
        return None
    except _Signal as came:
        os.write(2, _INTERRUPTED.encode())
        return 128 + int(came.args[0])
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)


def _is_heard(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _raise(number: int, frame: object) -> NoReturn:
    raise _Signal(number)


def _index(words: list[str]) -> str | None:
    """What --index names, if it is what it seems: the server looks again."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == "--":
            break
        if word == "--index" or word.startswith("--index="):
            return after if word == "--index" else word.removeprefix("--index=")
    return None


def _connect(connection: socket.socket, index: str | None) -> bool:
    """Whether a server of this user is at the other end. Raises OSError."""
    folder = str(find_folder(index))
    if not os.path.lexists(os.path.join(folder, SOCKET)):
        return False
    fd = wire.open_folder(folder)
    try:
        if not wire.is_private(fd):
            return False
        connection.settimeout(PATIENCE)
        connection.connect(wire.address(fd, folder))
    finally:
        os.close(fd)
    return wire.peer(connection) == os.geteuid()


def _request(words: list[str]) -> dict[str, Any]:
    return {
        "version": __version__,
        "words": words,
        "folder": os.getcwd(),
        "columns": _columns(),
        "terminals": [os.isatty(1), os.isatty(2)],
        "encodings": [getattr(stream, "encoding", None) or "utf-8" for stream in (sys.stdout, sys.stderr)],
    }


def _columns() -> int:
    """How wide the terminal is, as `shutil.get_terminal_size` has it; 0 where there is none."""
    with suppress(ValueError):
        if (given := int(os.environ.get("COLUMNS", "0"))) > 0:
            return given
    with suppress(OSError):
        return os.get_terminal_size(1).columns
    return 0


def _relay(connection: socket.socket) -> int | None:
    """Print what comes until the exit code does."""
    taken = False
    try:
        with connection.makefile("rb") as frames:
            while len(header := frames.read(wire.HEADER.size)) == wire.HEADER.size:
                kind, length = wire.HEADER.unpack(header)
                body = frames.read(length)
                if kind == wire.COLD:
                    return None
                if kind == wire.TAKEN:
                    taken = True
                    connection.settimeout(None)
                elif kind == wire.EXIT:
                    return int(body)
                elif (code := _print(1 if kind == wire.OUT else 2, body)) is not None:
                    return code
    except OSError:
        pass
    if not taken:
        return None
    os.write(2, _GONE.encode())
    return 1


def _print(fd: int, data: bytes) -> int | None:
    """The exit code where that cannot be done: 0 where nobody reads on."""
    try:
        while data:
            data = data[os.write(fd, data) :]
    except BrokenPipeError:
        return 0
    except OSError as error:
        os.write(2, f"rag: the operating system: {error.strerror}.\n".encode())
        return 1
    return None
