"""Brings what is no file of this machine to the parsers: a temporary file for each source, one by one."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from rag.errors import ConfigError, InputError
from rag.text.urls import redact
from rag.types import Document, Loaded, Source, Values


class FetchError(Exception):
    """Why a source could not be fetched, in words for its owner; "skipped" where there is nothing to read in it."""

    def __init__(self, reason: str, status: str = "failed") -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source's bytes, the file name that says what they are, and fields for its documents.

    A `title` counts in place of the one in the content, where that is one document.
    """

    data: bytes
    name: str
    meta: Mapping[str, Values] = field(default_factory=dict)
    title: str = ""


def load_fetched(
    load: Callable[[Iterable[Source]], Iterator[Loaded]],
    sources: Iterable[Source],
    fetch: Callable[[Source], Fetched],
) -> Iterator[Loaded]:
    """`load` the files connector's way what `fetch` gives; fields of the source go before those of its parser."""
    waiting: deque[tuple[Source, Fetched, Path, str]] = deque()
    with TemporaryDirectory(prefix="rag-") as folder:

        def staged() -> Iterator[Source]:
            for number, source in enumerate(sources):
                place = Path(os.path.realpath(folder), str(number))
                reason, status, fetched = source.reason, "failed", Fetched(b"", source.name)
                try:
                    fetched = fetched if reason else fetch(source)
                    place.write_bytes(fetched.data)
                except (FetchError, OSError) as error:
                    reason, status = str(error), getattr(error, "status", status)
                waiting.append((source, fetched, place, status if reason else ""))
                facts = place.stat() if not reason else None
                stamp = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino) if facts else (0, 0, 0, 0)
                yield Source(fetched.name, str(place), stamp, reason)

        for loaded in load(staged()):
            source, fetched, place, status = waiting.popleft()
            place.unlink(missing_ok=True)
            documents = tuple(_with_source(document, source, fetched) for document in loaded.documents)
            if fetched.title and len(documents) == 1:
                documents = (replace(documents[0], title=fetched.title),)
            yield replace(loaded, source=source, documents=documents, status=status or loaded.status)


def _with_source(document: Document, source: Source, fetched: Fetched) -> Document:
    meta = {**document.meta, **fetched.meta}
    parent = meta.get("parent")
    if isinstance(parent, str) and parent.startswith(fetched.name):
        meta["parent"] = source.name + parent[len(fetched.name) :]
    return replace(document, source=source.name, meta=meta)


def need_variable(option: str, name: str) -> str:
    """The secret in an environment variable that an option names; "" where it names none. Raises ConfigError."""
    if name and name not in os.environ:
        raise ConfigError(f"connector: {option}: there is no environment variable {name}. Set it, then run this again.")
    return os.environ.get(name, "")


def refuse_password(root: str, advice: str) -> None:
    """Raises InputError for an address with a password in it: an index remembers its roots."""
    try:
        password = urlsplit(root).password
    except ValueError:
        return
    if password is not None:
        raise InputError(f"{redact(root)}: leave the password out of the address, which an index remembers; {advice}.")


def is_hidden(path: str) -> bool:
    """Whether a name in a path begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))


def digest(text: str) -> int:
    """A number for a stamp, which differs where the text does."""
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:15], 16)


def cache_folder(kind: str) -> Path:
    """Where a connector keeps what it fetched, in the folder that `RAGHOP_CACHE` names, else the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    own = os.environ.get("RAGHOP_CACHE") or (Path(base) if base else Path.home() / ".cache") / "raghop"
    return Path(own) / "connectors" / kind
