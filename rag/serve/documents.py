"""Documents over HTTP: which there are, their text, the original files."""

import asyncio
import hashlib
import mimetypes
import os
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from rag.index.folder import Index
from rag.index.visible import DocumentRow, find_document, is_whole, list_documents, list_sources
from rag.ingest.sources import is_inside, path_of
from rag.serve.doors import Door
from rag.serve.replies import Refusal, document_url
from rag.serve.rest import base_of, pools_of
from rag.serve.visible import read_index
from rag.types import Document, Filter

PAGE = 100  # documents of a list, unless the request says otherwise
MOST = 1000
GONE = "The original file is not there any more."


def row_data(row: DocumentRow, *, base: str, index: str) -> dict[str, Any]:
    """A document of a list."""
    names = ("id", "source", "title", "length", "chunks", "status", "reason")
    return {**{name: getattr(row, name) for name in names}, "url": document_url(base, index, row.id)}


async def documents(request: Request) -> Response:
    """A page of the list; `next` is what `after` must be for the one behind it."""
    name, index = pools_of(request).index(request.query_params.get("index"))
    after, within = request.query_params.get("after", ""), request.state.principal.within
    limit = request.query_params.get("limit", str(PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
        raise Refusal(400, f"limit: {limit[:20]!r} is no number from 1 to {MOST}.")
    rows = await read_index(index, lambda m: list_documents(m, within, after=after, limit=int(limit) + 1))
    shown = rows[: int(limit)]
    return JSONResponse(
        {
            "documents": [row_data(row, base=base_of(request), index=name) for row in shown],
            "next": shown[-1].id if len(rows) > len(shown) else None,
        }
    )


async def unread(request: Request) -> Response:
    """The files without a document, and why. Who may see these depends on no document: only who may see all is told."""
    _, index = pools_of(request).index(request.query_params.get("index"))
    rows = await read_index(index, lambda manifest: list_sources(manifest, request.state.principal.within).values())
    names = ("source", "status", "reason")
    return JSONResponse(
        {"files": [dict(zip(names, (r.name, r.status, r.reason), strict=True)) for r in rows if not r.documents]}
    )


async def find(request: Request) -> tuple[str, Index, Document]:
    """The document that a request names, and its index. Raises Refusal, whether it is hidden or not there."""
    name, index = pools_of(request).index(request.query_params.get("index"))
    id, within = request.path_params["id"], request.state.principal.within
    document = await read_index(index, lambda manifest: find_document(manifest, id, within))
    if document is None:
        raise Refusal(404, "There is no such document.", "GET /v1/documents lists those there are.")
    return name, index, document


async def visit(request: Request) -> Response:
    """The page that opens the document: there one can say who one is."""
    given = {**request.query_params, "document": request.path_params["id"]}
    return RedirectResponse(f"{base_of(request)}/?{urlencode(given)}", 303)


async def document(request: Request) -> Response:
    """The document as data."""
    name, _, found = await find(request)
    return JSONResponse(
        {
            "id": found.id,
            "index": name,
            "source": found.source,
            "title": found.title,
            "length": len(found.text),
            "sections": [{"start": s.start, "end": s.end, "kind": s.kind, "label": s.label} for s in found.sections],
            "meta": dict(found.meta),
            "url": document_url(base_of(request), name, found.id),
        }
    )


async def text(request: Request) -> Response:
    _, _, found = await find(request)
    return PlainTextResponse(found.text.encode("utf-8", "replace"), headers={"X-Content-Type-Options": "nosniff"})


async def file(request: Request) -> Response:
    """The file itself, never shown by a browser but saved."""
    if not pools_of(request).settings.originals:
        raise Refusal(403, "This server gives out no original files.")
    _, index, found = await find(request)
    path, digest = await asyncio.to_thread(original, index, found, within := request.state.principal.within)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    if within is None:
        return FileResponse(path, media_type=kind, filename=path.name, headers=headers)
    data = await asyncio.to_thread(path.read_bytes)
    if hashlib.sha256(data).hexdigest() != digest:  # it may now say that it is for others
        raise Refusal(404, GONE, "Its text is: GET /v1/documents/ID/text.")
    headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(path.name, safe='')}"
    return Response(data, media_type=kind, headers=headers)


def original(index: Index, document: Document, within: Filter | None) -> tuple[Path, str]:
    """The file that a document is from, and the SHA-256 of what was indexed.

    Raises Refusal where it is gone, a link out of what was indexed, or holds other documents that `within` hides.
    """
    place = os.path.realpath(path_of(document.source, str(index.base)))
    with closing(index.read_manifest()) as manifest:
        roots = [os.path.realpath(path_of(root, str(index.base))) for root in manifest.roots()]
        whole = is_whole(manifest, document.source, within)
        if within is not None and any(section.kind == "record" for section in document.sections):
            whole = False  # one of many: whether all of them may be seen would say that there are others
        digest = manifest.sources()[document.source].sha256
    if not whole or not any(is_inside(place, root) for root in roots) or not os.path.isfile(place):
        raise Refusal(404, GONE, "Its text is: GET /v1/documents/ID/text.")
    return Path(place), digest


DOORS = (
    Door("GET", "/v1/unread", unread, "The files without a document, and why; ?index=."),
    Door("GET", "/v1/documents", documents, "The documents; ?index=, ?after=ID, ?limit=."),
    Door("GET", "/v1/documents/{id:path}/text", text, "The text of a document."),
    Door("GET", "/v1/documents/{id:path}/file", file, "The original file of a document."),
    Door("GET", "/v1/documents/{id:path}", document, "A document without its text.", visit=visit),
)
