"""The base of connectors for exports that are zip files: members are sources, read where they lie, never unpacked.

A root is an export or a folder of exports. A member is stamped by its checksum, so that a newer export in the place of
the old one loads only what changed. Sizes are checked before anything is read, and names that lead out of the archive
are refused. A zip inside the zip, as a large export has its parts, is kept in the user's cache as long as it is there.
"""

from __future__ import annotations

import os
import posixpath
import stat
import zipfile
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from rag.errors import InputError
from rag.stages import component
from rag.text.names import to_name
from rag.types import Source
from rag_connectors.elsewhere import Elsewhere
from rag_connectors.sidecar import Sidecars
from rag_connectors.staging import Fetched, FetchError, is_hidden
from rag_connectors.zip_parts import BROKEN, keep_parts, open_zip

MAX_ENTRIES = 200_000
MAX_RATIO = 200  # of a member's size to what it takes in the archive, above a megabyte


@component
class ZipExport(Elsewhere):
    """Members of zip files. Patterns see paths in the archive."""

    @abstractmethod
    def _members(self, members: list[zipfile.ZipInfo], root: str) -> Iterable[tuple[zipfile.ZipInfo, str]]:
        """The members to read, each with its name. Raises InputError for a zip that is no such export."""

    @abstractmethod
    def _convert(self, data: bytes, member: str, source: Source) -> Fetched:
        """A member's content as it is parsed, with its fields."""

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every member of the exports. Raises InputError where there is none, or the one named cannot be read."""
        top, sidecars = os.path.realpath(root), Sidecars()
        if os.path.isdir(top):
            exports = sorted(
                str(path) for path in Path(top).rglob("*.zip") if not is_hidden(str(path.relative_to(top)))
            )
        else:
            exports = [top] * os.path.isfile(top)
        if not exports:
            raise InputError(f"{root}: there is no export. Name the zip file that was exported, or its folder.")
        for export in exports:
            name = to_name(export.removeprefix(os.path.join(base, "")))
            access, wrong = sidecars.access_of(export) or (None, "")
            try:
                sources = [*self._sources(export, name)]
            except InputError as error:
                if export == top:
                    raise
                sources = [Source(name, export, (0, 0, 0, 0), str(error))]
            yield from (replace(one, reason=one.reason or wrong, access=access) for one in sources)

    def _sources(self, export: str, name: str) -> Iterator[Source]:
        with ExitStack() as stack:
            parts = [(export, stack.enter_context(open_zip(export)))]
            inner = [member for member in parts[0][1].infolist() if member.filename.lower().endswith(".zip")]
            if inner and len(inner) == len([one for one in parts[0][1].infolist() if not one.is_dir()]):
                places = keep_parts(export, parts[0][1], inner)
                parts = [(place, stack.enter_context(open_zip(place))) for place in places]
            where = {id(member): place for place, archive in parts for member in archive.infolist()}
            members = [member for _, archive in parts for member in archive.infolist() if not member.is_dir()]
            if len(members) > MAX_ENTRIES:
                raise InputError(f"{export}: refused: {len(members):,} entries, the limit is {MAX_ENTRIES:,}.")
            for member, inside in self._members(members, export):
                if stat.S_ISLNK(member.external_attr >> 16) or not self._takes(inside):
                    continue
                safe = posixpath.normpath(posixpath.join("/", inside.replace("\\", "/"))).lstrip("/")
                place = "\n".join((where[id(member)], member.filename, str(member.CRC)))
                stamp = (member.file_size, member.CRC, 0, 0)
                yield Source(f"{name}/{to_name(safe)}", place, stamp)

    @contextmanager
    def _fetcher(self) -> Iterator[Callable[[Source], Fetched]]:
        """Members by name, of archives that are opened once."""
        with ExitStack() as stack:
            archives: dict[str, zipfile.ZipFile] = {}

            def fetch(source: Source) -> Fetched:
                export, *rest = source.path.split("\n")
                if len(rest) != 2:
                    raise FetchError(f"{source.path}: no place in an export")
                try:
                    if export not in archives:
                        archives[export] = stack.enter_context(open_zip(export))
                    data = self._read(archives[export], *rest)
                except InputError as error:
                    raise FetchError(str(error)) from error
                return self._convert(data, rest[0], source)

            yield fetch

    def _read(self, archive: zipfile.ZipFile, name: str, checksum: str) -> bytes:
        """A member's bytes. Raises FetchError for what is too large, leads out, is damaged or was replaced."""
        member = archive.NameToInfo.get(name)
        if member is None or str(member.CRC) != checksum:
            raise FetchError("the export was replaced while it was read: run the ingest again")
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or not parts[0] or parts[0].endswith(":"):
            raise FetchError("refused: its name leads out of the archive")
        if member.flag_bits & 1:
            raise FetchError("encrypted: export it without a password")
        if member.file_size > self.max_mb << 20:
            size = f"{member.file_size / (1 << 20):.1f} MB"
            raise FetchError(f"too large: {size}, the limit is {self.max_mb} MB (connector.max_mb)", "skipped")
        if member.file_size > max(1 << 20, MAX_RATIO * member.compress_size):
            raise FetchError(f"refused: it unpacks to more than {MAX_RATIO} times its size")
        try:
            return archive.read(member)
        except BROKEN as error:
            raise FetchError(f"damaged in the archive ({error}): export it again") from error
