"""Asks one site for pages, slowly, and keeps what it got: a page that did not change is not sent twice.

Addresses of other hosts are not asked, also where a page of the site leads there.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from rag_connectors.staging import FetchError
from rag_connectors.text import decode
from rag_connectors.web_links import normal

AGENT = "raghop"
_REDIRECTS = 5
_RETRY = frozenset([429, 502, 503, 504])
_LONGEST_WAIT = 30.0  # seconds, whatever a site asks for
_SUFFIXES = {
    "text/html": ".html", "application/xhtml+xml": ".xhtml", "application/pdf": ".pdf", "text/plain": ".txt",
    "text/markdown": ".md", "text/csv": ".csv", "application/json": ".json", "application/xml": ".xml",
    "text/xml": ".xml", "application/rss+xml": ".xml", "application/atom+xml": ".xml", "application/epub+zip": ".epub",
    "application/msword": ".doc", "application/rtf": ".rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Download:
    """What is known of an address: where it led to, what came (in the file `body`), and by what it is asked again."""

    url: str
    body: str = ""
    suffix: str = ""
    sha256: str = ""
    etag: str = ""
    modified: str = ""
    listed: str = ""  # when it changed, by the sitemap
    robots: str = ""  # the header X-Robots-Tag

    @property
    def data(self) -> bytes:
        return Path(self.body).read_bytes()


class Gone(FetchError):
    """There is nothing at this address (any more)."""


class Client:
    """One site's. Raises FetchError with what went wrong, Gone for 404 and 410."""

    def __init__(self, root: str, folder: Path, *, per_second: float, timeout: float, limit: int, token: str) -> None:
        self._host = urlsplit(root).netloc
        self._folder = folder / hashlib.sha256(root.encode()).hexdigest()[:32]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._index = self._folder / "pages.json"
        self.pause = 1 / per_second
        self._last = 0.0
        self._limit = limit
        headers = {"User-Agent": AGENT, "Accept": "text/html, application/xhtml+xml, */*;q=0.5"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)
        self.known: dict[str, Download] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            self.known = {url: Download(**facts) for url, facts in json.loads(self._index.read_text()).items()}

    def close(self) -> None:
        """Keep what is known for the next time."""
        self._http.close()
        new = self._index.with_suffix(".new")
        new.write_text(json.dumps({url: asdict(answer) for url, answer in self.known.items()}))
        os.replace(new, self._index)

    def get(self, url: str, *, listed: str = "") -> Download:
        """The page at an address, which is not asked for where a sitemap says that it did not change."""
        before = self.known.get(url)
        if before and not os.path.exists(before.body):
            before = None
        if before and listed and before.listed == listed:
            return before
        asked = {}
        if before and before.etag:
            asked["If-None-Match"] = before.etag
        if before and before.modified:
            asked["If-Modified-Since"] = before.modified
        try:
            answer = self._ask(url, asked, before, listed)
        except Gone:
            self.forget(url)
            raise
        self.known[url] = answer
        return answer

    def text(self, url: str) -> str:
        """A small file of the site itself, such as robots.txt; unpacked where it is gzip."""
        response, data = self._follow(url, {})[1:]
        if response.status_code != 200:
            raise _error(url, response)
        if data.startswith(b"\x1f\x8b"):
            with suppress(zlib.error):
                data = zlib.decompressobj(wbits=31).decompress(data, self._limit)
        return data.decode("utf-8", "replace")

    def forget(self, url: str) -> None:
        """What is known of an address."""
        if before := self.known.pop(url, None):
            Path(before.body).unlink(missing_ok=True)

    def _ask(self, url: str, asked: Mapping[str, str], before: Download | None, listed: str) -> Download:
        final, response, data = self._follow(url, asked)
        if response.status_code == 304 and before:
            return Download(**{**asdict(before), "listed": listed})
        if response.status_code != 200:
            raise _error(url, response)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        charset = response.charset_encoding or ""
        if charset and kind.startswith("text/"):
            data = decode(data, declared=charset)[0].encode()
        suffix = _SUFFIXES.get(kind, os.path.splitext(urlsplit(final).path)[1][:12])
        body = self._folder / hashlib.sha256(url.encode()).hexdigest()
        new = body.with_suffix(".new")
        new.write_bytes(data)
        os.replace(new, body)
        headers = response.headers
        return Download(
            final, str(body), suffix, hashlib.sha256(data).hexdigest(), headers.get("etag", ""),
            headers.get("last-modified", ""), listed, headers.get("x-robots-tag", "").lower(),
        )  # fmt: skip

    def _follow(self, url: str, asked: Mapping[str, str]) -> tuple[str, httpx.Response, bytes]:
        for _ in range(_REDIRECTS + 1):
            response, data = self._send(url, asked)
            if not response.has_redirect_location:
                return url, response, data
            url = normal(urljoin(url, response.headers["location"]))
            if urlsplit(url).netloc != self._host:
                raise Gone(f"it leads to another site ({url or 'no address'})")
        raise FetchError("it leads from one address to the next without an end")

    def _send(self, url: str, asked: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
        for attempt in (1, 2):
            time.sleep(max(0.0, self._last + self.pause - time.monotonic()))
            self._last = time.monotonic()
            try:
                with self._http.stream("GET", url, headers=dict(asked)) as response:
                    data = b"".join(self._pieces(response))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise FetchError(f"it does not answer: {type(error).__name__} {error}".rstrip()) from error
            if response.status_code not in _RETRY or attempt == 2:
                break
            wait = response.headers.get("retry-after", "1")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, _LONGEST_WAIT))
        return response, data

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        size = 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self._limit:
                raise FetchError(f"too large: more than {self._limit >> 20} MB (connector.max_mb)")
            yield piece


def _error(url: str, response: httpx.Response) -> FetchError:
    words = f"the site answers {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code in (404, 410):
        return Gone(words)
    hint = "; name the variable with a token (connector.token_env)" if response.status_code in (401, 403) else ""
    return FetchError(words + hint)
