"""The documents that a user may see: one function for each thing that is read of them, narrowed by `within`."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from rag.errors import InputError
from rag.index.fields import META
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.tables import map_errors
from rag.store.payload import word
from rag.text.values import from_json
from rag.types import Document, Filter, Value, Values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document without its text; `length` counts its characters, `status` and `reason` are its source's."""

    id: str
    source: str
    title: str
    length: int
    chunks: int
    status: str
    reason: str
    meta: Mapping[str, Values]


def lets_through(filter: Filter | None, document: Document | DocumentRow) -> bool:
    """Whether chunks of the document may be found, as the stores see it. Raises InputError for a field of chunks."""
    if filter is None:
        return True
    return (
        all(_holds(document, field, values) for field, values in filter.any_of.items())
        and not any(_holds(document, field, values) for field, values in filter.none_of.items())
        and lets_through(filter.within, document)
    )


def _holds(document: Document | DocumentRow, field: str, values: tuple[Value, ...]) -> bool:
    own = {"doc_id": document.id, "source": document.source, "title": document.title}
    if field in own:
        return own[field] in [value for value in values if isinstance(value, str)]
    if not field.startswith(META):
        raise InputError(f"filter: documents have no field {field!r}.")
    name = field.removeprefix(META)
    has = {
        word(key, one)
        for key, value in document.meta.items()
        for one in (value if isinstance(value, tuple) else (value,))
    }
    return not has.isdisjoint(word(name, value) for value in values)


async def read_index(index: Index, work: Callable[[Manifest], T]) -> T:
    """What a function of the manifest gives, in a thread. Raises IndexMissing, CorruptError."""

    def run() -> T:
        with closing(index.read_manifest()) as manifest:
            return work(manifest)

    return await asyncio.to_thread(run)


def find_document(manifest: Manifest, id: str, within: Filter | None) -> Document | None:
    """The document of this id where `within` lets it through. Raises CorruptError."""
    found = manifest.document(id)
    return found if found and lets_through(within, found) else None


def count_documents(manifest: Manifest, within: Filter | None) -> dict[str, int]:
    """Numbers of sources, documents and chunks. Raises CorruptError."""
    if within is None:
        return {name: n for name, n in manifest.counts().items() if name != "vectors"}
    rows = list(list_documents(manifest, within))
    return {
        "sources": len({row.source for row in rows}),
        "documents": len(rows),
        "chunks": sum(row.chunks for row in rows),
    }


_LIST = """
SELECT d.id, d.source, d.title, length(d.text), (SELECT count(*) FROM chunks c WHERE c.doc_id = d.id),
    s.status, s.reason, d.meta
FROM documents d JOIN sources s ON s.name = d.source WHERE (d.source, d.id) > (?, ?) ORDER BY d.source, d.id
"""


def list_documents(manifest: Manifest, within: Filter | None, *, after: str = "") -> Iterator[DocumentRow]:
    """Documents by source and id, those behind the document of the id `after`. Raises CorruptError."""
    with map_errors(manifest.path):
        start: Any = manifest.db.execute("SELECT source, id FROM documents WHERE id = ?", [after]).fetchone()
        for cells in manifest.db.execute(_LIST, start or ("", "")):
            row = DocumentRow(*(*cells[:-1], from_json(json.loads(cells[-1]))))
            if lets_through(within, row):
                yield row
