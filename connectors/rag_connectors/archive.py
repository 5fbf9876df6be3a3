"""Zip containers (docx, pptx, xlsx, epub) with caps, and their XML without entities.

Declared sizes are checked before anything is unpacked; `zipfile` never gives more bytes than were declared and checks
the checksum, so a header that lies is an error and not a bomb.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from functools import cached_property
from io import BytesIO
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from rag_connectors.parsed import RefusalError
from rag_connectors.text import one_line

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_ENTRIES = 10_000
_MAX_RATIO = 200  # of any member above a megabyte
_DRAWN = (".emf", ".wmf", ".bmp", ".dib", ".tif", ".tiff", ".wav")  # good ones may be mostly white, and are not text
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_OVERRIDE = "{http://schemas.openxmlformats.org/package/2006/content-types}Override"
_DC = "{http://purl.org/dc/elements/1.1/}"
_DATES = ("{http://purl.org/dc/terms/}modified", "{http://purl.org/dc/terms/}created")
_ISO = re.compile(r"\d{4}-\d\d")
_MAIN = ".main+xml"  # ends the type of the part that a file begins with
# The strict variant of the format has other names for the same things.
_STRICT = re.compile(rb"""(\sxmlns(?::[\w.-]+)?\s*=\s*["'])http://purl\.oclc\.org/ooxml/(\w+)/""")
_USUAL = rb"\1http://schemas.openxmlformats.org/\2/2006/"


class Archive(zipfile.ZipFile):
    """A zip archive whose members are also found in another case, or written with backslashes."""

    def find(self, name: str) -> zipfile.ZipInfo | None:
        """The member of this name, or one that differs from it only in how it is written."""
        return self.NameToInfo.get(name) or self._alike.get(name.lower())

    @cached_property
    def _alike(self) -> dict[str, zipfile.ZipInfo]:
        return {_plain(member.filename): member for member in reversed(self.infolist())}


def _plain(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/").lower()).lstrip("/")


def unpack(data: bytes, *, limit: int) -> Archive:
    """The archive, if it is one and within its caps. Raises RefusalError."""
    if data.startswith(_OLE):
        raise RefusalError(
            "it needs a password, or it is in the old binary Office format: save it without, in the new one"
        )
    try:
        archive = Archive(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise RefusalError("damaged, or not what its name says: it is no zip archive") from error
    members = archive.infolist()
    if len(members) > _MAX_ENTRIES:
        raise RefusalError(f"refused: {len(members):,} entries in the archive, the limit is {_MAX_ENTRIES:,}")
    if sum(member.file_size for member in members) > limit:
        raise RefusalError(f"refused: it unpacks to more than {limit >> 20} MB")
    for member in members:
        if member.flag_bits & 1:
            raise RefusalError("encrypted: it needs a password")
        is_read = not member.filename.lower().endswith(_DRAWN)
        if is_read and member.file_size > max(1 << 20, _MAX_RATIO * member.compress_size):
            raise RefusalError(f"refused: an entry unpacks to more than {_MAX_RATIO} times its size")
    return archive


def content(archive: Archive, name: str) -> bytes | None:
    """A part of the archive as bytes, with the usual names where it is strict Office XML; None where there is none."""
    member = archive.find(name) if name else None
    if member is None:
        return None
    data = archive.read(member)
    return _STRICT.sub(_USUAL, data) if b"purl.oclc.org/ooxml" in data[:4096] else data


def xml(archive: Archive, name: str) -> Element | None:
    """A part of the archive as a tree, None where there is none. Raises RefusalError for broken or unsafe XML."""
    data = content(archive, name)
    return None if data is None else tree(data, name)


def tree(data: bytes, name: str = "it") -> Element:
    """A file or part as a tree. Raises RefusalError for broken or unsafe XML, which calls it by `name`."""
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        raise RefusalError(f"damaged: {name} is not well-formed XML") from error
    except DefusedXmlException as error:
        raise RefusalError(f"refused: {name} declares XML entities") from error
    return root


def need(archive: Archive, name: str, what: str) -> Element:
    """A part that must be there."""
    root = xml(archive, name)
    if root is None:
        raise RefusalError(f"damaged, or not what its name says: no {what} inside")
    return root


def main_part(archive: Archive, usual: str) -> str:
    """The part that an Office file begins with: the one its relations name, else the usual one."""
    targets = [target for kind, target in relations(archive, "").values() if kind == "officeDocument"]
    if not archive.find(usual):
        types = xml(archive, "[Content_Types].xml")
        parts = types.iter(_OVERRIDE) if types is not None else ()
        targets += [part.get("PartName", "").lstrip("/") for part in parts if _MAIN in part.get("ContentType", "")]
    return next((target for target in targets if archive.find(target)), usual)


def relations(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Relation id -> (last word of its type, part name) of an Office part; of the whole file for ""."""
    folder, name = posixpath.split(part)
    root = xml(archive, posixpath.join(folder, "_rels", f"{name}.rels"))
    found: dict[str, tuple[str, str]] = {}
    for relation in root.iter(_RELATIONS) if root is not None else ():
        target = relation.get("Target", "").replace("\\", "/")
        if relation.get("TargetMode") != "External":
            found[relation.get("Id", "")] = (relation.get("Type", "").rsplit("/", 1)[-1], resolve(part, target))
    return found


def related(archive: Archive, part: str, *kinds: str) -> list[str]:
    """The parts that a part names under these types of relation, each once."""
    return list(dict.fromkeys(target for kind, target in relations(archive, part).values() if kind in kinds))


def resolve(part: str, href: str) -> str:
    """The member a relative reference in `part` names."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), unquote(href))).lstrip("/")


def properties(archive: Archive) -> tuple[str, dict[str, str]]:
    """The title in an Office file's properties, and who wrote it (`author`) and changed it last when (`date`)."""
    try:
        root = xml(archive, next(iter(related(archive, "", "core-properties")), "docProps/core.xml"))
    except RefusalError:  # damaged properties cost no text
        root = None
    if root is None:
        return "", {}
    author, changed, made = (one_line(root.findtext(name) or "") for name in (f"{_DC}creator", *_DATES))
    date = next((date for date in (changed, made) if _ISO.match(date)), "")
    found = {"author": author, "date": date}
    return one_line(root.findtext(f"{_DC}title") or ""), {name: value for name, value in found.items() if value}
