"""HTTP to one site, politely: never faster than allowed, a pause where the site asks for one, three more tries where it
is busy or cuts the connection, and nothing more once it does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

import httpx

from rag_connectors.staging import FetchError

_BUSY = frozenset([429, 502, 503, 504])
_WAITS = (1.0, 4.0, 16.0)  # seconds before the next try, where the site names none
_LONGEST_WAIT = 30.0  # seconds, whatever a site asks for
_LOST = 3  # pages in a row without an answer: the site is down


class PoliteHttp:
    """GET, no answer of more than `limit` bytes. `pause` are the seconds from one question to the next."""

    def __init__(self, headers: Mapping[str, str], *, per_second: float, timeout: float, limit: int) -> None:
        self.pause = 1 / per_second
        self._limit = limit
        self._last = 0.0
        self._answered = False
        self._lost = 0  # pages in a row without an answer
        self._http = httpx.Client(headers=dict(headers), timeout=timeout, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def send(self, url: str, headers: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
        """The answer with its content, whatever its status. Raises FetchError where there is none."""
        if self._lost >= _LOST:
            raise FetchError("not asked: the site does not answer any more; run the ingest again later")
        waits = list(reversed(_WAITS))
        while True:
            time.sleep(max(0.0, self._last + self.pause - time.monotonic()))
            self._last = time.monotonic()
            try:
                with self._http.stream("GET", url, headers=dict(headers)) as response:
                    data = b"".join(self._pieces(response))
            except (httpx.RequestError, httpx.InvalidURL) as error:
                if not (waits and self._answered and isinstance(error, httpx.TransportError)):
                    self._lost += 1
                    raise FetchError(f"it does not answer: {_words(error)}") from error
                time.sleep(waits.pop())
                continue
            self._answered, self._lost = True, 0
            if response.status_code not in _BUSY or not waits:
                return response, data
            if response.status_code == 429:
                self.pause = min(2 * self.pause, _LONGEST_WAIT)
            time.sleep(min(_named(response.headers.get("retry-after", ""), waits.pop()), _LONGEST_WAIT))

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        size = 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self._limit:
                raise FetchError(f"too large: more than {self._limit >> 20} MB (connector.max_mb)")
            yield piece


def _named(header: str, usual: float) -> float:
    """Seconds that a Retry-After asks for: a number, or a date."""
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return usual


def _words(error: Exception) -> str:
    words = f"{type(error).__name__} {error}".rstrip()
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return f"{words}; if you trust it, let SSL_CERT_FILE name a file with its authority's certificate"
    if isinstance(error, httpx.TimeoutException):
        return f"{words}; it may take longer with connector.patience"
    if isinstance(error, httpx.ConnectError):
        return f"{words}; see whether the address is right and the network there"
    return words
