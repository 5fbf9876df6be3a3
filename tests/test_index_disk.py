"""Whole and durable writes, and what a full disk is called."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from rag.errors import SpaceError
from rag.index.disk import explain_full_disk, replace_file, sync


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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(9):
        sync(tmp_path)
        replace_file(tmp_path / "file", b"text")
    assert len(os.listdir("/proc/self/fd")) == before


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
