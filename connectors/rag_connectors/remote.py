"""The `fsspec` connector: files in S3, GCS, Azure, SFTP, WebDAV, archives and all else that fsspec opens.

A root is an address such as `s3://bucket/folder`. Each protocol takes its secrets as its library does: from its own
environment variables and files, never from the pipeline. A file is fetched where its size, date or ETag changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from rag.errors import InputError, extra
from rag.stages import component
from rag.text.names import is_address
from rag.types import Loaded, Source
from rag_connectors.files import Files
from rag_connectors.staging import Fetched, FetchError, load_fetched

_DATES = ("LastModified", "mtime", "last_modified", "modified", "updated", "created")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "sha", "checksum", "crc")


@component
class Fsspec(Files):
    """Files at an address that fsspec opens. `gitignore` has no meaning here."""

    anonymous: Annotated[bool, Field(description="Ask S3, GCS or Azure without a name, for public data.")] = False

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every file under the roots, in name order. Raises InputError for what is not there or cannot be opened."""
        include, exclude = self._patterns("include", self.include), self._patterns("exclude", self.exclude)
        found: dict[str, Source] = {}
        for root in roots:
            system, top = self._open(root)
            try:
                files: Mapping[str, Mapping[str, Any]] = system.find(top, detail=True)
            except Exception as error:  # each protocol raises its own
                raise InputError(f"{root}: cannot be listed ({type(error).__name__}: {error}).") from error
            if not files and not system.exists(top):
                raise InputError(f"{root}: nothing is there. Name a file or folder that is.")
            for path, facts in files.items():
                inside = path.removeprefix(top).strip("/")
                hidden = any(part.startswith(".") for part in inside.split("/"))
                wanted = not include.patterns or not inside or include.match_file(inside)
                if wanted and not hidden and not exclude.match_file(inside):
                    name = f"{root.rstrip('/')}/{inside}" if inside else root.rstrip("/")
                    found[name] = Source(name, f"{root}\n{path}", _stamp(facts))
        yield from sorted(found.values(), key=lambda source: source.name)

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order."""
        yield from load_fetched(super().load, sources, self._fetch)

    def _fetch(self, source: Source) -> Fetched:
        root, mark, path = source.path.partition("\n")
        if not mark:
            raise FetchError(f"{source.path}: not the address of a file")
        if source.stamp[0] > self.max_mb << 20:
            raise FetchError(f"too large: {source.stamp[0] / (1 << 20):.1f} MB, the limit is {self.max_mb} MB")
        system, _ = self._open(root)
        try:
            return Fetched(system.cat_file(path), source.name, {"url": source.name})
        except Exception as error:  # each protocol raises its own
            raise FetchError(f"cannot be read: {type(error).__name__}: {error}") from error

    def _open(self, root: str) -> tuple[Any, str]:
        """The file system of a root, and the path there."""
        if not is_address(root):
            raise InputError(
                f"{root}: not an address. Name one such as s3://bucket/folder, or `use: files` for a folder."
            )
        with extra("fsspec", "connector: fsspec"):
            import fsspec
        try:
            system, path = fsspec.core.url_to_fs(root.rstrip("/"), **({"anon": True} if self.anonymous else {}))
        except ImportError as error:
            raise InputError(f"{root}: {error}. Install the library that fsspec names for it.") from error
        except Exception as error:
            raise InputError(f"{root}: cannot be opened ({type(error).__name__}: {error}).") from error
        return system, path


def _stamp(facts: Mapping[str, Any]) -> tuple[int, int, int, int]:
    date = next((facts[name] for name in _DATES if facts.get(name)), 0)
    tag = next((str(facts[name]) for name in _TAGS if facts.get(name)), "")
    ticks = date.timestamp() if isinstance(date, datetime) else date
    when = int(ticks * 10**6) if isinstance(ticks, int | float) else _digest(str(ticks))
    return int(facts.get("size") or 0), when, _digest(tag) if tag else 0, 0


def _digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)
