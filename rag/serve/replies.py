"""What the server says: errors in one shape, answers with what a client needs to show their sources."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rag import errors
from rag.answer.data import answer_data, hit_data
from rag.errors import RagError
from rag.types import Answer, Hit

STATUS: Mapping[type[RagError], int] = {  # of the others: 500
    errors.ConfigError: 400, errors.InputError: 400, errors.IndexMissing: 404, errors.MismatchError: 409,
    errors.LockedError: 409, errors.GeneratorError: 502, errors.StoreError: 503, errors.BusyError: 503,
    errors.SpaceError: 507, errors.TrustError: 403,
}  # fmt: skip
HTTP_CODES = {
    400: "bad_request", 401: "not_known", 403: "not_allowed", 404: "not_found", 405: "not_allowed_method",
    413: "too_large", 415: "not_understood", 429: "too_many",
}  # fmt: skip

HINTS = {  # of what is refused before any door
    404: "GET /openapi.json lists every address.", 405: "GET /openapi.json says how each address is asked.",
}  # fmt: skip
HIDDEN = "The server cannot do this now; its log says why."  # said of errors that may name what others may not see


class Refusal(HTTPException):
    """A request that cannot be served, in the shape of all errors."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.hint = hint


def error_data(code: str, message: str, hint: str = "") -> dict[str, Any]:
    """The one shape of errors."""
    return {"error": {"code": code, "message": message, "hint": hint}}


def explain(error: Exception, *, full: bool = True) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of what went wrong; unless `full`, of an error inside only what kind it is.

    What is wrong with a request may be said to all. Other errors name files, whoever may see them.
    """
    if isinstance(error, HTTPException):
        code = HTTP_CODES.get(error.status_code, "error")
        body = error_data(code, error.detail, getattr(error, "hint", HINTS.get(error.status_code, "")))
        return error.status_code, body, dict(error.headers or {})
    if not isinstance(error, RagError):
        return 500, error_data("internal_error", "Something went wrong in the server; its log says what."), {}
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    message, stop, hint = str(error).partition(". ")
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, errors.BusyError) else {}
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if not full and not isinstance(error, errors.InputError | errors.BusyError):
        message, stop, hint = HIDDEN, "", ""
    return status, error_data(code, message + stop.strip(), hint), headers


async def reply_error(request: Request, error: Exception) -> Response:
    """The handler of every exception."""
    principal = getattr(request.state, "principal", None)
    status, body, headers = explain(error, full=principal is None or principal.within is None)
    return JSONResponse(body, status, headers)


async def refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Reply to a request that reaches no door."""
    status, body, headers = explain(error, full=False)
    await JSONResponse(body, status, headers)(scope, receive, send)


def document_url(base: str, index: str, id: str, **query: Any) -> str:
    """Where the server shows a document."""
    return f"{base}/v1/documents/{quote(id, safe='')}?{urlencode({'index': index, **query})}"


def answer_reply(answer: Answer, seconds: float, *, base: str, index: str) -> dict[str, Any]:
    """An answer as `rag ask --json` gives it, with a URL for each citation and passage.

    `url` is where this server shows it; the document's own is `origin`.
    """
    data = answer_data(answer, seconds)
    for citation in data["citations"]:
        place = {"start": citation["start"], "end": citation["end"]}
        citation["origin"] = citation["url"]
        citation["url"] = document_url(base, index, citation["document"], **place)
    _add_urls(data["hits"], base, index)
    return {**data, "trace": list(answer.trace)}


def hits_reply(hits: list[Hit], question: str, *, base: str, index: str) -> dict[str, Any]:
    """Passages as `rag search --json` gives them, each with a URL."""
    data = {"hits": [hit_data(hit, question) for hit in hits]}
    _add_urls(data["hits"], base, index)
    return data


def _add_urls(hits: list[dict[str, Any]], base: str, index: str) -> None:
    for hit in hits:
        hit["origin"] = hit["url"]
        hit["url"] = document_url(base, index, hit["document"], start=hit["start"], end=hit["end"])
