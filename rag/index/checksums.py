"""Files by what is in them: checksums, exact copies, and what differs from an earlier list. Pure: knows no index.

A checksum finds accidents (a flipped bit, a cut, a swap), not forgers: it is a CRC-32, so that it runs at the speed of
memory, over the blocks that hold anything but zeros. A hole in a sparse file and written zeros are the same content.
A digest, elsewhere, is a sha256: it says whether two contents are the same, and stands in for one.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias
from zlib import crc32

BLOCK = 1 << 16
ZEROS = bytes(BLOCK)
SEEK_DATA = getattr(os, "SEEK_DATA", os.SEEK_SET)  # without holes, everything is data

Checksum: TypeAlias = tuple[int, int]  # size in bytes, CRC-32
TEMPORARY = ".atomicwrite"  # what an engine that opens a folder, even to read it, makes there for a moment
FOLDER: Checksum = (-1, 0)  # what stands in a list for a folder


def blocks(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of every block that is not all zeros."""
    at = 0
    while at < size:
        try:
            at = os.lseek(fd, at, SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        at -= at % BLOCK
        block = os.pread(fd, BLOCK, at)
        if not block:
            return
        if block != ZEROS[: len(block)]:
            yield at, block
        at += BLOCK


def checksum_file(path: Path) -> Checksum:
    """The checksum of one file. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        size, crc = os.fstat(fd).st_size, 0
        for at, block in blocks(fd, size):
            crc = _add(crc, at, block)
        return size, crc
    finally:
        os.close(fd)


def _add(crc: int, at: int, block: bytes) -> int:
    return crc32(block, crc32(str(at).encode(), crc))


def copy(source: str | Path, target: str | Path) -> Checksum:
    """Copy a file with its holes: engines allocate far ahead of what they write. The checksum of what was copied."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        size, crc = os.fstat(reader.fileno()).st_size, 0
        for at, block in blocks(reader.fileno(), size):
            crc = _add(crc, at, block)
            writer.seek(at)
            writer.write(block)
        writer.truncate(size)
        return size, crc


def copy_files(folder: Path, expected: Mapping[str, Checksum], target: Path) -> bool:
    """Copy what is named, not what else stands there: a reader's engine may be making temporary files.

    Whether all of it was as expected. Raises OSError.
    """
    same = True
    for name, checksum in sorted(expected.items()):
        if checksum == FOLDER:
            (target / name).mkdir(parents=True, exist_ok=True)
        else:
            same &= copy(folder / name, target / name) == checksum
    return same


def checksum_folder(folder: Path) -> dict[str, Checksum]:
    """The checksum of every file under a folder, by its relative path; folders are listed too."""
    return {name: FOLDER if stat.S_ISDIR(mode) else checksum_file(folder / name) for name, mode, _ in _entries(folder)}


def find_differences(folder: Path, expected: Mapping[str, Checksum], *, deep: bool) -> list[str]:
    """What is not as `expected` says: names with what is wrong. Sizes only, unless `deep`. Raises OSError."""
    found = {name: (mode, size) for name, mode, size in _entries(folder)}
    wrong = [f"{name}: missing" for name in sorted(expected.keys() - found.keys())]
    wrong += [f"{name}: does not belong here" for name in sorted(found.keys() - expected.keys())]
    for name, (size, crc) in sorted(expected.items()):
        mode, actual = found.get(name, (0, 0))
        if name not in found or (stat.S_ISDIR(mode) and (size, crc) == FOLDER):
            continue
        if not stat.S_ISREG(mode):
            wrong.append(f"{name}: not a file")
        elif actual != size:
            wrong.append(f"{name}: {actual:,} bytes instead of {size:,}")
        elif deep and checksum_file(folder / name) != (size, crc):
            wrong.append(f"{name}: its content changed")
    return wrong


def _entries(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Relative path, mode and size of everything under a folder, links not followed, temporary files left out."""
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(TEMPORARY)]
        for name in (*folders, *(name for name in files if not name.startswith(TEMPORARY))):
            path = os.path.join(top, name)
            try:
                status = os.lstat(path)
            except FileNotFoundError:  # gone since it was listed: it is missing, if it should be there
                continue
            yield os.path.relpath(path, folder).replace(os.sep, "/"), status.st_mode, status.st_size
