"""The page: its files, and the headers under which a browser runs nothing but them."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from rag.serve.doors import Door
from rag.serve.replies import Refusal

FOLDER = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


async def page(request: Request) -> Response:
    """A file of the page by its name; the page itself where none is named."""
    name = request.path_params.get("name", "index.html")
    path = FOLDER / name
    if path.parent != FOLDER or path.suffix not in TYPES or not path.is_file():
        raise Refusal(404, "The page has no such file.")
    return FileResponse(path, media_type=TYPES[path.suffix], headers=HEADERS)


DOORS = (
    Door("GET", "/", page, "The page.", role=None),
    Door("GET", "/page/{name}", page, "The files of the page.", role=None),
)
