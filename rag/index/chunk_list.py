"""Which chunks an index holds, and one checksum of all of them: what generations, seal and manifest agree on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self
from zlib import crc32


@dataclass(frozen=True, eq=False)
class ChunkList:
    """The checksum of every chunk by id, documents together where it is a manifest's."""

    checksums: Mapping[str, int]

    @cached_property
    def text(self) -> str:
        """Ids and checksums, a line each, by id."""
        return "".join([f"{id} {self.checksums[id]}\n" for id in sorted(self.checksums)])

    @cached_property
    def content(self) -> str:
        """One checksum of them all."""
        return f"{len(self.checksums)}-{crc32(self.text.encode()):08x}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `text`. Raises ValueError for what is no such list."""
        words = text.split()
        return cls(dict(zip(words[::2], map(int, words[1::2]), strict=True)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file of `text`; nothing where there is no such file or it cannot be read."""
        try:
            return cls.parse(path.read_text())
        except (OSError, ValueError):
            return cls({})
