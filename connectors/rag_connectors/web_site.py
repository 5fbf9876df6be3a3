"""One scan of one site: which pages there are, each with the file that holds what came, or with the reason why not."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from rag.errors import InputError
from rag.types import Source
from rag_connectors.robots import Robots, read_robots
from rag_connectors.staging import FetchError
from rag_connectors.text import decode
from rag_connectors.web_client import AGENT, Client, Download, Gone
from rag_connectors.web_links import Page, normal
from rag_connectors.web_sitemap import read_sitemap

_LONGEST_DELAY = 30.0  # seconds between questions, whatever robots.txt asks for
_LONGEST_ADDRESS = 2000  # characters; a longer one is made by a program that goes round in circles
_SAME_FOLDERS = 3  # of one name in a path: more are such a circle, too
_HTML = (".html", ".xhtml", "")


class Site:
    """The pages at and below `root`, at most so many and so many links away; `takes` decides by a page's path."""

    def __init__(self, root: str, client: Client, *, pages: int, depth: int, takes: Callable[[str], bool]) -> None:
        self._start, self._root = root, root.rstrip("/")
        self._client, self._pages, self._depth, self._takes = client, pages, depth, takes
        self._robots = Robots()
        self._read: dict[str, tuple[Download, Page | None]] = {}  # by name
        self._kept: dict[str, str] = {}  # reasons by name
        self._troubled = False  # whether something did not answer, so that what is missing may be there

    def sources(self) -> Iterable[Source]:
        """Everything that is there."""
        self._read_robots()
        before = list(self._client.known)
        listed = self._sitemaps()
        queue = deque((url, self._depth) for url in listed) if listed else deque([(self._start, 0)])
        seen = {url.rstrip("/") for url, _ in queue}
        asked = left = 0
        while queue:
            url, depth = queue.popleft()
            asked += 1
            if asked > self._pages:
                left += 1
                if url in self._client.known:
                    self._kept[_name(url)] = f"not looked at: more than {self._pages} pages (connector.pages)"
                continue
            for link in self._look(url, listed.get(url, "")):
                if depth < self._depth and link.rstrip("/") not in seen and self._wants(link):
                    seen.add(link.rstrip("/"))
                    queue.append((link, depth + 1))
            if not queue:
                missing = [url for url in before if url.rstrip("/") not in seen and self._wants(url)]
                seen.update(url.rstrip("/") for url in missing)
                if self._troubled:  # pages that only lost ones lead to are not gone
                    queue.extend((url, self._depth) for url in missing)
                else:
                    list(map(self._client.forget, missing))
        if left:
            name = f"{self._root}/?more"
            self._kept[name] = (
                f"the site has more than {self._pages} pages (connector.pages): {left} were not looked at"
            )
        return self._sources()

    def _sources(self) -> Iterable[Source]:
        found: dict[str, Source] = {name: Source(name, name, (0, 0, 0, 0), why) for name, why in self._kept.items()}
        for own, (answer, page) in self._read.items():
            name, url = self._called(own, answer, page)
            stamp = (os.path.getsize(answer.body), int(answer.sha256[:15], 16), 0, 0)
            date, author = (page.date or answer.date, page.author) if page else (answer.date, "")
            place = "\n".join((answer.body, answer.suffix, url, date, author))
            if name not in found or found[name].reason:
                found[name] = Source(name, place, stamp)
        return found.values()

    def _called(self, own: str, answer: Download, page: Page | None) -> tuple[str, str]:
        """The name and address of a page: the canonical one, unless another page is there that says something else."""
        canonical = page.canonical if page else ""
        if not canonical or not self._wants(canonical):
            return own, answer.url
        there = self._read.get(_name(canonical))
        same_path = urlsplit(canonical).path == urlsplit(answer.url).path
        if there and there[0].sha256 != answer.sha256 and not same_path:
            return own, answer.url
        return _name(canonical), canonical

    def _read_robots(self) -> None:
        parts = urlsplit(self._root)
        try:
            self._robots = read_robots(self._client.text(f"{parts.scheme}://{parts.netloc}/robots.txt"), AGENT)
        except FetchError as error:  # a site that refuses it has no rules for us
            if not isinstance(error, Gone) and not 400 <= getattr(error, "code", 0) < 429:
                raise InputError(f"{self._root}: its robots.txt cannot be read: {error}. Try again later.") from error
        self._client.http.pause = max(self._client.http.pause, min(self._robots.delay, _LONGEST_DELAY))
        if not self._robots.allows(parts.path or "/"):
            raise InputError(f"{self._root}: robots.txt of the site asks programs not to read it.")

    def _sitemaps(self) -> dict[str, str]:
        """Pages that the site lists, with when each changed, if it says so."""
        parts = urlsplit(self._root)
        waiting = deque(map(normal, self._robots.sitemaps))
        waiting = waiting or deque([f"{parts.scheme}://{parts.netloc}/sitemap.xml"])
        seen, pages = set[str](), dict[str, str]()
        while waiting and len(pages) <= self._pages:
            url = waiting.popleft()
            if url in seen or urlsplit(url).netloc != parts.netloc:
                continue
            seen.add(url)
            try:
                more, entries = read_sitemap(self._client.text(url))
            except Gone:
                continue
            except FetchError as error:
                self._troubled |= not 400 <= getattr(error, "code", 0) < 429
                continue
            waiting.extend(more)
            pages |= {address: changed for address, changed in entries if self._wants(address)}
        return pages

    def _is_below(self, url: str) -> bool:
        return url.rstrip("/") == self._root or url.startswith((f"{self._root}/", f"{self._root}?"))

    def _wants(self, url: str) -> bool:
        """Whether a page is of the site, below the root, and neither robots.txt nor a pattern leaves it out."""
        parts = urlsplit(url)
        folders = Counter(filter(None, parts.path.split("/")))
        if not self._is_below(url) or len(url) > _LONGEST_ADDRESS or max(folders.values(), default=0) > _SAME_FOLDERS:
            return False
        allowed = self._robots.allows(parts.path + (f"?{parts.query}" if parts.query else ""))
        return allowed and (url.rstrip("/") == self._root or self._takes(parts.path.lstrip("/")))

    def _look(self, url: str, listed: str) -> list[str]:
        """Take a page into what is read; gives its links."""
        is_root = url.rstrip("/") == self._root
        try:
            answer = self._client.get(url, listed=listed)
            page = Page(answer.url, decode(answer.data)[0]) if answer.suffix in _HTML else None
        except Gone as gone:
            if is_root:
                raise InputError(f"{self._root}: {gone}. Name an address that is there.") from gone
            return []
        except (FetchError, OSError, RecursionError) as error:
            if is_root and not self._client.known:
                raise InputError(f"{self._root}: {error}") from error
            self._troubled = True
            self._kept[_name(url)] = str(error)
            return []
        if is_root and not self._is_below(answer.url):
            raise InputError(f"{self._root}: it leads to {answer.url}. Name that address, so that its pages are read.")
        robots = f"{answer.robots} {page.robots if page else ''}"
        if "noindex" not in robots and "none" not in robots and self._wants(answer.url):
            self._read.setdefault(_name(answer.url), (answer, page))
        return [] if page is None or "nofollow" in robots or "none" in robots else page.links


def _name(url: str) -> str:
    """A page's name in the index: everything below a root begins with it and a slash."""
    path, mark, query = url.partition("?")
    return f"{path.rstrip('/')}/?{query}" if mark else path.rstrip("/")
