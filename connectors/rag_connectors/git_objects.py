"""Runs git: one command, or the processes that give contents and history of a repository as long as they are asked."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from rag.errors import InputError
from rag_connectors.staging import FetchError

_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never")
_ADVICE = {  # what git says, and what helps
    "could not read Username": "git has to log in without asking: see `git help credentials`",
    "Authentication failed": "git has to log in without asking: see `git help credentials`",
    "Permission denied": "git has to log in without asking: see `git help credentials`, or ssh-add",
    "Could not resolve host": "see whether the address is right and the network there",
    "unable to access": "see whether the address is right and the server answers",
    "does not appear to be a git repository": "name a repository that is there",
    "not a git repository": "name a folder of a repository, or `use: files` for a folder that is in none",
}


def git(root: str, *arguments: str, minutes: float = 1.0) -> bytes:
    """What git says. Raises InputError with its own words and what helps."""
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments], env=_environment(), capture_output=True, timeout=60 * minutes, check=False
        )
    except FileNotFoundError:
        raise InputError(f"{root}: git is not installed; install it, or ingest a checkout with `use: files`.") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{root}: git takes longer than {minutes:g} minutes (connector.minutes).") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:500]
        said = said or "it has no such branch, tag or commit (connector.ref)"
        advice = next((f" To do: {advice}." for words, advice in _ADVICE.items() if words in said), "")
        raise InputError(f"{root}: git cannot read it: {said}.{advice}".replace("..", "."))
    return done.stdout


class Objects:
    """Contents by `git cat-file` and last changes by `git log`, one process for each repository and commit."""

    def __init__(self, minutes: float) -> None:
        self._minutes = minutes
        self._contents: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[tuple[str, str], _Log] = {}

    def read(self, folder: str, blob: str) -> bytes:
        """A blob's bytes. Raises FetchError."""
        if folder not in self._contents:
            self._contents[folder] = _start("-C", folder, "cat-file", "--batch")
        process = self._contents[folder]
        stdin: IO[bytes] = process.stdin  # type: ignore[assignment]
        stdout: IO[bytes] = process.stdout  # type: ignore[assignment]
        try:
            stdin.write(f"{blob}\n".encode())
            stdin.flush()
        except OSError as error:
            raise FetchError("git ended while it was read: run the ingest again") from error
        head = stdout.readline().split()
        if len(head) != 3:
            raise FetchError("the repository does not have it (any more): fetch it whole, then run the ingest again")
        return stdout.read(int(head[2]) + 1)[:-1]

    def last_change(self, folder: str, commit: str, path: str) -> dict[str, str]:
        """The fields `commit`, `date` and `author` of the last change of a file; none where that takes too long."""
        key = (folder, commit)
        if key not in self._logs:
            self._logs[key] = _Log(folder, commit, time.monotonic() + 60 * self._minutes)
        return self._logs[key].find(path)

    def close(self) -> None:
        """End the processes."""
        for process in [*self._contents.values(), *(log.process for log in self._logs.values())]:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with suppress(OSError):  # what it was not told any more
                        stream.close()
            process.wait()


class _Log:
    """The history from a commit, read once and no further than to the last change of every file that is asked for."""

    def __init__(self, folder: str, commit: str, deadline: float) -> None:
        shape = "--format=%x01%H%x00%aI%x00%an%x00"
        self.process = _start("-C", folder, "log", "-c", "--name-only", "--no-renames", "-z", shape, commit)
        self._deadline = deadline
        self._known: dict[str, dict[str, str]] = {}
        self._changes = self._read()

    def find(self, path: str) -> dict[str, str]:
        while path not in self._known and next(self._changes, None):
            pass
        return self._known.get(path, {})

    def _read(self) -> Iterator[bool]:
        """Takes in one commit after the other."""
        words = self._words()
        change: dict[str, str] = {}
        for word in words:
            if word.startswith("\1"):
                change = {"commit": word[1:], "date": next(words, ""), "author": next(words, "")}
                yield True
            elif path := word.removeprefix("\n"):
                self._known.setdefault(path, {name: value for name, value in change.items() if value})

    def _words(self) -> Iterator[str]:
        rest = b""
        while time.monotonic() < self._deadline and (read := self.process.stdout.read1(1 << 16)):  # type: ignore
            *whole, rest = (rest + read).split(b"\0")
            yield from map(os.fsdecode, whole)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["git", *_SAFE, *arguments],
        env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
