"""Ctrl-C and SIGTERM through the installed command, at every stage, sent to its process, to its group, or to both.

A terminal tells a process group, `kill` a process, `timeout` both, so that a process may hear one signal three times.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="passing signals on, and /proc")

HERE = Path(__file__).parent
RAG = Path(sys.executable).parent / "rag"
UNFINISHED = (
    "rag: The last ingest did not finish: files may be missing, or as they were. Run `rag ingest docs` in {} to finish "
    "it.\n"
)
CHUNKS = 150  # more than two slices of the embedder
ENTRIES = "".join(
    f"[rag.{kind}]\nheld = held:Held{name}\n"
    for kind, name in {"connector": "Files", "embed": "Hashing", "store": "Edge"}.items()
)


def until(condition: Callable[[], object]) -> None:
    """Wait for as long as it takes, not for ever."""
    limit = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.01)


class Run:
    """`rag ingest docs` in a process group of its own, standing still at a point of `held.py`."""

    def __init__(self, folder: Path, at: str = "", *words: str, ignoring: bool = False, patience: float = 600) -> None:
        self.folder = folder
        path = os.pathsep.join([str(folder), str(HERE), os.environ.get("PYTHONPATH", "")])
        self.environment = {**os.environ, "PYTHONPATH": path, "HELD_AT": at, "HELD_IN": str(folder)}
        self.environment["HELD_PATIENCE"] = str(patience)
        self.environment["RAGHOP_PIPELINE"] = "held.yaml"  # its plug-ins run on the user's word alone
        ignore = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if ignoring else []  # as a background job of a script
        self.child, self.first = 0, ""
        self.process = self.start(*ignore, str(RAG), "ingest", "docs", "--pipeline", "held.yaml", "--json", *words)

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def held(self) -> set[int]:
        """Wait until it stands still; the processes that work for it then."""
        at = self.folder / "at"
        until(lambda: at.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()
        self.child = int(at.read_text())
        at.unlink()
        below = [path.read_text().split() for path in Path(f"/proc/{self.child}/task").glob("*/children")]
        return {self.process.pid, self.child, *(int(pid) for pids in below for pid in pids)}

    def told(self) -> str:
        """The first message, waited for."""
        assert self.process.stderr is not None
        self.first = self.process.stderr.readline()
        return self.first

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Exit code, report and messages."""
        out, err = self.process.communicate()
        assert "Traceback" not in err, err
        return self.process.returncode, json.loads(out or "{}"), self.first + err

    def search(self) -> str:
        """What `rag search`, which finds something, tells besides."""
        out, err = self.start(str(RAG), "search", "Which berth of Tarnvik is long?", "--json").communicate()
        found = json.loads(out)
        assert found["hits"] and err == (f"rag: {found['unfinished']}\n" if found["unfinished"] else "")
        return err


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with documents of a chunk each, the first of which takes a parser process, and a pipeline that waits."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "000.html").write_text("<html><body><p>Berth 0 of Tarnvik is long.</p></body></html>")
    for number in range(1, CHUNKS):
        (tmp_path / "docs" / f"{number:03}.txt").write_text(f"Berth {number} of Tarnvik is {number} metres long.\n")
    tiny = (HERE / "tiny.yaml").read_text()
    for use in ("files", "hashing", "edge"):
        tiny = tiny.replace(f"use: {use}", "use: held")
    (tmp_path / "held.yaml").write_text(tiny)
    (tmp_path / "held-0.dist-info").mkdir()
    (tmp_path / "held-0.dist-info" / "entry_points.txt").write_text(ENTRIES)
    return tmp_path


def tell(run: Run, number: signal.Signals, to: str) -> None:
    if to != "group":
        os.kill(run.process.pid, number)
    if to != "process":
        os.killpg(run.process.pid, number)


@pytest.mark.parametrize(
    ("at", "number", "to"),
    [
        ("import", signal.SIGINT, "group"),
        ("scan", signal.SIGTERM, "process"),
        ("load", signal.SIGINT, "both"),
        ("embed", signal.SIGINT, "process"),
        ("embed", signal.SIGTERM, "group"),
        ("embed", signal.SIGINT, "both"),
        ("publish", signal.SIGTERM, "process"),
    ],
)
def test_a_signal_ends_an_ingest_that_the_next_one_goes_on_with(
    docs: Path, at: str, number: signal.Signals, to: str
) -> None:
    run = Run(docs, at)
    processes = run.held()
    tell(run, number, to)
    code, report, said = run.end()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))
    done = {"embed": 64, "publish": CHUNKS}.get(at, 0)
    assert report.get("embedded", 0) == report.get("added", 0) == done
    if at == "publish":  # all there was to do: it is finished
        assert code == 0
    else:
        assert code == 128 + number and "rag: interrupted" in said
        assert report.get("left", 0) == (0 if at in ("import", "scan") else CHUNKS - done)
    assert not done or run.search() == ("" if at == "publish" else UNFINISHED.format(docs))
    code, report, _ = Run(docs).end()
    assert (code, report["embedded"], report["unchanged"]) == (0, CHUNKS - done, done)


