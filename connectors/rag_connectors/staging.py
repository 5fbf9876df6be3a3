"""Brings what is no file of this machine to the parsers: a temporary file for each source, one by one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.types import Document, Loaded, Source, Values


class FetchError(Exception):
    """Why a source could not be fetched, in words for its owner."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source's bytes, the file name that says what they are, and fields for its documents."""

    data: bytes
    name: str
    meta: Mapping[str, Values] = field(default_factory=dict)


def load_fetched(
    load: Callable[[Iterable[Source]], Iterator[Loaded]],
    sources: Iterable[Source],
    fetch: Callable[[Source], Fetched],
) -> Iterator[Loaded]:
    """`load` the files connector's way what `fetch` gives; fields of the source go before those of its parser."""
    waiting: deque[tuple[Source, Fetched, Path]] = deque()
    with TemporaryDirectory(prefix="rag-") as folder:

        def staged() -> Iterator[Source]:
            for number, source in enumerate(sources):
                place = Path(os.path.realpath(folder), str(number))
                reason, fetched = source.reason, Fetched(b"", source.name)
                try:
                    fetched = fetched if reason else fetch(source)
                    place.write_bytes(fetched.data)
                except (FetchError, OSError) as error:
                    reason = str(error)
                waiting.append((source, fetched, place))
                status = place.stat() if not reason else None
                stamp = (
                    (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino) if status else (0, 0, 0, 0)
                )
                yield Source(fetched.name, str(place), stamp, reason)

        for loaded in load(staged()):
            source, fetched, place = waiting.popleft()
            place.unlink(missing_ok=True)
            documents = tuple(_with_source(document, source, fetched) for document in loaded.documents)
            yield replace(loaded, source=source, documents=documents)


def _with_source(document: Document, source: Source, fetched: Fetched) -> Document:
    meta = {**document.meta, **fetched.meta}
    parent = meta.get("parent")
    if isinstance(parent, str) and parent.startswith(fetched.name):
        meta["parent"] = source.name + parent[len(fetched.name) :]
    return replace(document, source=source.name, meta=meta)


def cache_folder(kind: str) -> Path:
    """Where a connector keeps what it fetched, in the folder that `RAGHOP_CACHE` names, else the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    own = os.environ.get("RAGHOP_CACHE") or (Path(base) if base else Path.home() / ".cache") / "raghop"
    return Path(own) / "connectors" / kind
