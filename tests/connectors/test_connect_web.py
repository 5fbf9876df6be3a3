"""A site on this machine: what is read of it, how politely, and what a second look costs."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rag.errors import ConfigError, InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Loaded, Source
from rag_connectors.robots import read_robots
from rag_connectors.web import Web
from rag_connectors.web_links import Page, normal


@dataclass
class Site:
    """Paths to status, headers and content; what was asked for."""

    url: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    cut: str = ""  # the path whose connection is cut
    cut_below: bool = False

    def put(self, path: str, body: str | bytes = b"", status: int = 200, **headers: str) -> None:
        found = {"content_type": "text/html; charset=utf-8", **headers}
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = status, {name.replace("_", "-"): value for name, value in found.items()}, data


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = found.pages.get(self.path, (404, {}, b""))
            if status == 200 and headers.get("etag") and self.headers.get("If-None-Match") == headers["etag"]:
                status, body = 304, b""
            found.asked.append((self.path, status))
            if found.cut and (self.path.startswith(found.cut) if found.cut_below else self.path == found.cut):
                self.close_connection = True
                return
            found.tokens.add(self.headers.get("Authorization"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    found.put("/docs", status=301, location="/docs/")
    links = "<a href='winch.html#x'>W</a><a href='/docs/slip'>S</a><a href='/news'>N</a>"
    found.put("/docs/", f"<title>Yard</title><p>Start.{links}")
    found.put("/docs/winch.html", "<h1>Winch</h1><p>It lifts 750 kg.", etag='"1"', last_modified=DATE)
    found.put("/docs/slip", "<h1>Slip</h1><p>It is steep.<a href='http://elsewhere.example/'>x</a>")
    found.put("/news", "<p>Not below.")
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


DATE = "Tue, 04 Mar 2025 09:00:00 GMT"


def connector(**options: object) -> Web:
    return Web(**{"per_second": 50, "workers": 1, **options})  # type: ignore[arg-type]


def scan(site: Site, path: str = "/docs", **options: object) -> dict[str, Source]:
    site.asked.clear()
    found = connector(**options).scan([site.url + path], base="/")
    return {source.name.removeprefix(site.url): source for source in found}


def load(site: Site, path: str = "/docs", **options: object) -> dict[str, Loaded]:
    sources = scan(site, path, **options).values()
    return {one.source.name.removeprefix(site.url): one for one in connector(**options).load(sources)}


class TestWeb(ConnectorConformance):
    @pytest.fixture
    def folder(self, site: Site) -> tuple[Connector, str]:
        return connector(), f"{site.url}/docs"


def test_links_are_followed_below_the_address(site: Site) -> None:
    pages = load(site)
    assert set(pages) == {"/docs", "/docs/winch.html", "/docs/slip"}
    [winch] = pages["/docs/winch.html"].documents
    assert winch.text == "Winch\n\nIt lifts 750 kg." and winch.source == f"{site.url}/docs/winch.html"
    assert winch.meta == {"url": f"{site.url}/docs/winch.html", "date": "2025-03-04T09:00:00+00:00"}
    assert (
        pages["/docs"].documents[0].meta["url"] == f"{site.url}/docs/" and pages["/docs"].documents[0].title == "Yard"
    )
    assert not [path for path, _ in site.asked if path == "/news"]
    assert set(scan(site, depth=0)) == {"/docs"}
    assert set(scan(site, exclude=("slip",))) == {"/docs", "/docs/winch.html"}


def test_a_second_look_gets_nothing_that_did_not_change(site: Site) -> None:
    first = scan(site)
    assert scan(site) == first and ("/docs/winch.html", 304) in site.asked
    site.put("/docs/winch.html", "<p>It lifts 900 kg.", etag='"2"')
    del site.pages["/docs/slip"]
    second = scan(site)
    assert set(second) == {"/docs", "/docs/winch.html"}
    assert second["/docs/winch.html"].stamp != first["/docs/winch.html"].stamp and second["/docs"] == first["/docs"]


def test_what_does_not_answer_now_is_kept_with_what_it_leads_to(site: Site) -> None:
    site.put("/docs/slip", "<a href='/docs/rail'>R</a>")
    site.put("/docs/rail", "<p>A rail.")
    assert "/docs/rail" in scan(site)
    site.put("/docs/slip", status=500)
    found = scan(site)
    assert "500" in found["/docs/slip"].reason and not found["/docs/rail"].reason
    assert load(site)["/docs/slip"].status == "failed"


def test_a_sitemap_says_what_there_is_and_what_changed(site: Site) -> None:
    entry = f"<url><loc>{site.url}/docs/lost</loc><lastmod>2025-01-01</lastmod></url>"
    inner = f"<urlset>{entry}<url><loc>{site.url}/news</loc></url></urlset>"
    site.put("/robots.txt", f"Sitemap: {site.url}/maps.xml", content_type="text/plain")
    site.put("/maps.xml", f"<sitemapindex><sitemap><loc>{site.url}/map.xml.gz</loc></sitemap></sitemapindex>")
    site.put("/map.xml.gz", gzip.compress(inner.encode()), content_type="application/gzip")
    site.put("/docs/lost", "<p>No page leads here.")
    assert set(scan(site)) == {"/docs/lost"}
    scan(site)
    assert not [path for path, _ in site.asked if path == "/docs/lost"]


def test_robots_are_kept_to(site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /docs/w*.html$\n\nUser-agent: other\nDisallow: /\n")
    assert set(scan(site)) == {"/docs", "/docs/slip"}
    site.put("/docs/slip", "<meta name=robots content='noindex, nofollow'><a href='/docs/more'>M</a>")
    site.put("/docs/more", "<p>More.")
    assert set(scan(site)) == {"/docs"}
    site.put("/robots.txt", "User-agent: raghop\nDisallow: /docs\n")
    with pytest.raises(InputError, match=r"robots\.txt"):
        scan(site)
    site.put("/robots.txt", status=500)
    with pytest.raises(InputError, match="cannot be read"):
        scan(site)


def test_canonical_addresses_and_redirects(site: Site) -> None:
    site.put("/docs/", "<a href='a?utm_source=x'>A</a><a href='b'>B</a><a href='c'>C</a><a href='d?page=2'>D</a>")
    site.put("/docs/a", "<link rel=canonical href='/docs/one'><p>One.")
    site.put("/docs/b", status=301, location="/docs/two")
    site.put("/docs/two", "<p>Two.")
    site.put("/docs/c", status=302, location="http://elsewhere.example/")
    site.put("/docs/d?page=2", "<p>Second page.")
    assert set(scan(site)) == {"/docs", "/docs/one", "/docs/two", "/docs/d/?page=2"}


def test_other_files_limits_and_tokens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("/docs/", "<a href='prices'>P</a><a href='big'>B</a>")
    site.put("/docs/prices", "Teil;Preis\nKräne;5\n".encode("latin-1"), content_type="text/csv; charset=iso-8859-1")
    site.put("/docs/big", b"x" * (2 << 20), content_type="text/plain")
    monkeypatch.setenv("SITE_TOKEN", "secret")
    pages = load(site, max_mb=1, token_env="SITE_TOKEN")
    assert "Teil: Kräne; Preis: 5" in pages["/docs/prices"].documents[0].text
    assert "too large" in pages["/docs/big"].reason and site.tokens == {"Bearer secret"}
    few = scan(site, pages=1)
    assert few["/docs/prices"].reason.startswith("not looked at") and not few["/docs"].reason
    with pytest.raises(ConfigError, match="NO_SUCH_TOKEN"):
        scan(site, token_env="NO_SUCH_TOKEN")


def test_a_site_that_is_busy_is_asked_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_connectors.web_http._WAITS", (0.01, 0.01))
    site.put("/docs/slip", status=503)
    site.put("/docs/winch.html", status=429, retry_after="0")
    found = scan(site)
    assert [path for path, _ in site.asked].count("/docs/slip") == 3
    assert "503" in found["/docs/slip"].reason and "connector.per_second" in found["/docs/winch.html"].reason
    site.cut = "/docs/slip"
    assert "does not answer" in scan(site)["/docs/slip"].reason


def test_a_site_that_went_down_is_left_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_connectors.web_http._WAITS", ())
    site.put("/docs/", "".join(f"<a href='{n}'>{n}</a>" for n in range(9)))
    for n in range(9):
        site.put(f"/docs/{n}", f"<p>Page {n}.")
    assert len(scan(site)) == 10
    site.cut = "/docs/"
    site.put("/docs/", "<p>Start.")  # the others are known from before
    site.cut_below = True
    found = scan(site)
    assert len(found) == 10 and len(site.asked) < 10
    assert sum("not asked" in source.reason for source in found.values()) == 7


def test_a_redirect_of_the_address_itself_is_named(site: Site) -> None:
    site.put("/old", status=301, location="/docs/")
    with pytest.raises(InputError, match=r"leads to .*/docs/\. Name that address"):
        scan(site, "/old")


def test_pages_with_a_wrong_canonical_address_are_not_lost(site: Site) -> None:
    site.put("/docs/", "<p>Start.<a href=a>A</a><a href=b>B</a><a href='a?sort=up'>A</a>")
    site.put("/docs/a", "<link rel=canonical href='/docs/'><p>One.")  # all pages name the first one
    site.put("/docs/b", "<link rel=canonical href='/docs/c'><p>Two.<a href=c>C</a>")  # a loop
    site.put("/docs/c", "<link rel=canonical href='/docs/b'><p>Three.")
    site.put("/docs/a?sort=up", "<link rel=canonical href='/docs/a'><p>One, sorted.")
    pages = load(site)
    assert set(pages) == {"/docs", "/docs/a", "/docs/b", "/docs/c"}
    assert [pages[name].documents[0].text for name in ("/docs/a", "/docs/b", "/docs/c")] == ["One.", "Two.C", "Three."]


def test_endless_pages_end(site: Site) -> None:
    site.put("/docs/", "<a href='x/'>X</a><a href='day?n=1'>D</a>")
    for n in range(1, 40):
        site.put("/docs/" + "x/" * n, "<a href='x/'>deeper</a>")
        site.put(f"/docs/day?n={n}", f"<a href='day?n={n + 1}'>next</a>")
    assert max(name.count("/x") for name in scan(site, depth=30)) == 3
    found = scan(site, depth=100, pages=12)
    more = [source.reason for name, source in found.items() if name == "/docs/?more"]
    assert len(found) < 40 and len(more) == 1 and "connector.pages" in more[0]


def test_a_lost_sitemap_loses_no_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_connectors.web_http._WAITS", ())
    site.put("/docs/lost", "<meta name=author content='Ana Berg'><p>No page leads here.")
    site.put("/sitemap.xml", f"<urlset><url><loc>{site.url}/docs/lost</loc></url></urlset>")
    [document] = load(site)["/docs/lost"].documents
    assert document.meta["author"] == "Ana Berg"
    site.put("/sitemap.xml", status=503)
    assert "/docs/lost" in scan(site)


def test_a_bomb_is_refused(site: Site) -> None:
    site.put("/docs/slip", gzip.compress(b"x" * (8 << 20)), content_encoding="gzip")
    assert "too large" in scan(site, max_mb=1)["/docs/slip"].reason
    with pytest.raises(InputError, match="leave the password out"):
        list(connector().scan(["https://me:secret@x.example/"], base="/"))


@pytest.mark.parametrize("root", ["ftp://x.example/a", "docs", "http://127.0.0.1:9/", "http://[::1/"])
def test_what_is_no_site_is_named(site: Site, root: str) -> None:
    with pytest.raises(InputError, match=r"not the address|does not answer"):
        list(connector(patience=2.0).scan([root], base="/"))


def test_rules_of_robots() -> None:
    text = "User-agent: a\nUser-agent: raghop\nDisallow: /x\nAllow: /x/y\nCrawl-delay: 25\n\nUser-agent: *\nDisallow: /"
    rules = read_robots(text, "raghop")
    assert [rules.allows(path) for path in ("/", "/x", "/x/z", "/x/y/1")] == [True, False, False, True]
    assert rules.delay == 25 and not read_robots("User-agent: *\nDisallow: /*?", "raghop").allows("/a?b")
    assert read_robots("Disallow: /\nnonsense", "raghop").allows("/")


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTP://X.example:80/a/../b/#c", "http://x.example/b/"),
        ("https://x.example", "https://x.example/"),
        ("https://x.example/ä b?q=1&utm_medium=z", "https://x.example/%C3%A4%20b?q=1"),
        ("mailto:a@b.example", ""),
        ("http://x.example:no/", ""),
    ],
)
def test_addresses_have_one_form(url: str, same: str) -> None:
    assert normal(url) == same and normal(same) == same


def test_links_of_a_page() -> None:
    markup = "<base href='/b/'><a href='c'>C</a><a rel=nofollow href=d>D</a><a href='javascript:x'>E"
    page = Page("http://x.example/a/", markup)
    assert page.links == ["http://x.example/b/c", ""]
