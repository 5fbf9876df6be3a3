"""The `fsspec` connector: files in S3, GCS, Azure, SFTP, WebDAV, archives and all else that fsspec opens.

A root is an address such as `s3://bucket/folder`. Each protocol takes its secrets as its library does: from its own
environment variables and files, or from `FSSPEC_SFTP_PASSWORD` and the like; never from the pipeline or the address. A
file is fetched where its size, date or checksum changed; where a listing says neither date nor checksum, the file
itself is asked for them, and else read at each scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from rag.errors import InputError, extra
from rag.stages import component
from rag.text.names import is_address
from rag.types import Source, Values
from rag_connectors.elsewhere import Direct
from rag_connectors.staging import Fetched, FetchError, digest, is_hidden, refuse_password

_DATES = ("LastModified", "mtime", "last_modified", "Last-Modified", "modified", "updated", "created", "date_time")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "sha", "checksum", "crc", "CRC")


@component
class Fsspec(Direct):
    """Files at an address that fsspec opens. `gitignore` has no meaning here.

    Example: `connector: {use: fsspec, include: ["*.pdf"]}`
    and `rag ingest s3://bucket/folder --pipeline mine.yaml`.
    """

    anonymous: Annotated[bool, Field(description="Ask S3, GCS or Azure without a name, for public data.")] = False

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every file under the root. Raises InputError for what is not there or cannot be opened."""
        system, top = self._open(root)
        try:
            system.invalidate_cache()  # else a process that lives long would see its first listing for ever
            files: Mapping[str, Mapping[str, Any]] = system.find(top, detail=True)
            found = [*files.items()] if files or system.exists(top) else None
        except Exception as error:  # each protocol raises its own
            raise InputError(f"{root}: cannot be listed ({_words(error)}). {_ADVICE}") from error
        if found is None:
            raise InputError(f"{root}: nothing is there. Name a file or folder that is.")
        for path, facts in found:
            inside = path.removeprefix(top).strip("/")
            if is_hidden(inside) or not (self._takes(inside) if inside else True):
                continue
            name = f"{root.rstrip('/')}/{inside}" if inside else root.rstrip("/")
            try:
                yield Source(name, f"{root}\n{path}", self._stamp(system, path, facts))
            except Exception as error:
                yield Source(name, name, (0, 0, 0, 0), f"cannot be looked at: {_words(error)}")

    def _fetch(self, source: Source) -> Fetched:
        root, mark, path = source.path.partition("\n")
        if not mark:
            raise FetchError(f"{source.path}: not the address of a file")
        try:
            system, _ = self._open(root)
            data = self._read(system, path, source.stamp[0])
            facts = system.info(path) if source.stamp[1] else {}
        except (FetchError, InputError) as error:
            raise FetchError(str(error)) from error
        except Exception as error:  # each protocol raises its own
            raise FetchError(f"cannot be read: {_words(error)}. {_ADVICE}") from error
        meta: dict[str, Values] = {"url": source.name}
        if isinstance(date := _date(facts), datetime):
            meta["date"] = date.isoformat()
        return Fetched(data, source.name, meta)

    def _read(self, system: Any, path: str, size: int = 0) -> bytes:
        """A file's bytes, one more than are allowed at most. Raises FetchError for a larger one."""
        limit = self.max_mb << 20
        if size <= limit:
            with system.open(path, "rb") as file:
                data: bytes = file.read(limit + 1)
            size = len(data)
        if size > limit:
            raise FetchError(f"too large: {size / (1 << 20):.1f} MB, the limit is {self.max_mb} MB (connector.max_mb)")
        return data

    def _stamp(self, system: Any, path: str, facts: Mapping[str, Any]) -> tuple[int, int, int, int]:
        """Size, date, checksum; where a listing says none but the size, of what the file itself says or holds."""
        if not _date(facts) and not _tag(facts):
            facts = {**facts, **system.info(path)}
        date, tag, size = _date(facts), _tag(facts), int(facts.get("size") or 0)
        if not date and not tag:
            data = self._read(system, path, size)
            return len(data), 0, digest(data.hex()), 0
        ticks = date.timestamp() if isinstance(date, datetime) else date
        when = int(ticks * 10**6) if isinstance(ticks, int | float) else digest(str(ticks))
        return size, when, digest(tag) if tag else 0, 0

    def _open(self, root: str) -> tuple[Any, str]:
        """The file system of a root, and the path there."""
        if not is_address(root):
            raise InputError(
                f"{root}: not an address. Name one such as s3://bucket/folder, or `use: files` for a folder."
            )
        protocol = root.partition("://")[0]
        refuse_password(root, f"the environment variable FSSPEC_{protocol.upper()}_PASSWORD may hold it")
        with extra("fsspec", "connector: fsspec"):
            import fsspec
        try:
            system, path = fsspec.core.url_to_fs(root.rstrip("/"), **({"anon": True} if self.anonymous else {}))
        except ImportError as error:
            raise InputError(f"{root}: {error}. Install the library that fsspec names for it.") from error
        except Exception as error:
            raise InputError(f"{root}: cannot be opened ({_words(error)}). {_ADVICE}") from error
        return system, path


_ADVICE = "See whether the address is right, the server answers, and the keys its library looks for are set."


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".removesuffix(": ")


def _date(facts: Mapping[str, Any]) -> Any:
    return next((facts[name] for name in _DATES if facts.get(name)), 0)


def _tag(facts: Mapping[str, Any]) -> str:
    return next((str(facts[name]) for name in _TAGS if facts.get(name)), "")
