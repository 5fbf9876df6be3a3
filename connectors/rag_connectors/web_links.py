"""What a page says of itself and of others: its links, its canonical address, what robots may do with it."""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(r"(?:utm_\w+|gclid|fbclid|mc_[ce]id|jsessionid|phpsessid|sid)=", re.IGNORECASE)
_SAFE = "/:@!$&'()*+,;=~%"


class Page(HTMLParser):
    """The links of a page, absolute and in order."""

    def __init__(self, url: str, markup: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.canonical = ""
        self.robots = ""
        self.author = ""
        self.date = ""  # when it changed, else when it came out
        self._base = url
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        rel = found.get("rel", "").lower().split()
        if tag == "base" and found.get("href"):
            self._base = _join(self._base, found["href"])
        elif tag in ("a", "area") and found.get("href") and "nofollow" not in rel:
            self.links.append(_join(self._base, found["href"]))
        elif tag == "link" and found.get("href") and "canonical" in rel:
            self.canonical = _join(self._base, found["href"])
        elif tag == "link" and found.get("href") and "next" in rel:
            self.links.append(_join(self._base, found["href"]))
        elif tag == "meta":
            self._read_meta((found.get("name") or found.get("property", "")).lower(), found.get("content", "").strip())

    def _read_meta(self, name: str, content: str) -> None:
        if name in ("robots", "raghop"):
            self.robots += " " + content.lower()
        elif name == "author":
            self.author = self.author or " ".join(content.split())
        elif name == "article:modified_time" or (name == "article:published_time" and not self.date):
            self.date = " ".join(content.split())


def normal(url: str) -> str:
    """An address in one form, without fragment, tracking and default port; "" for what is no web address."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    if parts.scheme.lower() not in _PORTS or not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    if port and port != _PORTS[parts.scheme.lower()]:
        shown += f":{port}"
    path = posixpath.normpath(parts.path) if parts.path else "/"
    path = "/" + path.lstrip("/") + "/" * (parts.path.endswith("/") and path.strip("/") != "")
    query = "&".join(piece for piece in parts.query.split("&") if piece and not _TRACKING.match(piece))
    return SplitResult(
        parts.scheme.lower(), shown, quote(path, safe=_SAFE), quote(query, safe=_SAFE + "?"), ""
    ).geturl()


def _join(base: str, href: str) -> str:
    try:
        return normal(urljoin(base, href.strip()))
    except ValueError:
        return ""
