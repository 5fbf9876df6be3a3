"""The `confluence` connector: exports of a Confluence space as zip files, in the format HTML or XML.

Of an HTML export each page is a source, and each attachment. Of an XML export all pages come from its one file, with
their comments; its attachments have no names of their own there, so that they are not read.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from datetime import datetime
from html import escape, unescape

from rag.errors import InputError
from rag.stages import component
from rag.types import Source, Values
from rag_connectors.staging import Fetched, FetchError
from rag_connectors.zip_export import ZipExport

_ENTITIES = "entities.xml"
_PAGE = re.compile(r"(?:^|/)(?:[^/]*_)?(\d+)\.html$")
_FURNITURE = re.compile(r"(?:^|/)(?:images|styles)/|(?:^|/)index\.html$|(?:^|/)attachments/thumbnails/")
_TITLE = re.compile(r"<title>([^<]{0,1000})</title>", re.IGNORECASE)
_CRUMBS = re.compile(r'<ol id="breadcrumbs">(.{0,20000}?)</ol>', re.DOTALL)
_CRUMB = re.compile(r"<a [^>]{0,1000}>([^<]{0,500})</a>")
_AUTHOR = re.compile(r"""<span class=['"](?:author|editor)['"]>\s*([^<]{1,200}?)\s*</span>""")
_DATE = re.compile(r"\bon\s+([A-Z][a-z]{2} \d{1,2}, \d{4})")
_SITE = re.compile(r'data-base-url="(https?://[^"\s]{1,300})"')
_BEGIN, _END = '<div id="main-content"', '<div id="footer"'


@component
class Confluence(ZipExport):
    """Pages and attachments of exported spaces. A root is a zip file or a folder of them.

    Example: `connector: {use: confluence, access: [staff]}`
    and `rag ingest ~/exports --pipeline mine.yaml`.
    """

    def _members(self, members: list[zipfile.ZipInfo], root: str) -> Iterable[tuple[zipfile.ZipInfo, str]]:
        """Pages, blog posts and attachments."""
        names = {member.filename for member in members}
        if _ENTITIES in names:
            attached = [member for member in members if member.filename.startswith("attachments/")]
            yield from ((member, _ENTITIES) for member in members if member.filename == _ENTITIES)
            yield from ((member, "attachments") for member in attached[:1])
        elif any(_PAGE.search(name) for name in names):
            yield from ((member, member.filename) for member in members if not _FURNITURE.search(member.filename))
        else:
            raise InputError(
                f"{root}: no export of Confluence that is known here. Export the space in the format HTML or XML."
            )

    def _convert(self, data: bytes, member: str, source: Source) -> Fetched:
        if member == _ENTITIES:
            return Fetched(data, f"{source.name}.confluence")
        if source.name.endswith("/attachments"):
            raise FetchError("attachments of an XML export have no names: export as HTML to have them read", "skipped")
        page = _PAGE.search(member)
        if page is None or "attachments/" in member:
            return Fetched(data, source.name)
        return _page(data, source.name, page[1])


def _page(data: bytes, name: str, id: str) -> Fetched:
    """A page of an HTML export without the frame that Confluence puts around it; what that says are fields."""
    text = data.decode("utf-8", "replace")
    begin = text.find(_BEGIN)
    if begin < 0:
        raise FetchError("malformed: it has no main content, as a page of an export has. Export it again.")
    head, end = text[:begin], text.rfind(_END)
    crumbs = _CRUMBS.search(head)
    above = [unescape(crumb).strip() for crumb in _CRUMB.findall(crumbs[1])] if crumbs else []
    titled = _TITLE.search(head)
    title = unescape(titled[1]).strip() if titled else ""
    if above:
        title = title.removeprefix(f"{above[0]} : ")
    meta: dict[str, Values] = {"space": above[0], "path": " > ".join(above)} if above else {}
    if author := _AUTHOR.search(head):
        meta["author"] = unescape(author[1])
    if dates := _DATE.findall(head):
        meta["date"] = datetime.strptime(dates[-1], "%b %d, %Y").date().isoformat()
    if site := _SITE.search(text, begin):
        meta["url"] = f"{site[1]}/pages/viewpage.action?pageId={id}"
    shown = escape(title)
    body = text[begin : end if end > begin else len(text)]
    page = f"<html><title>{shown}</title><body><main><h1>{shown}</h1>{body}</main></body></html>"
    return Fetched(page.encode(), name, meta)
