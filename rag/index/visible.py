"""What a reader may see of an index: its documents within a filter, their sources, and how many there are.

Every door to an index reads documents by these functions, with the filter that its reader must stay within. What the
filter leaves out is as if it were not there: no name, no count, no error and no row that is read says otherwise. An
unknown id and a hidden one take the same way. `None` leaves nothing out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.errors import InputError
from rag.index.manifest import Manifest, SourceRow
from rag.index.tables import map_errors
from rag.text.access import EVERYONE, FIELD, groups_of
from rag.text.ranges import in_range
from rag.text.values import from_json
from rag.types import Chunk, Document, Filter, Value, Values

META = "meta."
DOCUMENT_FIELDS = ("doc_id", "source", "title", FIELD)  # that a filter of documents may name, besides META


def within_groups(groups: Iterable[str] | None) -> Filter | None:
    """What the members of these groups may see; None: all of it."""
    return None if groups is None else Filter(any_of={FIELD: (EVERYONE, *sorted(set(groups) - {EVERYONE}))})


def passes(filter: Filter | None, id: str, source: str, title: str, meta: Mapping[str, Values]) -> bool:
    """Whether a document is in the filter: what a store does for chunks. Raises InputError for a field of chunks."""
    if filter is None:
        return True
    own: dict[str, tuple[Value, ...]] = {"doc_id": (id,), "source": (source,), "title": (title,)}
    own[FIELD] = groups_of(meta)
    for name, value in meta.items():
        field = f"{META}{name.casefold()}"
        own[field] = own.get(field, ()) + (value if isinstance(value, tuple) else (value,))

    for field in (*filter.any_of, *filter.none_of, *filter.ranges):
        if field not in own and not field.startswith(META):
            raise InputError(
                f"filter: documents have no field {field!r}. Known: {', '.join(DOCUMENT_FIELDS)}, meta.NAME."
            )

    def held(field: str) -> tuple[Value, ...]:
        return own.get(META + field.removeprefix(META).casefold() if field.startswith(META) else field, ())

    def holds(field: str, values: Sequence[Value]) -> bool:
        return bool({(_kind(one), one) for one in held(field)} & {(_kind(one), one) for one in values})

    return (
        all(holds(field, values) for field, values in filter.any_of.items())
        and not any(holds(field, values) for field, values in filter.none_of.items())
        and all(any(in_range(one, range) for one in held(field)) for field, range in filter.ranges.items())
        and passes(filter.within, id, source, title, meta)
    )


def _kind(value: Value) -> str:
    """Numbers are alike, whole or not."""
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


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


def select(manifest: Manifest, within: Filter | None) -> str:
    """A condition on rows of `documents` in SQL: those in the filter.

    Its truth is computed by SQLite before any text is read.
    """
    if within is None:
        return "TRUE"

    def check(id: str, source: str, title: str, meta: str) -> bool:
        return passes(within, id, source, title, _fields(meta))

    passes(within, "", "", "", {})  # what SQLite makes of an error says nothing
    manifest.db.create_function("in_filter", 4, check, deterministic=True)
    return "in_filter(documents.id, documents.source, documents.title, documents.meta)"


def list_documents(manifest: Manifest, within: Filter | None, *, after: str = "", limit: int = -1) -> list[DocumentRow]:
    """The next documents by source and id, at most `limit`; `after` is the id of the last one that was given.

    An id of no document in the filter begins anew. Raises CorruptError.
    """
    condition, sources = select(manifest, within), list_sources(manifest, within)
    with map_errors(manifest.path):
        last = manifest.db.execute(f"SELECT source, id FROM documents WHERE id = ? AND {condition}", [after]).fetchone()
        rows = manifest.db.execute(
            "SELECT id, source, title, length(text), (SELECT count(*) FROM chunks WHERE doc_id = documents.id), meta "
            f"FROM documents WHERE (source, id) > (?, ?) AND {condition} ORDER BY source, id LIMIT ?",
            [*(last or ("", "")), limit],
        )
        return [
            DocumentRow(
                id, source, title, length, chunks, sources[source].status, sources[source].reason, _fields(meta)
            )
            for id, source, title, length, chunks, meta in rows.fetchall()
        ]


def find_document(manifest: Manifest, id: str, within: Filter | None) -> Document | None:
    """The document with this id; None for one that is not there or not in the filter. Raises CorruptError."""
    with map_errors(manifest.path):
        row = manifest.db.execute("SELECT id, source, title, meta FROM documents WHERE id = ?", [id]).fetchone()
        return manifest.select_documents("id = ?", [id])[0] if _in_filter(within, row) else None


def find_chunks(manifest: Manifest, ids: Sequence[str], within: Filter | None) -> list[Chunk]:
    """The chunks with these ids, in their order, whose documents are in the filter. Raises CorruptError."""
    with map_errors(manifest.path):
        rows = manifest.db.execute(
            "SELECT chunks.id, documents.id, source, title, meta FROM chunks JOIN documents ON documents.id = doc_id "
            "WHERE chunks.id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(ids))],
        )
        found = {id: row for id, *row in rows}
        seen = [id for id in ids if _in_filter(within, found.get(id))]
    return manifest.chunks(seen)[0]


def _fields(meta: str) -> dict[str, Values]:
    return from_json(json.loads(meta))


def _in_filter(within: Filter | None, row: Sequence[str] | None) -> bool:
    """Whether there is such a document in the filter. One that is not there takes as long as one that is hidden."""
    id, source, title, meta = row or ("", "", "", '{"access": []}')
    return passes(within, id, source, title, _fields(meta)) and row is not None


def list_sources(manifest: Manifest, within: Filter | None) -> dict[str, SourceRow]:
    """The sources with a document in the filter, by name; numbers are of these documents. Raises CorruptError.

    A status and its reason may speak of any of a source's documents: where one is hidden, only "ok" is said. A source
    without documents has no fields to tell who may see it, and is there only where no filter is.
    """
    rows = manifest.sources()
    if within is None:
        return rows
    found: dict[str, SourceRow] = {}
    for name, documents, chunks in _count_by_source(manifest, within):
        row = rows[name]
        if documents < row.documents:
            row = replace(row, status="ok", reason="", stamp=(), sha256="", parser="")
        found[name] = replace(row, documents=documents, chunks=chunks)
    return found


def is_whole(manifest: Manifest, source: str, within: Filter | None) -> bool:
    """Whether all that was read from a source is in the filter: then its file may be shown. Raises CorruptError."""
    row = list_sources(manifest, within).get(source)
    return within is None or bool(row and row.sha256 and row.status in ("ok", "degraded"))


def count_documents(manifest: Manifest, within: Filter | None) -> dict[str, int]:
    """Numbers of sources, documents and chunks in the filter. Raises CorruptError."""
    if within is None:
        return {name: n for name, n in manifest.counts().items() if name != "vectors"}
    rows = list(_count_by_source(manifest, within))
    return {"sources": len(rows), "documents": sum(row[1] for row in rows), "chunks": sum(row[2] for row in rows)}


def _count_by_source(manifest: Manifest, within: Filter) -> Iterator[tuple[Any, ...]]:
    """Name, documents and chunks of each source in the filter."""
    condition = select(manifest, within)
    with map_errors(manifest.path):
        yield from manifest.db.execute(
            "SELECT source, count(*), sum((SELECT count(*) FROM chunks WHERE doc_id = documents.id)) FROM documents "
            f"WHERE {condition} GROUP BY source ORDER BY source"
        ).fetchall()
