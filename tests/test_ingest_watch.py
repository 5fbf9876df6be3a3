"""Watching: what changes is indexed as a plain ingest would, once it settled, and nothing is lost for what is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.config import load
from rag.errors import CorruptError, InputError, MissingExtra, RagError, SpaceError
from rag.index.folder import Index
from rag.ingest import notices, watch
from rag.ingest.notices import is_remote
from rag.ingest.report import Report
from rag.ingest.run import ingest

RAG = Path(sys.executable).parent / "rag"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SETTLE", 0.05)
    monkeypatch.setattr(watch, "LONGEST", 0.2)
    monkeypatch.setattr(notices, "POLL", 0.05)


def start(folder: Path, *roots: str, ended: threading.Event | None = None) -> Iterator[Report | RagError]:
    """Watching, with the first report taken."""
    config = load(str(folder / "tiny.yaml"))
    found = watch.watch(Index.at(folder), config, [str(folder / r) for r in roots or ("docs",)], ended=ended)
    assert isinstance(next(found), Report)
    return found


def news(found: Iterator[Report | RagError]) -> dict[str, str]:
    """Status by source of what is told next."""
    report = next(found)
    assert isinstance(report, Report), report
    return {Path(file.source).name: file.status for file in report.files}


def plain(folder: Path) -> Report:
    return ingest(Index.at(folder), load(str(folder / "tiny.yaml")), [str(folder / "docs")])


@pytest.mark.parametrize("remote", [False, True])
def test_changes_are_indexed_as_a_plain_ingest_would(
    notes: Path, remote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "is_remote", lambda path: remote)
    docs, found = notes / "docs", start(notes)
    (docs / "canteen.txt").write_text("The canteen is closed for good.\n")
    (docs / "router.md").unlink()
    (docs / "lumen.md").rename(docs / "k2.md")
    told = news(found)
    assert told == {"canteen.txt": "updated", "router.md": "deleted", "lumen.md": "deleted", "k2.md": "added"}
    (docs / "deep" / "er").mkdir(parents=True)
    (docs / "deep" / "er" / "new.md").write_text("The new berth is open.\n")
    assert news(found) == {"new.md": "added"}
    report = plain(notes)
    assert (report.count("unchanged"), report.published) == (4, False)


def test_what_is_not_read_starts_nothing(notes: Path) -> None:
    (notes / ".gitignore").write_text("build/\n")
    (notes / ".git").mkdir()
    docs, found, live = notes / "docs", start(notes, "."), Index.at(notes).live_number()
    (docs / ".draft.md").write_text("hidden")
    (docs / "build").mkdir()
    (docs / "build" / "made.txt").write_text("ignored")
    (docs / "seen.md").write_text("This one is read.\n")
    assert news(found) == {"seen.md": "added"}
    assert live is not None and Index.at(notes).live_number() == live + 1


def test_a_file_is_read_when_it_stays_as_it_is(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows at each of the first looks; what is indexed is the whole."""
    monkeypatch.setattr(watch, "LONGEST", 60.0)
    found, look, parts = start(notes), watch._look, ["A quay ", "is built ", "in Tarnvik.\n"]

    def growing(*given: Any) -> watch.Look:
        if parts:
            with (notes / "docs" / "quay.txt").open("a") as file:
                file.write(parts.pop(0))
        return look(*given)

    monkeypatch.setattr(watch, "_look", growing)
    (notes / "docs" / "quay.txt").write_text("")
    assert news(found) == {"quay.txt": "added"}
    manifest = Index.at(notes).read_manifest()
    assert [document.text for document in manifest.documents("docs/quay.txt")] == ["A quay is built in Tarnvik."]
    manifest.close()


def test_a_folder_that_is_away_is_told_once_and_taken_up_again(notes: Path) -> None:
    found = start(notes)
    (notes / "docs").rename(notes / "away")
    error = next(found)
    assert isinstance(error, InputError) and "docs" in str(error)
    threading.Timer(0.5, lambda: (notes / "away").rename(notes / "docs")).start()
    (notes / "away" / "new.md").write_text("New while it was away.\n")
    assert news(found) == {"new.md": "added"}
    (notes / "docs" / "new.md").write_text("Heard, too.\n")
    assert news(found) == {"new.md": "updated"}


