"""Work in processes of its own that may be killed: forked from a server that has the imports and no threads."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

T = TypeVar("T")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["benchmarks.reliability.corpus", "rag.cli", "rag.walk", "rag.pipeline", "rag.store.edge", "rag.embed.hybrid"]
)


def start(function: Callable[..., Any], *arguments: Any) -> ForkServerProcess:
    """A process that does this and ends."""
    process = _CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def pipe() -> tuple[Connection, Connection]:
    """A receiver and a sender, which a started process may be given."""
    return _CONTEXT.Pipe(duplex=False)


def result(function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives when another process runs it. Raises RuntimeError when that fails or dies."""
    receiver, sender = pipe()
    process = start(_send, sender, function, arguments)
    sender.close()
    try:
        good, value = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process ended with {process.exitcode}") from None
    process.join()
    if not good:
        raise RuntimeError(value)
    given: T = value
    return given


def _send(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        sender.send((True, function(*arguments)))
    except Exception as error:
        sender.send((False, f"{type(error).__name__}: {error}"))


@dataclass(frozen=True, slots=True)
class Done:
    """A command's end: exit code (negative: the signal that ended it), what it printed, seconds."""

    code: int
    out: str
    err: str
    seconds: float


def begin(words: list[str], folder: Path, output: Path, typed: Path | None = None) -> ForkServerProcess:
    """The command `rag` with these words in this folder; it reads `typed` and prints to `output`.out and .err."""
    return start(run_command, words, folder, output, typed)


def command(words: list[str], folder: Path, typed: Path | None = None) -> Done:
    """The same, waited for."""
    with TemporaryDirectory() as name:
        output = Path(name) / "said"
        started = time.monotonic()
        process = begin(words, folder, output, typed)
        process.join()
        return ended(process, output, time.monotonic() - started)


def ended(process: ForkServerProcess, output: Path, seconds: float) -> Done:
    """What became of a command that has ended."""
    out, err = (output.with_suffix(suffix).read_text(errors="replace") for suffix in (".out", ".err"))
    return Done(process.exitcode or 0, out, err, seconds)


def run_command(words: list[str], folder: Path, output: Path, typed: Path | None) -> None:
    """The command itself, in the process that is to become it."""
    from rag.cli import main

    os.chdir(folder)
    os.dup2(os.open(typed or os.devnull, os.O_RDONLY), 0)
    for fd, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(output.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
    sys.argv = ["rag", *words]
    main()
