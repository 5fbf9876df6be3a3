"""What the head of a page says of it: its title, its address, who wrote it and when."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from rag_connectors.text import one_line

_AUTHORS = ("author", "dc.creator", "dcterms.creator", "citation_author")
_DATES = (
    "article:modified_time", "last-modified", "dcterms.modified", "article:published_time", "date", "dc.date",
    "dcterms.created", "citation_publication_date",
)  # fmt: skip


def read_title(tree: LexborHTMLParser) -> str:
    """The page's, less a site's name that the first heading does without; else that heading."""
    first = tree.css_first("main h1, article h1") or tree.css_first("body h1")
    heading = one_line(first.text()).rstrip(" ¶🔗") if first is not None else ""
    named = tree.css_first("head > title")
    title = one_line(named.text()) if named is not None else ""
    return heading if heading and heading in title else title or heading


def read_origin(tree: LexborHTMLParser) -> dict[str, str]:
    """The fields `url` (its canonical one), `author` and `date` (the last change), of those that are there."""
    said: dict[str, str] = {}
    for node in tree.css("head > meta[content]"):
        name = node.attributes.get("name") or node.attributes.get("property") or ""
        said.setdefault(name.lower(), one_line(node.attributes.get("content") or ""))
    link = tree.css_first("head > link[rel=canonical]")
    url = (link.attributes.get("href") or "").strip() if link is not None else ""
    found = {
        "url": url if url.startswith(("http://", "https://")) else "",
        "author": next((said[name] for name in _AUTHORS if said.get(name)), ""),
        "date": next((said[name] for name in _DATES if said.get(name)), ""),
    }
    return {field: value for field, value in found.items() if value}
