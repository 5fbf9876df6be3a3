"""R1, R14: what is killed and run again ends as if it had never been interrupted.

R1: an ingest runs in a process that is killed with SIGKILL after a random part of the time a whole run takes, some of
them several times in a row; then it is run to its end, and the manifest and the published ids are compared. R14: the
same to every command that writes; killed is the command, the process of its own that it works in, or both at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.damage import Whole, answers, make
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.config import build, load
from rag.errors import CorruptError, IndexMissing, MismatchError
from rag.index import checksums
from rag.index.folder import Index
from rag.ingest.unfinished import describe_unfinished
from rag.maintain.check import audit, check

DOCUMENTS = 1000


def _ingest(folder: Path) -> str:
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    return corpus.digest(folder, config)


def _killed(folder: Path, seconds: float) -> bool:
    process = apart.start(_ingest, folder)
    time.sleep(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def kill(count: int) -> Outcome:
    """`count` kills at random instants."""
    rng = draws(1)
    lost: list[str] = []
    hit = 0
    documents = min(DOCUMENTS, 10 * count)
    with TemporaryDirectory() as name:
        folder = Path(name)
        corpus.write(folder / "docs", range(documents))
        started = time.monotonic()
        expected = apart.result(_ingest, folder)
        whole = time.monotonic() - started
        shutil.rmtree(folder / ".rag")
        while hit < count:
            delay = rng.uniform(0, whole)
            if _killed(folder, delay):
                hit += 1
            else:
                whole *= 0.9  # the machine is faster than it was
            if rng.random() < 0.3 and hit < count:
                continue  # killed again before it could recover
            if apart.result(_ingest, folder) != expected:
                lost.append(f"kill {hit} after {delay:.2f} s: another index than without it")
            shutil.rmtree(folder / ".rag")
    return Outcome(count, count - len(lost), lost, f"{documents:,} documents; 30 % killed twice or more in a row")


def _touch(folder: Path) -> None:
    for path in (folder / "docs").iterdir():
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 60))


def _edit(folder: Path) -> None:
    _touch(folder)
    corpus.write(folder / "docs", range(20, 40), version=1)
    (folder / "docs" / "00041.txt").unlink()


def _damage(folder: Path) -> None:
    """Rows that fail their checksum, of a source whose file is away, and a vector index that cannot be read."""
    with closing(sqlite3.connect(folder / ".rag" / "manifest.sqlite")) as db, db:
        db.execute("UPDATE sources SET stamp = '[1, 2, 3, 4]' WHERE name LIKE '%7.txt'")
        db.execute("UPDATE documents SET meta = '[' WHERE source LIKE '%8.txt'")
    for path in (folder / "docs").glob("*7.txt"):
        path.unlink()
    (folder / ".rag" / "CURRENT").write_text("nonsense")


@dataclass(frozen=True, slots=True)
class Act:
    """A command, what is done to a whole index before it, where its index is, whether that could answer before."""

    words: str
    before: Callable[[Path], object] = lambda folder: None
    place: str = "."
    answering: bool = True
    pipeline: str = "tiny.yaml"


ACTS = {
    "ingest": Act("ingest docs --pipeline tiny.yaml", lambda f: shutil.rmtree(f / ".rag"), answering=False),
    "re-ingest": Act("ingest docs", _edit),
    "touched": Act("ingest docs", _touch),
    "delete": Act("delete docs/00003.txt docs/00009.txt"),
    "purge": Act("purge docs/00003.txt docs/00009.txt"),
    "rebuild": Act("rebuild"),
    "export": Act("export new.zip"),
    "import": Act("import good.zip --index new", place="new", answering=False),
    "repair": Act("check --repair", _damage, answering=False),
    "pipeline change": Act("ingest docs --rebuild --pipeline other.yaml", pipeline="other.yaml"),
    "upgrade": Act("upgrade --pipeline other.yaml --keep", pipeline="other.yaml"),
}
VICTIMS = ("child", "parent", "group")
HELD = 10.0  # seconds that a killed command's processes may take to be gone


def kill_every_command(count: int) -> Outcome:
    """`count` kills, of every command in turn; of the last ones where there are fewer kills than commands."""
    if not Path("/proc/self/task").exists():
        return Outcome(0, 0, [], "not run: the processes of a command are found in /proc")
    acts = list(ACTS)[-count:]
    rng = draws(3)
    lost: list[str] = []
    killed: Counter[str] = Counter()
    with TemporaryDirectory() as name:
        whole = make(Path(name) / "whole")
        (whole.folder / "other.yaml").write_text(corpus.TINY.replace("size: 60", "size: 40"))
        _command("export good.zip", whole.folder)
        folder = Path(name) / "run"
        ends: dict[str, tuple[str, Any, float]] = {}
        for act in acts:
            _begin(whole, folder, act)
            started = time.monotonic()
            if code := _command(ACTS[act].words, folder).code:
                raise RuntimeError(f"{act}: exit {code} without a kill")
            seconds = time.monotonic() - started
            ends[act] = (*_state(folder, act), seconds)
        while killed.total() < count:
            act, victim = acts[killed.total() % len(acts)], rng.choice(VICTIMS)
            _begin(whole, folder, act)
            *end, seconds = ends[act]
            delay = rng.uniform(0, seconds)
            if not _kill_command(ACTS[act].words, folder, delay, victim):
                ends[act] = (end[0], end[1], seconds * 0.95)  # the machine is faster than it was
                continue
            killed[victim] += 1
            try:
                wrong = _judge(whole, folder, act, end)
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                lost.append(f"{act}, {victim} killed after {delay:.2f} of {seconds:.2f} s: {wrong}")
    note = f"{len(acts)} commands; " + ", ".join(f"{victim} {n}" for victim, n in sorted(killed.items()))
    return Outcome(count, count - len(lost), lost, note)


def _begin(whole: Whole, folder: Path, act: str) -> None:
    """The folder as it was, and what is done to it before the command."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole.folder, folder, copy_function=_copy)
    ACTS[act].before(folder)


