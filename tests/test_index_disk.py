"""Whole and durable writes, and what a full disk is called."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rag.errors import SpaceError
from rag.index.disk import explain_full_disk, remove_folder, replace_file, sync


def test_a_file_is_replaced_whole_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "file.new").write_text("what a killed run left")
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "a broken disk")

    path = tmp_path / "file"
    replace_file(path, b"one")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="broken"):
        replace_file(path, b"two")
    assert path.read_bytes() == b"one" and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_is_synced_is_all_of_it_and_then_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, genuine = list[tuple[int, list[str]]](), os.fsync

    def note(fd: int) -> None:
        synced.append((os.fstat(fd).st_size, sorted(path.name for path in tmp_path.iterdir())))
        genuine(fd)

    monkeypatch.setattr(os, "fsync", note)
    replace_file(tmp_path / "file", b"text")
    assert synced[0] == (4, ["file.new"]) and synced[1][1] == ["file"] and len(synced) == 2


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(9):
        sync(tmp_path)
        replace_file(tmp_path / "file", b"text")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_is_removed_with_all_in_it_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("stays")
    (tmp_path / "index" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "index" / "deep" / "file").write_text("text")
    for place in ("link", "index/link", "index/deep/link"):
        (tmp_path / place).symlink_to(tmp_path / "outside", target_is_directory=True)
    (tmp_path / "index" / "nowhere").symlink_to("nothing")
    remove_folder(tmp_path / "link")
    remove_folder(tmp_path / "index")
    remove_folder(tmp_path / "index")  # is gone, which is no error
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "link", "outside"]


@pytest.mark.parametrize("name", ["close", "unlink", "rmdir"])
def test_a_signal_in_a_removal_is_no_error_of_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where one comes right after the first close, `shutil.rmtree` closes a folder twice."""
    genuine, calls = getattr(os, name), list[object]()

    def call(*arguments: Any, **options: Any) -> None:
        genuine(*arguments, **options)
        calls.append(arguments)
        if len(calls) == 1:
            signal.raise_signal(signal.SIGINT)

    (tmp_path / "index" / "deep").mkdir(parents=True)
    (tmp_path / "index" / "deep" / "file").write_text("text")
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(os, name, call)
        remove_folder(tmp_path / "index")
    remove_folder(tmp_path / "index")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_to_be_full(tmp_path: Path, number: int) -> None:
    with pytest.raises(SpaceError, match="answers as before"), explain_full_disk(tmp_path):
        raise OSError(number, "full")


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "broken"), sqlite3.DatabaseError("malformed"), ValueError("other")]
)
def test_another_error_is_not(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explain_full_disk(tmp_path):
        raise error
    assert raised.value is error


def test_a_database_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(SpaceError),
        explain_full_disk(tmp_path),
        sqlite3.connect(tmp_path / "db", isolation_level=None) as db,
    ):
        db.execute("PRAGMA max_page_count=2")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")
