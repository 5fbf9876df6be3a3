"""The archive of an export: a zip without compression whose head lists size and sha256 of every other member.

Nothing is ever unpacked to disk and nothing in it is executed: names are only looked up in a fixed list, so there are
no paths to escape by and no ratios to explode. It knows no tables.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rag.errors import CorruptError, InputError, LockedError, MismatchError, RagError
from rag.index.disk import sync
from rag.index.locks import try_lock

FORMAT = 1
HEAD = "index.json"
AGE = b"age-encryption.org/"
HEAD_BYTES = 1 << 24
MEMBER = re.compile(r"(roots|sources|documents|chunks)\.jsonl|vectors-[0-9]{5}\.(keys\.jsonl|safetensors)")

Members = dict[str, dict[str, Any]]


@contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone that gets the name of the target when it is whole. Raises LockedError."""
    part = target.with_name(f"{target.name}.part")
    with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as file:
        if not try_lock(file) or not part.exists() or not os.path.samestat(part.stat(), os.fstat(file.fileno())):
            raise LockedError(f"{part}: another export is being written to this file.")
        try:
            os.chmod(part, 0o600)
            file.truncate()  # what one that was killed has left
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.rename(target)
            sync(target.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def member_info(name: str) -> zipfile.ZipInfo:
    """A member that is the same whenever it is written."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def measure(pieces: Iterable[bytes], write: Callable[[bytes], object] = len) -> dict[str, Any]:
    """Write the pieces of a member; its size and hash."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        write(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}


def to_line(row: Any) -> bytes:
    """A row as a line of JSON."""
    return json.dumps(row).encode() + b"\n"


@contextmanager
def open_archive(source: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, if it is one of ours by its members; what a library says of a bad one, as CorruptError."""
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
                if not stored or info.flag_bits & 1:
                    raise CorruptError(f"{source}: {info.filename!r} is compressed or encrypted; exports are neither.")
                if info.filename != HEAD and not MEMBER.fullmatch(info.filename):
                    raise CorruptError(f"{source}: {info.filename!r} does not belong into an export.")
            if len(set(archive.namelist())) != len(archive.namelist()):
                raise CorruptError(f"{source}: a member appears twice.")
            yield archive
    except RagError:
        raise
    except Exception as error:  # whoever made it may have made it to raise anything
        if is_encrypted(source):
            raise InputError(f"{source}: is encrypted; give the private key with --identity.") from error
        if isinstance(error, OSError) and error.filename:
            raise InputError(f"{source}: {error.strerror}.") from error
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise CorruptError(f"{source}: not an export of raghop, or damaged: {what}. Nothing was imported.") from error


def is_encrypted(source: Path) -> bool:
    """Whether a file begins as those of age do."""
    try:
        with open(source, "rb") as file:
            return file.read(len(AGE)) == AGE
    except OSError:
        return False


def read_head(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    """What an archive says of itself. Raises CorruptError, MismatchError."""
    if archive.getinfo(HEAD).file_size > HEAD_BYTES:
        raise CorruptError(f"{source}: {HEAD} is larger than {HEAD_BYTES:,} bytes.")
    head: dict[str, Any] = json.loads(archive.read(HEAD))
    if head["format"] != FORMAT:
        raise MismatchError(f"{source}: format {head['format']}; this raghop reads {FORMAT}.")
    if {HEAD, *head["members"]} != set(archive.namelist()):
        raise CorruptError(f"{source}: its members are not those that {HEAD} lists.")
    return head


def read_pieces(name: str, members: Mapping[str, Mapping[str, Any]], pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of a member; at its end they must have the hash that was noted."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != members[name]["sha256"]:
        raise CorruptError(f"{name}: its sha256 is not the one that was exported; nothing was imported.")


def read_lines(archive: zipfile.ZipFile, name: str, members: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    """What `to_line` made of the rows of a member."""
    with archive.open(name) as file:
        for line in read_pieces(name, members, iter(file.readline, b"")):
            yield json.loads(line)