def test_a_folder_that_was_replaced_is_heard(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "CHECK", 1.0)
    found = start(notes)
    (notes / "docs").rename(notes / "old")
    (notes / "docs").mkdir()
    (notes / "docs" / "one.md").write_text("The first of a new folder.\n")
    assert news(found)["one.md"] == "added"
    monkeypatch.setattr(notices, "CHECK", 600.0)  # from here on only what is heard counts
    (notes / "docs" / "two.md").write_text("The second.\n")
    assert news(found) == {"two.md": "added"}


def test_an_empty_mount_point_takes_nothing_out_of_the_index(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = start(notes)
    monkeypatch.setattr(watch, "_identify", lambda root: (-1, 1))
    for path in (notes / "docs").iterdir():
        path.unlink()
    error = next(found)
    assert isinstance(error, InputError) and "not the file system it was" in str(error)
    (notes / "docs" / "back.md").write_text("It is mounted again.\n")
    assert news(found)["back.md"] == "added"


def test_a_single_file_that_an_editor_replaces_is_seen(notes: Path) -> None:
    found = start(notes, "docs/router.md")
    (notes / "new").write_text("The router is a Lumen K3.\n")
    os.replace(notes / "new", notes / "docs" / "router.md")
    assert news(found) == {"router.md": "updated"}


def test_what_may_pass_is_told_once_and_tried_again(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, errors = start(notes), [SpaceError("full"), SpaceError("full"), SpaceError("still full")]

    def failing(*given: Any, **options: Any) -> Report:
        if errors:
            raise errors.pop(0)
        return ingest(*given, **options)

    monkeypatch.setattr(watch, "ingest", failing)
    (notes / "docs" / "new.md").write_text("New.\n")
    assert [str(next(found)), str(next(found)), errors] == ["full", "still full", []]
    assert news(found) == {"new.md": "added"}


def test_what_does_not_pass_is_raised(notes: Path) -> None:
    found = start(notes)
    (notes / ".rag" / "manifest.sqlite").write_bytes(b"")
    (notes / "docs" / "new.md").write_text("New.\n")
    with pytest.raises(CorruptError):
        next(found)


def test_a_file_that_failed_before_is_not_told_again(notes: Path) -> None:
    (notes / "docs" / "bad.pdf").write_bytes(b"%PDF-1.7 no more")
    found = start(notes)
    (notes / "docs" / "new.md").write_text("New.\n")
    assert news(found) == {"new.md": "added"}
    (notes / "docs" / "bad.pdf").write_bytes(b"%PDF-1.7 no more of it")
    assert news(found) == {"bad.pdf": "failed"}


def test_it_ends_when_it_is_told(notes: Path) -> None:
    ended = threading.Event()
    found = start(notes, ended=ended)
    threading.Timer(0.3, ended.set).start()
    assert list(found) == []


def test_without_the_library_the_extra_is_named(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles._rust_notify", None)
    with pytest.raises(MissingExtra, match=r"raghop\[serve\]"):
        start(notes)


def test_folders_of_other_machines_are_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "23 22 0:40 / /mnt/our\\040files rw,relatime shared:1 - nfs4 nas:/files rw\n"
        "24 23 8:2 / /mnt/our\\040files/disk rw - ext4 /dev/sdb1 rw\n"
        "25 22 0:41 / /home/me/remote rw - fuse.sshfs me@host: rw\n"
    )
    remote = {path: is_remote(path, mounts) for path in ("/home/me", "/home/me/remote/a", "/mnt/our files/b")}
    assert remote == {"/home/me": False, "/home/me/remote/a": True, "/mnt/our files/b": True}
    assert not is_remote("/mnt/our files/disk/c", mounts) and not is_remote("/mnt/our files2", mounts)
    assert not is_remote("/", tmp_path / "none")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_tells_each_change_in_a_line_and_ends_cleanly(notes: Path, number: signal.Signals) -> None:
    as_json = ["--json"] * (number == signal.SIGTERM)
    command = [str(RAG), "ingest", "docs", "--pipeline", "tiny.yaml", "--watch", *as_json]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        lines = [process.stdout.readline()]
        assert process.stderr.readline() == "rag: watching; Ctrl-C ends it.\n"
        (notes / "docs" / "canteen.txt").write_text("The canteen is closed for good.\n")
        if not as_json:
            while not process.stdout.readline().startswith("Ask with"):
                pass
        lines.append(process.stdout.readline())
        process.send_signal(number)
        assert (process.wait(), process.stdout.read(), process.stderr.read()) == (0, "", "")
    if as_json:
        first, second = map(json.loads, lines)
        assert (first["added"], second["updated"]) == (4, 1) and len(second["files"]) == 1
    else:
        assert lines == ["4 added\n", "  updated  docs/canteen.txt\n"]
