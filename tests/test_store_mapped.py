"""Mapped files: their memory is given back, and nothing of what is in them is lost."""

from __future__ import annotations

import mmap
import re
import sys
from pathlib import Path

import pytest

from rag.store.mapped import let_go_of_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def resident(folder: Path) -> int:
    """Bytes of files in a folder that this process has in memory."""
    blocks = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.M)
    ours = [block for block in blocks if f" {folder}/" in block.partition("\n")[0]]
    return sum(1024 * int(re.findall(r"^Rss: +(\d+)", block, re.M)[0]) for block in ours)


def test_memory_of_mapped_files_is_given_back_and_what_was_written_stays(tmp_path: Path) -> None:
    size = 16 * mmap.PAGESIZE
    own, other = tmp_path / "own folder", tmp_path / "other"
    maps = []
    for folder in (own, other):
        folder.mkdir()
        (folder / "file").write_bytes(bytes(size))
        with open(folder / "file", "r+b") as file:
            maps.append(mmap.mmap(file.fileno(), size))
        maps[-1][:] = b"x" * size
    assert resident(own) == resident(other) == size
    let_go_of_files(str(own))
    assert (resident(own), resident(other)) == (0, size)
    assert all(one[:] == b"x" * size for one in maps)
