"""A sitemap: pages with when each changed, and further sitemaps. Read by pattern, since many are not quite XML."""

from __future__ import annotations

import re
from html import unescape

from rag_connectors.web_links import normal

_ENTRY = re.compile(r"<(?:url|sitemap)\b.*?</(?:url|sitemap)>", re.DOTALL)
_LOC = re.compile(r"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]+)")
_LASTMOD = re.compile(r"<lastmod>\s*([^<]+?)\s*<")


def read_sitemap(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Addresses of further sitemaps; addresses of pages with when each changed ("" where it does not say)."""
    sitemaps: list[str] = []
    pages: list[tuple[str, str]] = []
    for entry in _ENTRY.findall(text):
        if loc := _LOC.search(entry):
            address, changed = normal(unescape(loc[1])), _LASTMOD.search(entry)
            if entry.startswith("<sitemap"):
                sitemaps.append(address)
            else:
                pages.append((address, changed[1] if changed else ""))
    return sitemaps, pages