def test_a_signal_that_was_ignored_from_the_start_stays_ignored(docs: Path) -> None:
    run = Run(docs, "embed", ignoring=True)
    run.held()
    tell(run, signal.SIGINT, "both")
    (docs / "go").touch()
    code, report, _ = run.end()
    assert (code, report["added"]) == (0, CHUNKS)


def test_who_insists_gets_out_of_a_publish_too(docs: Path) -> None:
    """A second signal, later than one that was sent twice would come."""
    run = Run(docs, "stay")
    processes = run.held()
    tell(run, signal.SIGINT, "group")
    until(lambda: (docs / "heard").exists())
    tell(run, signal.SIGINT, "group")
    code, _, said = run.end()
    assert code == 130 and "rag: interrupted" in said
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))
    code, report, _ = Run(docs).end()
    assert (code, report["embedded"], report["unchanged"]) == (0, 0, CHUNKS)
    assert not run.search()


def test_a_publish_that_would_take_too_long_is_left_and_the_index_answers_as_it_did(docs: Path) -> None:
    assert Run(docs).end()[0] == 0
    live = (docs / ".rag" / "CURRENT").read_text()
    (docs / "docs" / "new.txt").write_text("The new berth of Tarnvik is not open.\n")
    run = Run(docs, "stay", patience=0.1)
    run.held()
    tell(run, signal.SIGTERM, "process")
    code, report, said = run.end()
    assert code == 143 and "the index answers as it did" in said
    assert (report["added"], report["embedded"], report["left"], report["published"]) == (1, 1, 0, False)
    assert (docs / ".rag" / "CURRENT").read_text() == live and not list((docs / ".rag").rglob("*.new"))
    assert run.search() == UNFINISHED.format(docs)
    code, report, _ = Run(docs).end()
    assert (code, report["embedded"], report["published"]) == (0, 0, True)


def test_who_asks_what_a_killed_ingest_left_is_told_so_until_it_is_finished(docs: Path) -> None:
    assert Run(docs).end()[0] == 0
    for number in range(CHUNKS):
        (docs / "docs" / f"new-{number}.txt").write_text(f"Quay {number} of Tarnvik is new.\n")
    run = Run(docs, "embed")
    run.held()
    assert run.search().startswith("rag: This index is being written: ")
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.communicate()
    until(lambda: run.search() == UNFINISHED.format(docs))  # its child may live for a moment
    status = subprocess.run([RAG, "status", "--json"], cwd=docs, env=run.environment, capture_output=True, check=True)
    assert f"rag: {json.loads(status.stdout)['unfinished']}\n" == UNFINISHED.format(docs)
    assert Run(docs).end()[0] == 0
    assert not run.search()


def test_a_second_ingest_is_refused_or_waits_as_asked(docs: Path) -> None:
    first = Run(docs, "embed")
    first.held()
    code, report, said = Run(docs).end()
    assert code == 5 and not report and "--wait" in said and f"process ({first.child})" in said
    second = Run(docs, "", "--wait")
    assert f"waiting for process {first.child} " in second.told()
    (docs / "go").touch()
    assert first.end()[0] == 0
    code, report, said = second.end()
    assert (code, report["unchanged"], report["embedded"]) == (0, CHUNKS, 0)
    assert said.count("waiting") == 1


@pytest.mark.parametrize(("number", "to"), [(signal.SIGINT, "group"), (signal.SIGTERM, "process")])
def test_a_wait_is_ended_by_a_signal(docs: Path, number: signal.Signals, to: str) -> None:
    first = Run(docs, "embed")
    first.held()
    second = Run(docs, "", "--wait")
    assert "waiting" in second.told()
    tell(second, number, to)
    code, report, said = second.end()
    assert (code, report) == (128 + number, {}) and "interrupted" in said
    (docs / "go").touch()
    code, report, _ = first.end()
    assert (code, report["added"]) == (0, CHUNKS)
