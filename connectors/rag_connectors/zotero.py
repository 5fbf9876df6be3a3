"""The `zotero` connector: entries of a Zotero library with notes and annotations, and the files that are stored in it.

An entry is a document of its own; of a file, title, authors, date, tags and collections are those of its entry. Entries
in the trash and feeds are left out. Linked files lie outside of Zotero's folder: name their folder to `use: files`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from html import escape

from rag.stages import component
from rag.text.names import to_name
from rag.types import Source, Values
from rag_connectors.elsewhere import Direct
from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read
from rag_connectors.sidecar import Sidecars
from rag_connectors.staging import Fetched, FetchError, digest
from rag_connectors.zotero_library import DATABASE, Item, read_library

_PARTS = ("attachment", "annotation")  # types of items that are no entries
_STORED = "storage:"
_LINKED, _WEB = 2, 3  # link modes of attachments: a file elsewhere, an address
_LABELS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APART = ("title", "abstractNote", "date", "accessDate")


@component
class Zotero(Direct):
    """Entries and stored files of Zotero libraries. A root is Zotero's data folder. Patterns see `storage/KEY/NAME`.

    Example: `connector: {use: zotero, exclude: ["items/"]}`
    and `rag ingest ~/Zotero --pipeline mine.yaml`.
    """

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every entry and file. Raises InputError for a folder without a library that is known here."""
        top, sidecars = os.path.realpath(root), Sidecars()
        name = to_name("" if top == base else top.removeprefix(os.path.join(base, "")))
        items = read_library(top)
        access, wrong = sidecars.access_of(os.path.join(top, DATABASE)) or (None, "")
        for item in items.values():
            entry = items.get(item.parent) if item.parent else item
            if entry is None or item.type == "annotation" or (item.type == "note" and item.parent):
                continue
            about = json.dumps({"meta": _fields(entry), "title": _title(entry)}, ensure_ascii=False)
            if item.type not in _PARTS:
                inside = f"items/{item.key}"
                place, stamp = f"\n{about}\n{_page(entry)}", (0, digest(about + _page(entry)), 0, 0)
            elif item.link_mode == _WEB or not item.path:
                continue
            else:
                file = item.path.removeprefix(_STORED)
                inside = f"storage/{item.key}/{os.path.basename(file.replace(chr(92), '/'))}"
                path = os.path.join(top, inside) if item.link_mode != _LINKED else ""
                status = os.stat(path) if path and os.path.isfile(path) else None
                facts = (status.st_size, status.st_mtime_ns, status.st_ino) if status else (0, 0, 0)
                place, stamp = f"{path}\n{about}\n", (facts[0], facts[1], digest(about), facts[2])
            if self._takes(inside):
                yield Source(f"{name}/{inside}" if name else inside, place, stamp, wrong, access)

    def _fetch(self, source: Source) -> Fetched:
        path, _, rest = source.path.partition("\n")
        about, _, page = rest.partition("\n")
        try:
            known = json.loads(about)
        except ValueError as error:
            raise FetchError(f"{path}: not a place in a Zotero library") from error
        meta: dict[str, Values] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in known["meta"].items()
        }
        if page:
            return Fetched(page.encode(), f"{source.name}.html", meta, known["title"])
        if not path:
            raise FetchError(
                "a linked file, outside of Zotero's folder: ingest its folder with `use: files`", "skipped"
            )
        if not os.path.exists(path):
            raise FetchError("its file is not on this machine: let Zotero sync it (Settings > Sync)", "skipped")
        try:
            data = read(path, limit=self.max_mb << 20, inode=source.stamp[3])
        except RefusalError as refusal:
            raise FetchError(refusal.reason, refusal.status) from refusal
        return Fetched(data, source.name, meta, known["title"])


def _title(item: Item) -> str:
    fields = item.fields
    return fields.get("title") or fields.get("caseName") or fields.get("subject") or fields.get("nameOfAct") or ""


def _date(item: Item) -> str:
    """As ISO 8601 has it, as far as it is known: Zotero has 00 for what is not, then the date as it was written."""
    return item.fields.get("date", "").partition(" ")[0].removesuffix("-00").removesuffix("-00")


def _fields(item: Item) -> Mapping[str, str | list[str]]:
    place = f"groups/{item.group}" if item.group else "library"
    doi = item.fields.get("DOI", "")
    found: dict[str, str | list[str]] = {
        "author": item.authors, "date": _date(item), "type": item.type, "doi": doi,
        "url": item.fields.get("url") or (f"https://doi.org/{doi}" if doi else ""),
        "zotero": f"zotero://select/{place}/items/{item.key}", "tags": item.tags, "collections": item.collections,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _page(item: Item) -> str:
    """An entry as HTML, for the parser that reads its notes."""
    title = escape(_title(item))
    lines = {"Authors": "; ".join(item.authors), "Date": _date(item)}
    for name, value in sorted(item.fields.items()):
        if name not in _APART:
            lines[_LABELS.sub(" ", name).capitalize() if name.islower() or name[0].islower() else name] = value
    lines |= {"Tags": ", ".join(item.tags), "Collections": ", ".join(item.collections)}
    parts = [f"<html><title>{title}</title><body><main>", f"<h1>{title}</h1>" * bool(title)]
    parts += [f"<p>{escape(label)}: {escape(value)}</p>" for label, value in lines.items() if value]
    if abstract := item.fields.get("abstractNote"):
        parts.append(f"<h2>Abstract</h2><p>{escape(abstract)}</p>")
    parts += [f"<section>{note}</section>" for note in item.notes]
    if item.annotations:
        parts.append("<h2>Annotations</h2>")
        for page, text, comment in item.annotations:
            said = " ".join(filter(None, (f"“{text}”" * bool(text), comment)))
            parts.append(f"<p>{escape(f'Page {page}: ' * bool(page) + said)}</p>")
    return "".join([*parts, "</main></body></html>"])
