"""The `notion` connector: exports of Notion, as zip files: "Markdown & CSV" or "HTML", with subpages, in parts or not.

Pages are called by their titles; the ids that Notion adds are left out of names and links where that leaves two pages
apart. Properties of a page are fields. Of a database the table of all rows is read, not that of one view.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from rag.errors import InputError
from rag.stages import component
from rag.types import Source, Values
from rag_connectors.staging import Fetched
from rag_connectors.zip_export import ZipExport

_ID = re.compile(r"[ -]([0-9a-f]{32})(?=[._/]|$)")
_ID_IN_LINK = re.compile(rb"(?<=\w|\))%20[0-9a-f]{32}(?=[^\s()]*\))")
_PROPERTY = re.compile(r"([^:\n]{1,60}): (\S.*)")
_DATES = ("last edited time", "last edited", "date", "created time", "created")
_AUTHORS = ("author", "created by", "last edited by", "owner")
_FORMATS = ("%B %d, %Y %I:%M %p", "%B %d, %Y", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y-%m-%d")


@component
class Notion(ZipExport):
    """Pages, tables and files of exports of Notion. A root is a zip file or a folder of them.

    Example: `connector: {use: notion}`
    and `rag ingest ~/Downloads/Export-1.zip --pipeline mine.yaml`.
    """

    def _members(self, members: list[zipfile.ZipInfo], root: str) -> Iterable[tuple[zipfile.ZipInfo, str]]:
        """Everything but tables of one view, lists of pages and what other programs left in the zip."""
        if not any(_ID.search(member.filename) for member in members):
            raise InputError(
                f"{root}: no export of Notion: no file in it has Notion's ids. Export as Markdown & CSV or as HTML."
            )
        names = {member.filename for member in members}
        kept = [
            member
            for member in members
            if not member.filename.startswith("__MACOSX/")
            and member.filename.rpartition("/")[2] not in ("index.html", ".DS_Store")
            and not (member.filename.endswith(".csv") and f"{member.filename[:-4]}_all.csv" in names)
        ]
        short = {member.filename: _ID.sub("", member.filename).replace("_all.csv", ".csv") for member in kept}
        times = Counter(short.values())
        for member in kept:
            name = short[member.filename]
            yield member, name if times[name] == 1 else member.filename

    def _convert(self, data: bytes, member: str, source: Source) -> Fetched:
        meta: dict[str, Values] = {}
        if member.endswith((".md", ".html")) and (ids := _ID.findall(member.rpartition("/")[2])):
            meta["url"] = f"https://www.notion.so/{ids[-1]}"
        if member.endswith(".md"):
            meta = {**_properties(data[: 1 << 16].decode("utf-8", "replace")), **meta}
            data = _ID_IN_LINK.sub(b"", data)
        return Fetched(data, source.name, meta)


def _properties(text: str) -> dict[str, Values]:
    """The lines between the title and the text, if all are properties; also as `date` and `author`."""
    title, _, rest = text.lstrip().partition("\n")
    block = rest.lstrip("\n").partition("\n\n")[0].strip() if title.startswith("# ") else ""
    lines = [_PROPERTY.fullmatch(line.strip()) for line in block.split("\n")] if rest.startswith("\n") else []
    if not lines or not all(lines):
        return {}
    fields: dict[str, Values] = {line[1].strip(): line[2].strip() for line in lines if line}
    alike = {name.casefold(): str(value) for name, value in fields.items()}
    if date := next((alike[name] for name in _DATES if name in alike), ""):
        fields["date"] = _iso(date)
    if author := next((alike[name] for name in _AUTHORS if name in alike), ""):
        fields["author"] = author
    return fields


def _iso(date: str) -> str:
    """A date as ISO 8601 has it, as far as its format is known; else as it is."""
    for shape in _FORMATS:
        try:
            found = datetime.strptime(date.partition(" → ")[0], shape)
        except ValueError:
            continue
        return found.isoformat() if "%H" in shape or "%I" in shape else found.date().isoformat()
    return date
