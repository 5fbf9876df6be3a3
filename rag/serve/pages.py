"""The pages of a PDF as pictures, where a quote stands on them, and any document as a tree that a page can show.

A page is drawn by a child process with limits of its own (`rag.serve.render`), from the very bytes that were indexed:
of a file that has changed since, nothing is drawn. What it does not do: draw other formats; they are shown as text.
"""

import asyncio
import hashlib
import json
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing, suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rag.errors import RagError
from rag.index.folder import Index
from rag.serve.documents import find, original
from rag.serve.doors import Door
from rag.serve.render import NO_PAGE, SCAN
from rag.serve.replies import Refusal
from rag.serve.scanned import find_seen, unpack_seen
from rag.serve.views import view_document
from rag.text.letters import Seen
from rag.types import Document, Filter

KEPT = 64 << 20  # bytes of pictures
PATIENCE = 60  # seconds for one page
LARGEST = 256 << 20  # bytes of a file that is drawn
LONGEST = 10_000  # characters of a quote that is looked for on a page
HINT = "The text is: GET /v1/documents/ID/text."


class Pictures:
    """What was drawn last, by what it was asked by; `KEPT` bytes of it. A page is drawn once at a time by `drawing`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self.drawing = asyncio.Semaphore(2)

    def get(self, key: tuple[str, ...]) -> bytes | None:
        """What is kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: tuple[str, ...], picture: bytes) -> None:
        """Keep it, and as much of what was used last as there is room for."""
        self._kept[key] = picture
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT:
            self._kept.popitem(last=False)


def pictures_of(request: Request) -> Pictures:
    """Those of the server."""
    state = request.app.state
    if not hasattr(state, "pictures"):
        state.pictures = Pictures()
    pictures: Pictures = state.pictures
    return pictures


async def render(pictures: Pictures, data: bytes, digest: str, *words: str) -> bytes:
    """What the child says of a file with this digest. Raises Refusal."""
    key = (digest, *words)
    if kept := pictures.get(key):
        return kept
    async with pictures.drawing:
        if kept := pictures.get(key):  # of another request, while this one waited
            return kept
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "rag.serve.render", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            out, _ = await asyncio.wait_for(child.communicate(data), PATIENCE)
        except TimeoutError as error:
            raise Refusal(500, "The page took too long to draw.", HINT) from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode == NO_PAGE:
        raise Refusal(404, "The document has no such page.")
    if child.returncode:
        raise Refusal(415, "This page cannot be drawn.", HINT)
    pictures.put(key, out)
    return out


def read_pdf(index: Index, document: Document, within: Filter | None) -> tuple[bytes, str]:
    """The bytes of the PDF that a document was read from, and their digest.

    Raises Refusal where they are other ones now, or hold what `within` hides.
    """
    path, sha256 = original(index, document, within)
    if path.suffix.lower() != ".pdf" or path.stat().st_size > LARGEST:
        raise Refusal(415, "Only PDF files of up to 256 MB have pages that can be drawn.", HINT)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Refusal(
            409, "The file has changed since it was indexed.", "Run `rag ingest` to bring the index up to date."
        )
    return data, sha256


async def open_pdf(request: Request) -> tuple[Document, bytes, str]:
    """The document of a request with the bytes of its file and their digest."""
    _, index, document = await find(request)
    return document, *await asyncio.to_thread(read_pdf, index, document, request.state.principal.within)


async def picture(request: Request) -> Response:
    """A page as PNG; `scale` is in pixels per point, a 72nd of an inch."""
    scale = _number(request, "scale", 1.5, least=0.1, most=4)
    _, data, digest = await open_pdf(request)
    png = await render(pictures_of(request), data, digest, str(request.path_params["number"]), f"{scale:.2f}")
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(png, media_type="image/png", headers=headers)


async def boxes(request: Request) -> Response:
    """Where text[start:end] stands on a page: `boxes` of left, top, width and height, as fractions of it."""
    _, index, document = await find(request)
    data, digest = await asyncio.to_thread(read_pdf, index, document, request.state.principal.within)
    number = request.path_params["number"]
    start, end = (int(_number(request, name, 0, least=0, most=len(document.text))) for name in ("start", "end"))
    quote, nth = on_page(document, number, start, end)
    scanned = is_scanned(document, number)
    stored = await asyncio.to_thread(stored_letters, index, digest, number) if scanned else []
    # what OCR sees now is kept: the next quote on the page costs no seconds
    sought = SCAN if scanned and not stored else json.dumps([quote[:LONGEST], nth])
    found = json.loads(await render(pictures_of(request), data, digest, str(number), "1", sought))
    if scanned:
        found["boxes"] = await asyncio.to_thread(find_seen, stored or found.pop("seen"), quote[:LONGEST], nth)
    return JSONResponse(found)


def stored_letters(index: Index, digest: str, number: int) -> list[Seen]:
    """What OCR saw on a page when it was indexed; [] where that is not stored, or damaged: then it is read again."""
    with suppress(RagError, ValueError), closing(index.read_manifest()) as manifest:
        packed = manifest.letters(digest, number)
        return unpack_seen(packed) if packed else []
    return []


def on_page(document: Document, number: int, start: int, end: int) -> tuple[str, int]:
    """What of a span stands on a page, and how often the same stands before it there."""
    for section in document.sections:
        if section.kind == "page" and section.label == f"page {number}":
            start, end = max(start, section.start), min(end, section.end)
            quote = document.text[start:end]
            return quote, document.text.count(quote, section.start, start) if quote else 0
    return "", 0


def is_scanned(document: Document, number: int) -> bool:
    """Whether a page was read by OCR."""
    pages = [one for one in document.sections if one.kind == "page" and one.label == f"page {number}"]
    scans = [one for one in document.sections if one.kind == "ocr"]
    return any(page.start <= scan.start < page.end for page in pages for scan in scans)


async def view(request: Request) -> Response:
    """The document as a tree of elements, with text[start:end] marked: see `rag.serve.views`."""
    _, _, document = await find(request)
    size = len(document.text)
    start, end, at = (int(_number(request, name, 0, least=0, most=size)) for name in ("start", "end", "at"))
    return JSONResponse(await asyncio.to_thread(view_document, document, start, end, at=at or start))


def _number(request: Request, name: str, default: float, *, least: float, most: float) -> float:
    """A number of the query string. Raises Refusal."""
    given = request.query_params.get(name, str(default))
    try:
        value = float(given)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise Refusal(400, f"{name}: {given[:20]!r} is no number from {least:g} to {most:g}.")
    return value


DOORS: Sequence[Door] = (
    Door("GET", "/v1/documents/{id:path}/pages/{number:int}.png", picture, "A page of a PDF as a picture; ?scale=."),
    Door("GET", "/v1/documents/{id:path}/pages/{number:int}/boxes", boxes, "Where a span is on it; ?start=&end=."),
    Door("GET", "/v1/documents/{id:path}/view", view, "The document as elements to show; ?start=&end=, ?at=."),
)
