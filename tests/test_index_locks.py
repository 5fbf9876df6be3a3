"""Locks of files: readers share, a writer is alone, and a process that is killed leaves none behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import LockedError
from rag.index.locks import hold_lock, holder, process, share_lock, try_lock

HOLD = """
import sys
from pathlib import Path
from rag.index.locks import hold_lock, share_lock
if sys.argv[1] == "write":
    with hold_lock(Path(sys.argv[2])):
        print("held", flush=True)
        input()
else:
    with open(sys.argv[2], "a") as file:
        share_lock(file)
        print("held", flush=True)
        input()
"""


def start(how: str, path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, how, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_readers_share_a_file_that_nobody_has_alone_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("read", path) as other, open(path, "a") as reader, open(path, "a") as writer:
        share_lock(reader)
        reader.close()
        assert not try_lock(writer)
        other.kill()
        other.wait()
        assert try_lock(writer)


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("write", path) as other:
        assert holder(path) == other.pid
        with (
            pytest.raises(LockedError, match=f"another process \\({other.pid}\\) is writing this index"),
            hold_lock(path),
        ):
            pass
        other.kill()
        other.wait()
        with hold_lock(path):
            assert holder(path) > 0
    assert path.read_text() == ""


def test_who_waits_is_told_for_whom_and_gets_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("write", path) as other:

        def wait(process: int) -> None:
            assert process == other.pid
            other.communicate("\n")

        with hold_lock(path, wait=wait):
            assert other.returncode == 0


def test_a_writer_that_ends_soon_refuses_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with start("write", path) as other:
        looks: list[int] = []

        def check() -> None:
            looks.append(1)
            if len(looks) == 2:
                other.kill()
                other.wait()

        with hold_lock(path, check=check):
            assert len(looks) >= 2


def test_who_writes_is_said_as_far_as_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("nobody")
    assert holder(tmp_path / "lock") == holder(tmp_path / "absent") == 0
    assert (process(7), process(0)) == ("another process (7)", "another process")
