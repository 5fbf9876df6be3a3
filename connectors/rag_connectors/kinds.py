"""Which parser reads which file, by suffix; and what files that are none of these give away by their first bytes."""

from __future__ import annotations

import os
from typing import NamedTuple


class Kind(NamedTuple):
    """A parser: module `rag_connectors.formats.<name>`. Raise `version` when the same bytes give another result."""

    name: str
    version: int
    suffixes: str
    text: bool = True  # its files are text: binary content means a wrong name


KINDS = (
    Kind("plain", 4, "txt text log cfg conf ini toml yaml yml tex bib org adoc srt vtt properties"),
    Kind(
        "code",
        3,
        "py pyi js mjs cjs jsx ts tsx java kt kts scala go rs c h cc cpp cxx hpp hh cs m mm swift rb php pl pm lua jl "
        "dart ex exs erl hs clj r groovy sh bash zsh fish ps1 sql proto thrift graphql css scss less vue svelte tf",
    ),
    Kind("markdown", 6, "md markdown mdx mdown mkd"),
    Kind("html", 7, "html htm xhtml"),
    Kind("xml", 3, "xml rss atom rdf opml plist svg kml gpx xlf xliff tmx resx dita dbk tei nxml fb2"),
    Kind("confluence", 1, "confluence"),  # entities.xml of an export, as its connector calls it
    Kind("pdf", 6, "pdf", text=False),
    Kind("picture", 1, "png jpg jpeg jpe tif tiff webp bmp", text=False),
    Kind("docx", 5, "docx docm dotx dotm", text=False),
    Kind("pptx", 5, "pptx pptm ppsx ppsm potx potm", text=False),
    Kind("xlsx", 6, "xlsx xlsm xltx xltm", text=False),
    Kind("doc", 2, "doc dot", text=False),
    Kind("xls", 3, "xls xlt xlsb", text=False),
    Kind("ppt", 1, "ppt pps pot", text=False),
    Kind("rtf", 3, "rtf", text=False),
    Kind("odf", 5, "odt ott odm ods ots odp otp odg otg fodt fods fodp fodg", text=False),
    Kind("csv", 7, "csv tsv tab"),
    Kind("json", 7, "json"),
    Kind("jsonl", 6, "jsonl ndjson"),
    Kind("ipynb", 4, "ipynb"),
    Kind("epub", 7, "epub", text=False),
    Kind("eml", 7, "eml emlx mht mhtml"),
    Kind("mbox", 5, "mbox mbx"),
    Kind("msg", 5, "msg", text=False),
    Kind("rst", 2, "rst rest"),
    Kind("cards", 1, "ics ical vcs vcf vcard"),
)
_BY_SUFFIX = {f".{suffix}": kind for kind in KINDS for suffix in kind.suffixes.split()}
_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive (or an Office file)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "RTF"),
)


def kind_of(name: str) -> Kind | None:
    """The parser of a file with this name; None when its suffix says nothing."""
    return _BY_SUFFIX.get(suffix_of(name))


def suffix_of(name: str) -> str:
    """The lower-case suffix with its dot, "" when there is none."""
    return os.path.splitext(name)[1].lower()


def magic_of(head: bytes) -> str:
    """What the first bytes show it to be, in words; "" when they show nothing."""
    return next((words for magic, words in _MAGIC if head.startswith(magic)), "")
