"""The `web` connector: the pages of one site, by its sitemap or else by following its links.

It keeps to robots.txt and to the limits of its options, asks again only for what may have changed, names a page by its
canonical address, and goes to no other site. What a browser would build by script it does not see.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pathspec import GitIgnoreSpec
from pydantic import Field

from rag.errors import ConfigError, InputError
from rag.stages import component
from rag.types import Loaded, Source, Values
from rag_connectors.files import Files
from rag_connectors.robots import Robots, read_robots
from rag_connectors.staging import Fetched, FetchError, cache_folder, load_fetched
from rag_connectors.text import decode
from rag_connectors.web_client import AGENT, Client, Download, Gone
from rag_connectors.web_links import Page, normal

_ENTRY = re.compile(r"<(?:url|sitemap)\b.*?</(?:url|sitemap)>", re.DOTALL)
_LOC = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]+)")
_LASTMOD = re.compile(r"<lastmod>\s*([^<]+?)\s*<")
_SITEMAPS = 50
_LONGEST_DELAY = 30.0  # seconds between questions, whatever robots.txt asks for
_HTML = (".html", ".xhtml", "")


@component
class Web(Files):
    """Pages at and below an address. Patterns see paths on the site; `gitignore` has no meaning here."""

    pages: Annotated[int, Field(ge=1, description="Most pages of a site.")] = 1000
    depth: Annotated[int, Field(ge=0, description="Most links from the address to a page, without a sitemap.")] = 8
    per_second: Annotated[float, Field(gt=0, le=50, description="Questions to the site in a second.")] = 2.0
    patience: Annotated[float, Field(gt=0, description="Seconds that the site may take for an answer.")] = 20.0
    token_env: Annotated[str, Field(description="Environment variable with a bearer token for the site.")] = ""

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every page at or below the addresses, in name order; a page that cannot be read now comes with the reason.

        Raises InputError for what is no web address, does not answer or may not be read by robots.
        """
        found: dict[str, Source] = {}
        for root in roots:
            url = normal(root)
            if not url:
                raise InputError(
                    f"{root}: not the address of a web site. Name one that begins with https:// or http://."
                )
            with closing(self._client(url)) as client:
                found |= {source.name: source for source in _Site(self, url, client).sources()}
        yield from sorted(found.values(), key=lambda source: source.name)

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order, from what the scan got."""
        yield from load_fetched(super().load, sources, _fetch)

    def _client(self, url: str) -> Client:
        if self.token_env and self.token_env not in os.environ:
            raise ConfigError(f"connector: token_env: there is no environment variable {self.token_env}.")
        return Client(
            url,
            cache_folder("web"),
            per_second=self.per_second,
            timeout=self.patience,
            limit=self.max_mb << 20,
            token=os.environ.get(self.token_env, ""),
        )


def _fetch(source: Source) -> Fetched:
    body, _, rest = source.path.partition("\n")
    suffix, _, rest = rest.partition("\n")
    url, _, modified = rest.partition("\n")
    try:
        data = Path(body).read_bytes()
    except OSError as error:
        raise FetchError(f"cannot be read: {error.strerror}") from error
    meta: dict[str, Values] = {"url": url or source.name}
    if modified:
        meta["date"] = modified
    return Fetched(data, source.name + ("" if source.name.endswith(suffix) else suffix), meta)


class _Site:
    """One scan of one site."""

    def __init__(self, options: Web, root: str, client: Client) -> None:
        self._options, self._client = options, client
        self._start, self._root = root, root.rstrip("/")
        self._include: GitIgnoreSpec = options._patterns("include", options.include)
        self._exclude: GitIgnoreSpec = options._patterns("exclude", options.exclude)
        self._robots = Robots()
        self._found: dict[str, Source] = {}
        self._troubled = False

    def sources(self) -> Iterable[Source]:
        """Everything that is there."""
        self._read_robots()
        before = list(self._client.known)
        listed = self._sitemap()
        queue = deque((url, self._options.depth + 1) for url in listed) if listed else deque([(self._start, 0)])
        seen = {url.rstrip("/") for url, _ in queue}
        asked = 0
        while queue:
            url, depth = queue.popleft()
            if asked >= self._options.pages:
                self._keep(url, f"not looked at: the site has more than {self._options.pages} pages (connector.pages)")
                continue
            asked += 1
            for link in self._look(url, listed.get(url, "")) if depth <= self._options.depth or listed else ():
                if depth < self._options.depth and link.rstrip("/") not in seen and self._wants(link):
                    seen.add(link.rstrip("/"))
                    queue.append((link, depth + 1))
            if not queue and self._troubled:  # pages that only lost ones lead to are not gone
                queue.extend(
                    (url, self._options.depth) for url in before if url.rstrip("/") not in seen and self._wants(url)
                )
                seen.update(url.rstrip("/") for url in before)
        return self._found.values()

    def _read_robots(self) -> None:
        parts = urlsplit(self._root)
        try:
            self._robots = read_robots(self._client.text(f"{parts.scheme}://{parts.netloc}/robots.txt"), AGENT)
        except Gone:
            pass
        except FetchError as error:
            if "answers 4" not in str(error):  # the site says that it has none for us
                raise InputError(f"{self._root}: its robots.txt cannot be read: {error}. Try again later.") from error
        self._client.pause = max(self._client.pause, min(self._robots.delay, _LONGEST_DELAY))
        if not self._robots.allows(parts.path or "/"):
            raise InputError(f"{self._root}: robots.txt of the site asks programs not to read it.")

    def _sitemap(self) -> dict[str, str]:
        """Pages that the site lists, with when each changed, if it says so."""
        parts = urlsplit(self._root)
        waiting = [normal(url) for url in self._robots.sitemaps] or [f"{parts.scheme}://{parts.netloc}/sitemap.xml"]
        pages: dict[str, str] = {}
        for n, url in enumerate(waiting):
            if n >= _SITEMAPS or urlsplit(url).netloc != parts.netloc:
                continue
            try:
                text = self._client.text(url)
            except FetchError:
                continue
            for entry in _ENTRY.findall(text):
                if loc := _LOC.search(entry):
                    address = normal(unescape(loc[1]))
                    changed = _LASTMOD.search(entry)
                    if entry.startswith("<sitemap"):
                        waiting.append(address)
                    elif self._wants(address):
                        pages[address] = changed[1] if changed else ""
        return pages

    def _wants(self, url: str) -> bool:
        """Whether a page is of the site, below the root, and neither robots.txt nor a pattern leaves it out."""
        if not (url.rstrip("/") == self._root or url.startswith((f"{self._root}/", f"{self._root}?"))):
            return False
        parts = urlsplit(url)
        path = parts.path.lstrip("/")
        if not self._robots.allows(parts.path + (f"?{parts.query}" if parts.query else "")):
            return False
        taken = not self._include.patterns or url.rstrip("/") == self._root or self._include.match_file(path)
        return bool(taken) and not self._exclude.match_file(path)

    def _look(self, url: str, listed: str) -> list[str]:
        """Take a page into what is found; gives its links."""
        try:
            answer = self._client.get(url, listed=listed)
            page = Page(answer.url, decode(answer.data)[0]) if answer.suffix in _HTML else None
        except Gone as gone:
            if url.rstrip("/") == self._root:
                raise InputError(f"{self._root}: {gone}. Name an address that is there.") from gone
            return []
        except (FetchError, OSError, RecursionError) as error:
            if url.rstrip("/") == self._root and not self._client.known:
                raise InputError(f"{self._root}: {error}") from error
            self._troubled = True
            self._keep(url, str(error))
            return []
        robots = f"{answer.robots} {page.robots if page else ''}"
        address = page.canonical if page and page.canonical and self._wants(page.canonical) else answer.url
        if "noindex" not in robots and "none" not in robots and self._wants(address):
            self._take(address, answer)
        return [] if page is None or "nofollow" in robots or "none" in robots else page.links

    def _take(self, address: str, answer: Download) -> None:
        name = _name(address)
        stamp = (os.path.getsize(answer.body), int(answer.sha256[:15], 16), 0, 0)
        place = "\n".join((answer.body, answer.suffix, address, answer.modified))
        if name not in self._found or self._found[name].reason:
            self._found[name] = Source(name, place, stamp)

    def _keep(self, url: str, reason: str) -> None:
        """What the index has of a page stays, for a reason."""
        self._found.setdefault(_name(url), Source(_name(url), _name(url), (0, 0, 0, 0), reason))


def _name(url: str) -> str:
    """A page's name in the index: everything below a root begins with it and a slash."""
    path, mark, query = url.partition("?")
    return f"{path.rstrip('/')}/?{query}" if mark else path.rstrip("/")
