"""R2: kill -9 while an index is published, collected, rebuilt, purged, repaired, migrated.

The process kills itself in front of its n-th call that changes a folder or makes a change durable, for many n. Whatever
n is, the old or the new index then answers, and the same command run again ends where an uninterrupted one does, with
nothing for a deep check to find.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.damage import Whole, again, answers, make
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.config import build, load
from rag.index.folder import Index
from rag.index.tables import STEPS, VERSION
from rag.maintain.check import check
from rag.maintain.remove import delete
from rag.maintain.repair import repair

CALLS = ("rename", "unlink", "rmdir", "mkdir", "fsync", "write")


def _ingest(folder: Path) -> None:
    corpus.write(folder / "docs", range(10, 14), version=2)
    corpus.run(folder, config_of(folder))


def _rebuild(folder: Path) -> None:
    index = Index.at(folder)
    with index.edit_manifest() as manifest:
        index.publish(manifest, build(config_of(folder)).store, fresh=True)


def _migrate(folder: Path) -> None:
    with patch.dict(STEPS, {VERSION - 1: migrate}):
        _rebuild(folder)


def _purge(folder: Path) -> None:
    delete(Index.at(folder), config_of(folder), ["docs/00007.txt"], purge=True)


def _repair(folder: Path) -> None:
    repair(Index.at(folder), config_of(folder))


ACTS: dict[str, Callable[[Path], None]] = {
    "ingest": _ingest,
    "rebuild": _rebuild,
    "purge": _purge,
    "migration": _migrate,
    "repair": _repair,
}


def config_of(folder: Path) -> Any:
    return load(str(folder / "tiny.yaml"))


def _killed(act: str, folder: Path, at: int) -> int:
    """Do it; the process ends in front of call number `at`. How many calls there were."""
    calls = 0

    def counted(genuine: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return genuine(*arguments, **options)

        return call

    genuine = {name: getattr(os, name) for name in CALLS}
    try:
        for name in CALLS:
            setattr(os, name, counted(genuine[name]))
        ACTS[act](folder)
    finally:
        for name in CALLS:
            setattr(os, name, genuine[name])
    return calls


def prepare(whole: Whole, act: str) -> None:
    """The index as it was, before what this act mends."""
    folder = again(whole)
    corpus.write(whole.folder / "docs", range(10, 14))
    if act == "migration":
        age(folder)
    if act == "repair":
        (folder / "CURRENT").write_text("nonsense")


def age(folder: Path) -> None:
    """Turn the index into one of the format before this one, had that had another name for a column, and no seal."""
    with closing(sqlite3.connect(folder / "manifest.sqlite", isolation_level=None)) as db:
        db.execute("ALTER TABLE sources RENAME COLUMN reason TO cause")
        db.execute(f"PRAGMA user_version={VERSION - 1}")
    (folder / "seal.json").unlink()


def migrate(db: sqlite3.Connection) -> None:
    """The step that brings `age` back."""
    db.execute("ALTER TABLE sources RENAME COLUMN cause TO reason")


def kills(count: int) -> Outcome:
    """`count` kills, over all acts."""
    rng = draws(2)
    lost: list[str] = []
    with TemporaryDirectory() as name:
        whole = make(Path(name), documents=20)
        (whole.folder / ".rag").rename(whole.folder / "kept")
        calls: dict[str, int] = {}
        new: dict[str, tuple[str, Any]] = {}
        for act in ACTS:
            prepare(whole, act)
            calls[act] = apart.result(_killed, act, whole.folder, -1)
            new[act] = (corpus.digest(whole.folder, whole.config), answers(whole.folder, whole.config))
        for number in range(count):
            act = list(ACTS)[number % len(ACTS)]
            at = rng.randint(1, calls[act])
            prepare(whole, act)
            process = apart.start(_killed, act, whole.folder, at)
            process.join()
            if process.exitcode != -signal.SIGKILL:
                lost.append(f"{act}, call {at}: was not killed but ended with {process.exitcode}")
            elif wrong := _judge(whole, act, new[act]):
                lost.append(f"{act}, call {at} of {calls[act]}: {wrong}")
    return Outcome(count, count - len(lost), lost, ", ".join(f"{act} {n} calls" for act, n in calls.items()))


def _judge(whole: Whole, act: str, new: tuple[str, Any]) -> str:
    """What is wrong with an index in which an act was killed, "" when nothing."""
    from rag.errors import CorruptError

    refused = {"repair": CorruptError}.get(act)  # what the old index is allowed to say
    try:
        if answers(whole.folder, whole.config) not in (whole.answers, new[1]):
            return "neither the old nor the new index answered"
    except Exception as error:
        if refused is None or not isinstance(error, refused):
            return f"no answer: {type(error).__name__}: {error}"
    ACTS[act](whole.folder)
    if found := check(Index.at(whole.folder), build(whole.config).store, deep=True):
        return f"found after the next run: {found[0].what}"
    if corpus.digest(whole.folder, whole.config) != new[0]:
        return "another index than without it"
    left = sorted(p.name for p in (whole.folder / ".rag" / "generations").iterdir() if p.is_dir())
    return "" if len(left) == 1 else f"generations left: {left}"


ROWS: dict[str, Row] = {"R2": kills}
