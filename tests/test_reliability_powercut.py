"""The disk that loses its power: what is sure after each call, and that a missing sync is noticed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.reliability.recording import Call, is_possible, record
from benchmarks.reliability.volatile import SECTOR, Disk, File, lay_out, look

HOME = Path("/index")


def disk(**files: bytes) -> Disk:
    before: dict[str, File | None] = {}
    for name, content in files.items():
        before[name] = file = File(size=len(content), end=len(content))
        file.apply((0, content))
    return Disk(HOME, before, {})


def text(left: dict[str, File | None], name: str) -> bytes:
    file = left[name]
    assert file is not None
    sectors = (file.sectors.get(n, bytes(SECTOR)) for n in range(file.size // SECTOR + 1))
    return b"".join(sectors)[: file.size]


def write(name: str, data: bytes, *, fd: int = 3, offset: int | None = None, empties: bool = True) -> list[Call]:
    path = f"{HOME}/{name}"
    return [Call("open", path, fd, empties=empties), Call("write", path, fd, data=data, offset=offset)]


def sync(name: str, fd: int = -1) -> Call:
    return Call("sync", f"{HOME}/{name}".rstrip("/"), fd)


def replay(calls: list[Call], **files: bytes) -> Disk:
    replayed = disk(**files)
    for call in calls:
        replayed.apply(call)
    return replayed


def never() -> bool:
    return False


def always() -> bool:
    return True


def test_only_what_was_synced_is_sure() -> None:
    calls = [*write("new", b"text"), *write("old", b"other")]
    assert {n: text(replay(calls, old=b"text").cut(never), n) for n in ("old",)} == {"old": b"text"}
    assert "new" not in replay(calls).cut(never) and "new" in replay([*calls, sync("")]).cut(never)
    assert text(replay([*calls, sync("")]).cut(never), "new") == b""
    assert text(replay([*calls, sync("new"), sync("")]).cut(never), "new") == b"text"
    assert text(replay(calls, old=b"text").cut(always), "old") == b"other"


def test_a_rename_is_there_or_not_with_or_without_the_content() -> None:
    calls = [*write("new", b"new"), Call("rename", f"{HOME}/new", target=f"{HOME}/old")]
    assert text(replay(calls, old=b"old").cut(never), "old") == b"old"
    assert text(replay(calls, old=b"old").cut(never, always), "old") == b""
    assert text(replay([*calls, sync("old")], old=b"old").cut(never, always), "old") == b"new"
    left = replay([*calls, sync("old"), sync("")], old=b"old").cut(never)
    assert text(left, "old") == b"new" and "new" not in left


def test_a_write_may_be_there_in_part() -> None:
    coins = iter([True, False, True, False])  # the size, and three sectors
    left = replay(write("old", b"b" * 3 * SECTOR, offset=0, empties=False), old=b"a" * 2 * SECTOR).cut(
        lambda: next(coins)
    )
    assert text(left, "old") == b"a" * SECTOR + b"b" * SECTOR + bytes(SECTOR)


def test_positions_and_removals_are_followed() -> None:
    calls = [
        *write("log", b"one"), Call("write", f"{HOME}/log", 3, data=b"two"), Call("seek", f"{HOME}/log", 3, offset=1),
        Call("write", f"{HOME}/log", 3, data=b"N"), Call("truncate", f"{HOME}/log", 3, size=5),
        Call("mkdir", f"{HOME}/sub"), *write("sub/a", b"a", fd=4), Call("unlink", f"{HOME}/sub/a"),
        Call("open", f"{HOME}/log", 5, appends=True), Call("write", f"{HOME}/log", 5, data=b"!"),
    ]  # fmt: skip
    left = replay(calls).cut(always)
    assert set(left) == {"log", "sub"} and text(left, "log") == b"oNetw!"
    with pytest.raises(NotImplementedError, match="sendfile"):
        replay([Call("unknown", f"{HOME}/log", data=b"sendfile")])


def test_what_is_laid_out_is_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "one" / "sub").mkdir(parents=True)
    (tmp_path / "one" / "sub" / "file").write_bytes(b"x" + bytes(1 << 17) + b"y")
    (tmp_path / "other").mkdir()
    lay_out(look(tmp_path / "one"), tmp_path / "other")
    assert look(tmp_path / "other") == look(tmp_path / "one")
    assert (tmp_path / "other" / "sub" / "file").read_bytes() == (tmp_path / "one" / "sub" / "file").read_bytes()


PROGRAM = """
import os, sys, threading
os.mkdir("sub")
with open("sub/a, \\"b\\"", "wb") as file:
    file.write(bytes(range(256)))
    file.flush()
    os.fsync(file.fileno())
os.rename("sub/a, \\"b\\"", "sub/c")
fd = os.open("sub", os.O_RDONLY)
os.fsync(fd)
threads = [threading.Thread(target=lambda n=n: open(f"sub/{n}", "w").write("x" * n)) for n in range(20)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
os.unlink("sub/3")
"""


@pytest.mark.skipif(not is_possible(), reason="needs strace")
def test_what_a_program_does_is_recorded(tmp_path: Path) -> None:
    home = tmp_path.resolve() / "home"
    home.mkdir()
    calls = record([sys.executable, "-c", f"import os; os.chdir({str(home)!r})\n{PROGRAM}"], home, tmp_path / "calls")
    replayed = Disk(home, {}, {})
    for call in calls:
        replayed.apply(call)
    now = look(home)
    left = replayed.cut(always)
    assert left.keys() == now.keys() and all(text(left, n) == text(now, n) for n, file in now.items() if file)
    sure = replayed.cut(never)
    assert sure == {}, "the folder's own name was never synced"
    with pytest.raises(RuntimeError, match="boom"):
        record([sys.executable, "-c", "raise RuntimeError('boom')"], home, tmp_path / "calls")