def _copy(source: str, target: str) -> None:
    checksums.copy(source, target)
    shutil.copystat(source, target)  # else every file is one that was touched


def _command(words: str, folder: Path) -> apart.Done:
    return apart.command(words.split(), folder)


def _own_group(words: list[str], folder: Path, output: Path) -> None:
    os.setsid()
    apart.run_command(words, folder, output, None)


def _kill_command(words: str, folder: Path, delay: float, victim: str) -> bool:
    """Start it and kill it; False where it ended before. All its processes are gone then."""
    with TemporaryDirectory() as name:
        process = apart.start(_own_group, words.split(), folder, Path(name) / "said")
        time.sleep(delay)
        parent = process.pid or 0
        children: list[int] = []
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            children += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
            if victim == "group":
                os.killpg(parent, signal.SIGKILL)
            elif victim == "parent" or not children:
                os.kill(parent, signal.SIGKILL)
            else:
                os.kill(children[0], signal.SIGKILL)
        process.join()
        until = time.monotonic() + HELD
        while time.monotonic() < until and any(Path(f"/proc/{child}").exists() for child in children):
            time.sleep(0.01)
        return process.exitcode != 0


def _state(folder: Path, act: str) -> tuple[str, Any]:
    """Of an index: its digest, its answers."""
    config = load(str(folder / ACTS[act].pipeline))
    place = folder / ACTS[act].place
    return corpus.digest(place, config), answers(place, config)


def _judge(whole: Whole, folder: Path, act: str, end: Sequence[Any]) -> str:
    """What was wrong with an index whose command was killed, "" when nothing."""
    one = ACTS[act]
    index, archive = Index.at(folder / one.place), folder / "new.zip"
    for pipeline in {"tiny.yaml", one.pipeline}:
        try:
            if answers(index.base, load(str(folder / pipeline))) not in (whole.answers, end[1]):
                return "neither the old nor the new index answered"
            break
        except (CorruptError, IndexMissing, MismatchError) as error:
            said = f"{type(error).__name__}: {error}"
    else:
        if one.answering:
            return f"no answer: {said}"
    if act != "repair" and index.exists() and index.manifest_path.is_file():
        with closing(index.read_manifest()) as manifest:
            if wrong := next(audit(manifest.db), None):
                return f"in the manifest: {wrong}"
    config = load(str(folder / one.pipeline))
    if act == "re-ingest" and not describe_unfinished(index):
        if corpus.digest(index.base, config) not in (whole.digest, end[0]):
            return "nothing tells that it is not finished"
    if act == "export" and archive.exists() and archive.read_bytes() != (whole.folder / "good.zip").read_bytes():
        return "half an archive has the name of a whole one"
    done = _command(one.words, folder)
    finished = {"delete": "matches", "purge": "matches", "export": "exists already"}.get(act, "\0") in done.err
    if done.code and not (done.code == 2 and finished):
        return f"the same command ended with {done.code}: {done.err[-200:]}"
    if found := check(index, build(config).store, deep=True):
        return f"found after the next run: {found[0].what}"
    return "" if _state(folder, act) == tuple(end) else "another index than without it"


ROWS: dict[str, Row] = {"R1": kill, "R14": kill_every_command}
