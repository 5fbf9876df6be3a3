"""Asks one site for pages, slowly, and keeps what it got: a page that did not change is not sent twice.

Addresses of other hosts are not asked, also where a page of the site leads there.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from rag_connectors.staging import FetchError
from rag_connectors.text import decode
from rag_connectors.web_http import PoliteHttp
from rag_connectors.web_links import normal

AGENT = "raghop"
_REDIRECTS = 5
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

    @property
    def date(self) -> str:
        """When it changed, as ISO 8601 has it; "" where the site does not say."""
        try:
            return parsedate_to_datetime(self.modified).isoformat()
        except ValueError:
            return ""


class StatusError(FetchError):
    """The site answers with a status (`code`) that is no page."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


class Gone(StatusError):
    """There is nothing at this address (any more)."""


class Client:
    """One site's. Raises FetchError with what went wrong, Gone for 404 and 410."""

    def __init__(self, root: str, folder: Path, *, per_second: float, timeout: float, limit: int, token: str) -> None:
        self._site = urlsplit(root)[:2]
        self._folder = folder / hashlib.sha256(root.encode()).hexdigest()[:32]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # pages may be for their owner alone
        self._index = self._folder / "pages.json"
        self._limit = limit
        headers = {"User-Agent": AGENT, "Accept": "text/html, application/xhtml+xml, */*;q=0.5"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.http = PoliteHttp(headers, per_second=per_second, timeout=timeout, limit=limit)
        self.known: dict[str, Download] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            self.known = {url: Download(**facts) for url, facts in json.loads(self._index.read_text()).items()}

    def close(self) -> None:
        """Keep what is known for the next time."""
        self.http.close()
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
            response, data = self.http.send(url, asked)
            if not response.has_redirect_location:
                return url, response, data
            url = normal(urljoin(url, response.headers["location"]))
            if urlsplit(url)[:2] not in (self._site, ("https", self._site[1])):
                raise Gone(f"it leads to another site ({url or 'no address'})", response.status_code)
        raise FetchError("it leads from one address to the next without an end")


def _error(url: str, response: httpx.Response) -> StatusError:
    code = response.status_code
    words = f"the site answers {code} {response.reason_phrase}".rstrip()
    if code in (404, 410):
        return Gone(words, code)
    return StatusError(words + _ADVICE.get(code, ""), code)


_ADVICE = {
    401: "; name the variable with a token (connector.token_env)",
    403: "; name the variable with a token (connector.token_env)",
    429: "; ask it more slowly (connector.per_second), or later",
}
