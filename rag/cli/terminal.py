"""The one place where text meets a terminal: cleaning, printing, progress.

Document text, names and model output may hold escape sequences; `clean` takes every control and format character out
before anything is printed. JSON output is left as it is: json.dumps escapes them.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.models.processor import peak_memory as peak_memory  # commands of other packages have it from here
from rag.text.urls import redact

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.ingest.report import Progress

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
KEEP = {"\n", "\t"}
PHASES = {
    "scan": "looking for files",
    "rechunk": "chunking again",
    "load": "reading",
    "embed": "embedding",
    "publish": "publishing",
}
UNITS = {"load": "files", "rechunk": "files"}


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command prints; `columns` is 0 where nobody says how wide that is."""

    out: Any
    err: Any
    columns: int = 0


SCREEN: ContextVar[Screen | None] = ContextVar("screen", default=None)  # None: the process's own


def screen() -> Screen:
    """That of this command."""
    return SCREEN.get() or Screen(sys.stdout, sys.stderr, shutil.get_terminal_size((0, 0)).columns)


def clean(text: str) -> str:
    """Text without control, format, surrogate and private-use characters (escape sequences, bidi marks, BOMs)."""
    return "".join(c for c in text if c in KEEP or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})


def line(text: str) -> str:
    """Cleaned text on one line."""
    return " ".join(clean(text).split())


def paint(text: str, style: str) -> str:
    """Colour for a terminal, the plain text for a pipe."""
    return f"\033[{STYLES[style]}m{text}\033[0m" if screen().out.isatty() else text


def say(text: str = "", *, end: str = "\n") -> None:
    """Print cleaned text by way of a stream that cannot fail on an unencodable character."""
    write(screen().out, text + end)


def write(stream: Any, text: str) -> None:
    """Write text, replacing what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def say_json(data: Any, *, indent: int | None = 2) -> None:
    """Print data as JSON, ASCII only; on one line without an `indent`."""
    say(json.dumps(data, indent=indent, default=str))


class WaitingSign:
    """A sign behind the cursor of a terminal that something is still to come; nothing where stderr is none."""

    def __init__(self) -> None:
        self._err = screen().err
        self._on = self._err.isatty()

    def show(self) -> None:
        """Draw it; what is printed next shall follow `hide`."""
        if self._on:
            write(self._err, "\0337\033[2m ...\033[0m\0338")  # the cursor stays where it was

    def hide(self) -> None:
        """Take it away."""
        if self._on:
            write(self._err, "\033[J")


def fail(error: object, *, code: int | None = None) -> int:
    """Print an error to stderr; the exit code it asks for."""
    write(screen().err, f"rag: {clean(redact(str(error)))}\n")
    return code if code is not None else getattr(error, "exit_code", 1)


def tell_languages(unread: Mapping[str, int]) -> None:
    """Tell once that there are no short answers in some languages, and what helps."""
    from rag.text.languages import language_name

    if unread:
        names = ", ".join(
            f"{language_name(code)}" + (f" ({n:,} document{'s' * (n > 1)})" if n else "") for code, n in unread.items()
        )
        fail(
            f"{names}: no short answers in this language, only quotes. `--pipeline multilingual` searches it better; a "
            "language model (--llm) answers in it."
        )


def tell_unfinished(index: Index) -> str:
    """Tell that an ingest of the index did not finish, or is not done yet; what was told, "" where there is none."""
    from rag.ingest.unfinished import describe_unfinished

    if text := describe_unfinished(index):
        fail(text)
    return text


def waiting(process: int) -> None:
    """Tell that another process is waited for; its id, 0 where it is not known."""
    fail(f"waiting for {f'process {process}' if process else 'another process'} to be done writing this index")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A progress callback that draws a bar per phase on stderr, with tokens a second and memory, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda phase, done, total: None  # tokens are counted all the same
        return
    from rich import progress as rich
    from rich.console import Console
    from rich.text import Text

    began = time.monotonic()
    tasks: dict[str, Any] = {}
    crew: list[str] = []
    current: list[Any] = []  # the task that goes on: it alone shows the time

    class Clock(rich.ProgressColumn):
        """The time since the beginning, once."""

        def render(self, task: rich.Task) -> Text:
            seconds = int(time.monotonic() - began)
            return Text(f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}" if task.id in current else "")

    first, last = rich.TextColumn("{task.description:>18}"), rich.TextColumn("{task.fields[note]}")
    columns = first, rich.BarColumn(), rich.MofNCompleteColumn(), Clock(), last
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def update(phase: str, done: int, total: int) -> None:
            if phase == "workers":
                crew[:] = [f", {done} workers at {total:,} chunks/s in all"]
                return
            if phase == "tokens":
                rate = done / max(time.monotonic() - began, 0.1)
                bars.update(tasks["embed"], note=f"{rate:,.0f} tokens/s, {peak_memory() // 10**6:,} MB{''.join(crew)}")
                return
            if phase not in tasks:
                tasks[phase] = bars.add_task(PHASES[phase], total=total or None, note=UNITS.get(phase, ""))
            current[:] = [tasks[phase]]
            bars.update(tasks[phase], completed=done, total=total or None)

        yield update
