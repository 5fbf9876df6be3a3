"""Zip files of exports: opened with what is wrong in words; the zips in a zip as files of the user's cache."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib

from rag.errors import InputError
from rag_connectors.staging import cache_folder, digest

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
_MAX_PART_RATIO = 20  # of a zip in the zip, which hardly gets smaller


def open_zip(path: str) -> zipfile.ZipFile:
    """Raises InputError for what is no zip file."""
    try:
        return zipfile.ZipFile(path)
    except BROKEN as error:
        why = getattr(error, "strerror", "") or "it is no zip archive, or it is cut short"
        raise InputError(f"{path}: {why}. Download or export it again.") from error


def keep_parts(export: str, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> list[str]:
    """The zips in a zip as files of the cache, each copied once. Raises InputError."""
    folder = cache_folder("exports") / f"{digest(export):x}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {f"{digest(member.filename):x}-{member.CRC:08x}.zip": member for member in members}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
    for name, member in kept.items():
        if member.flag_bits & 1:
            raise InputError(f"{export}: {member.filename} is encrypted. Export it without a password.")
        if member.file_size > max(1 << 20, _MAX_PART_RATIO * member.compress_size):
            why = f"{member.filename} unpacks to more than {_MAX_PART_RATIO} times its size"
            raise InputError(f"{export}: refused: {why}.")
        if not (folder / name).exists():
            new = folder / f"{name}.new"
            try:
                with archive.open(member) as source, new.open("wb") as target:
                    shutil.copyfileobj(source, target)
            except BROKEN as error:
                raise InputError(f"{export}: {member.filename} is damaged ({error}). Export it again.") from error
            os.replace(new, folder / name)
    return [str(folder / name) for name in kept]
