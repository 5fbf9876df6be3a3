"""A disk that loses its power: what of a recorded program's calls is sure to be there afterwards, and what may be.

It promises only what POSIX does. What was written to a file is sure when the file was synced after it; a name in a
folder is sure when the folder was synced after it. Anything else is there or not, call by call and sector by sector,
in any order: a file that was renamed may be empty, a later write there without an earlier one, a name without its
content. A rename happens whole or not at all. This is less than ext4, XFS, APFS or NTFS promise.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.reliability.recording import Call
from rag.index import checksums

SECTOR = 512  # bytes that a disk writes whole

Keep = Callable[[], bool]  # whether one thing that is not sure is there
Edit = tuple[int, bytes | None]  # offset and bytes; without bytes the offset is the file's new size


@dataclass(slots=True)
class File:
    """`sectors` that hold anything but zeros, as they are surely there, and the edits after that."""

    sectors: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    edits: list[Edit] = field(default_factory=list)
    end: int = 0  # the size after all edits

    def apply(self, edit: Edit, keep: Keep = lambda: True) -> None:
        """Make an edit sure, or of a write the sectors that are kept."""
        offset, data = edit
        if data is None:
            self.size = offset
            last = offset // SECTOR
            self.sectors = {n: s for n, s in self.sectors.items() if n <= last}
            if last in self.sectors:
                self._put(last, self.sectors[last][: offset % SECTOR].ljust(SECTOR, b"\0"))
            return
        for at in range(offset - offset % SECTOR, offset + len(data), SECTOR):
            if keep():
                old = self.sectors.get(at // SECTOR, bytes(SECTOR))
                low, high = max(at, offset) - at, min(at + SECTOR, offset + len(data)) - at
                self._put(at // SECTOR, old[:low] + data[at + low - offset : at + high - offset] + old[high:])

    def _put(self, number: int, sector: bytes) -> None:
        if sector.strip(b"\0"):
            self.sectors[number] = sector
        else:
            self.sectors.pop(number, None)

    def after(self, keep: Keep) -> File:
        """As it may be after a power cut."""
        left = File(dict(self.sectors), self.size)
        for edit in self.edits:
            if edit[1] is None and keep():
                left.apply(edit)
            elif edit[1] is not None:
                left.apply(edit, keep)
        left.sectors = {n: s for n, s in left.sectors.items() if n * SECTOR < left.size}
        left.end = left.size
        return left


@dataclass(slots=True)
class Folder:
    """`names` as they are surely there, and `now`, by number."""

    names: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)


Change = tuple[tuple[int, str, int | None], ...]  # folder, name and what it then leads to: of one call


class Disk:
    """A folder's content while a program changes it. `last` is what its files were at the program's end.

    `last` gives stores into mapped memory, which no call shows: that of a file that was mapped counts as written then.
    """

    def __init__(self, home: Path, before: Mapping[str, File | None], last: Mapping[str, File | None]) -> None:
        self.home = str(home)
        self.last = last
        self.things: list[File | Folder] = [Folder()]
        self.pending: list[Change] = []
        self.open: dict[int, tuple[int, int, bool]] = {}  # descriptor -> file, position, whether it appends
        self.mapped: set[int] = set()
        for name, file in sorted(before.items()):
            parent, base = self._place(name)
            folder, number = self.things[parent], self._add(file.after(bool) if file else Folder())
            assert isinstance(folder, Folder)
            folder.names[base] = folder.now[base] = number

    def apply(self, call: Call) -> None:
        """Take in the next call. Raises NotImplementedError for one whose effect is not known here."""
        if call.kind == "unknown":
            raise NotImplementedError(f"{call.data.decode()} on {call.path}")
        getattr(self, f"_{call.kind}_call")(call)

    def cut(self, keep: Keep, names: Keep | None = None) -> dict[str, File | None]:
        """What may be there after a power cut: files and folders by name. `names` decides on names, else `keep`."""
        entries = {n: dict(t.names) for n, t in enumerate(self.things) if isinstance(t, Folder)}
        for change in self.pending:
            if (names or keep)():
                _change(entries, change)
        left: dict[str, File | None] = {}

        def walk(number: int, path: str) -> None:
            for name, child in sorted(entries[number].items()):
                thing = self.things[child]
                left[f"{path}{name}"] = None if isinstance(thing, Folder) else thing.after(keep)
                if isinstance(thing, Folder):
                    walk(child, f"{path}{name}/")

        walk(0, "")
        return left

    def _open_call(self, call: Call) -> None:
        number = self._find(call.path)
        if number is None:
            number = self._add(File())
            self._name(call.path, number)
        thing = self.things[number]
        self.open.pop(call.fd, None)
        if isinstance(thing, File):
            if call.empties and thing.end:
                self._truncate(number, 0)
            self.open[call.fd] = (number, 0, call.appends)

    def _seek_call(self, call: Call) -> None:
        if call.fd in self.open:
            number, _, appends = self.open[call.fd]
            self.open[call.fd] = (number, call.offset or 0, appends)

    def _write_call(self, call: Call) -> None:
        number, position, appends = self.open[call.fd]
        file = self.things[number]
        assert isinstance(file, File)
        offset = call.offset if call.offset is not None else file.end if appends else position
        self._write(number, offset, call.data)
        if call.offset is None:
            self.open[call.fd] = (number, offset + len(call.data), appends)

    def _copy_call(self, call: Call) -> None:
        number = self._find(call.target)
        source = None if number is None else self.things[number]
        if not isinstance(source, File) or call.offset is None:
            raise NotImplementedError(f"a copy of {call.target}, which is not below {self.home}")
        whole, end = source.after(lambda: True), call.offset + call.size
        sectors = (whole.sectors.get(n, bytes(SECTOR)) for n in range(end // SECTOR + 1))
        self._write_call(replace(call, data=b"".join(sectors)[call.offset : end], offset=None))

    def _truncate_call(self, call: Call) -> None:
        number = self.open[call.fd][0] if call.fd in self.open else self._find(call.path)
        assert number is not None
        self._truncate(number, call.size)

    def _map_call(self, call: Call) -> None:
        number, last = self._find(call.path), self.last.get(self._final_name(call.path))
        if number is not None and last is not None:
            self.mapped.add(number)
            for at, sector in last.sectors.items():
                self._write(number, at * SECTOR, sector[: last.size - at * SECTOR])

    def _sync_call(self, call: Call) -> None:
        number = self.open[call.fd][0] if call.fd in self.open else self._find(call.path)
        if number is None or self._is_folder(number):
            number = self._find(call.path)
        if number is None:
            return
        if self._is_folder(number):
            entries = {n: t.names for n, t in enumerate(self.things) if isinstance(t, Folder)}
            for change in [c for c in self.pending if number in {folder for folder, _, _ in c}]:
                _change(entries, change)
                self.pending.remove(change)
        else:
            file, last = self.things[number], self.last.get(self._final_name(call.path))
            assert isinstance(file, File)
            for edit in file.edits:
                file.apply(edit)
            file.edits = []
            if number in self.mapped and last is not None:
                file.sectors, file.size, file.end = dict(last.sectors), last.size, last.size

    def _mkdir_call(self, call: Call) -> None:
        self._name(call.path, self._add(Folder()))

    def _unlink_call(self, call: Call) -> None:
        self._name(call.path, None)

    def _rename_call(self, call: Call) -> None:
        number = self._find(call.path)
        self._change(((*self._place(call.path), None), (*self._place(call.target), number)))

    def _final_name(self, path: str) -> str:
        """Where a file of a folder that is being made will be."""
        return os.path.relpath(path, self.home).replace(".new/", "/")

    def _is_folder(self, number: int) -> bool:
        return isinstance(self.things[number], Folder)

    def _add(self, thing: File | Folder) -> int:
        self.things.append(thing)
        return len(self.things) - 1

    def _write(self, number: int, offset: int, data: bytes) -> None:
        file = self.things[number]
        assert isinstance(file, File)
        if offset + len(data) > file.end:
            self._truncate(number, offset + len(data))
        file.edits.append((offset, data))

    def _truncate(self, number: int, size: int) -> None:
        file = self.things[number]
        assert isinstance(file, File)
        file.edits.append((size, None))
        file.end = size

    def _name(self, path: str, number: int | None) -> None:
        self._change(((*self._place(path), number),))

    def _change(self, change: Change) -> None:
        entries = {n: t.now for n, t in enumerate(self.things) if isinstance(t, Folder)}
        _change(entries, change)
        self.pending.append(change)

    def _find(self, path: str) -> int | None:
        number = 0
        for part in self._parts(path):
            thing = self.things[number]
            if not isinstance(thing, Folder) or part not in thing.now:
                return None
            number = thing.now[part]
        return number

    def _place(self, path: str) -> tuple[int, str]:
        parts = self._parts(path)
        number = self._find("/".join(parts[:-1]))
        assert number is not None, path
        return number, parts[-1]

    def _parts(self, path: str) -> list[str]:
        relative = os.path.relpath(path, self.home) if os.path.isabs(path) else path
        return [part for part in relative.split("/") if part not in ("", ".")]


def _change(entries: Mapping[int, dict[str, int]], change: Change) -> None:
    for folder, name, number in change:
        if number is None:
            entries[folder].pop(name, None)
        else:
            entries[folder][name] = number


def look(home: Path) -> dict[str, File | None]:
    """Every file below a folder, every folder with None, by name."""
    found: dict[str, File | None] = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        found[name] = None
        if not path.is_dir():
            file = found[name] = File(size=path.stat().st_size, end=path.stat().st_size)
            with open(path, "rb") as reader:
                for at, block in checksums.blocks(reader.fileno(), file.size):
                    file.apply((at, block))
    return found


def lay_out(left: Mapping[str, File | None], home: Path) -> None:
    """Write files and folders below an existing folder, with their holes."""
    for name, file in left.items():
        if file is None:
            (home / name).mkdir()
            continue
        with open(home / name, "wb") as writer:
            for number, sector in sorted(file.sectors.items()):
                writer.seek(number * SECTOR)
                writer.write(sector)
            writer.truncate(file.size)


def digest(left: Mapping[str, File | None]) -> bytes:
    """Equal for what is equal."""
    total = hashlib.sha256()
    for name, file in left.items():
        total.update(f"{name}:{file.size}:{sorted(file.sectors)}\n".encode() if file else f"{name}/\n".encode())
        total.update(b"".join(sector for _, sector in sorted(file.sectors.items())) if file else b"")
    return total.digest()


def coin(rng: random.Random, share: float) -> Keep:
    """Keeps this share."""
    return lambda: rng.random() < share
