"""What pypdf knows of a file's structure: damage, limits, its pages and what they show. It reads no text here.

The limits end the known bombs before PDFium sees them: 20 MB a decoded stream, 5,000 page tree nodes, 20,000 forms a
page; the child process's time and memory limits stand behind them.
"""

from __future__ import annotations

import logging
import re
import zlib
from typing import Any, NamedTuple

import pypdf
from pypdf.errors import LimitReachedError
from pypdf.generic import DictionaryObject, EncodedStreamObject, IndirectObject, StreamObject

_MOST = 20_000_000  # bytes of a decoded stream
_MOST_FORMS = 20_000  # that a page shows, each as often as it is shown
LIMITS = {
    "zlib_maximum_output_length": _MOST,
    "lzw_maximum_output_length": _MOST,
    "run_length_maximum_output_length": _MOST,
    "brotli_maximum_output_length": _MOST,
    "array_based_stream_maximum_output_length": _MOST,
    "stream_parsing_work_maximum_count": 200_000,
    "page_tree_maximum_entries": 5_000,
    "page_tree_maximum_page_entries": 20_000,
    "xform_maximum_invocations_per_extraction": 200,
    "jbig2dec_binary": None,  # never start another program
}
CODECS = {  # encodings that PDFium has no map of; what codes of seven bits lack there
    "RKSJ": ("shift_jis", 0),
    "78-RKSJ": ("shift_jis", 0),
    "78": ("euc_jp", 0x80),
    "78-EUC": ("euc_jp", 0),
    "Add": ("euc_jp", 0x80),
    "Ext": ("euc_jp", 0x80),
    "NWP": ("euc_jp", 0x80),
    "KSC": ("euc_kr", 0x80),
    "KSC-Johab": ("johab", 0),
    "GB": ("gb2312", 0x80),
    "GBT": ("gb2312", 0x80),
}
_LOSSY = re.compile(  # what pypdf only logs, and costs text
    r"truncated|Rebuilding|not defined|can ?not be read|may be missing|Exceeded|Impossible to decode|Invalid stream|"
    r"EOF marker not found|Circular|Clamping|decompressing|Elementary Object|Expecting a NameObject|"
    r"wrong pointing object [1-9]\d* \d+ \(offset [1-9]"  # an offset of zero is how macOS leaves out an object
)
_SHOWS = re.compile(rb"(?:Do|BI|Tj|TJ)\b(?<!\w..)")  # letters first, what stands before them last: a tenth of the time
_PICTURE = re.compile(rb"(?:Do|BI)\b(?<!\w..)")
_INVISIBLE = re.compile(rb"3(?<!\S.)\s+Tr\b")
_FORM = re.compile(rb"/([^\s/<>\[\]()]+)\s+Do\b")


class Facts(NamedTuple):
    """What a page's content says of it: whether it shows anything, a picture, text that nobody sees; what is broken."""

    shows: bool = False
    picture: bool = False
    hidden: bool = False
    lost: str = ""
    garbled: bool = False
    refused: bool = False  # beyond a limit: it must not be read


class Warnings(logging.Handler):
    """Whether pypdf logged something that means lost text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lossy: tuple[str, ...] = ()

    def emit(self, record: logging.LogRecord) -> None:
        if _LOSSY.search(record.getMessage()):
            self.lossy = ("the file is damaged, text may be missing",)


class Structure:
    """The pages of a file as pypdf finds them. Raises what pypdf raises for a file that it cannot open."""

    def __init__(self, reader: pypdf.PdfReader) -> None:
        self._forms: dict[int, tuple[int, bool]] = {}  # object -> forms shown in all, whether a stream is broken
        self._fonts: dict[int, bool] = {}  # object -> whether its map is broken; most pages have the same ones
        self.unmapped = False  # a font has an encoding that PDFium has no map of, or too few widths
        self.reader = reader
        self.pages = list(reader.pages)

    @property
    def declared(self) -> int:
        """How many pages the file says it has; 0 where it does not say."""
        try:
            return int(self.reader.root_object["/Pages"]["/Count"])  # type: ignore[index]
        except Exception:  # a damaged page tree: the pages found are all there is to say
            return 0

    @property
    def has_other_form(self) -> bool:
        """Whether the file's form is in XML (XFA) alone: a page only says that it has to wait."""
        form = resolved(self.reader.root_object.get("/AcroForm"))
        return isinstance(form, DictionaryObject) and "/XFA" in form and not resolved(form.get("/Fields"))

    def facts(self, number: int) -> Facts:
        """Of the page with this number, from 1. Raises LimitReachedError."""
        page = self.pages[number - 1]
        shown = page.get_contents()
        if shown is None:
            missing = f"page {number} could not be read (its content is missing)" if "/Contents" in page else ""
            return Facts(lost=missing)
        content = shown.get_data()
        forms, broken = self._look(page.get("/Resources"), content)
        if forms > _MOST_FORMS:
            raise LimitReachedError(f"page {number} shows more than {_MOST_FORMS:,} forms")
        lost = f"page {number} is damaged, text may be missing" if broken or _damaged(page["/Contents"]) else ""
        picture = (b"Do" in content or b"BI" in content) and bool(_PICTURE.search(content))
        return Facts(
            bool(_SHOWS.search(content)), picture, b" Tr" in content and bool(_INVISIBLE.search(content)), lost
        )

    def _look(self, resources: Any, content: bytes, depth: int = 0) -> tuple[int, bool]:
        """How many forms a content shows, forms in forms too, and whether a stream of text or of a font is broken."""
        broken = any([self._is_broken(font) for font in entries(resources, "/Font").values()])
        count = 0
        objects = entries(resources, "/XObject")
        for name in _FORM.findall(content) if objects else ():
            form = objects.get("/" + name.decode("latin-1"))
            if isinstance(form, StreamObject) and form.get("/Subtype") == "/Form" and depth < 30:
                if id(form) not in self._forms:
                    self._forms[id(form)] = 0, False  # a form that shows itself is shown once
                    inside, damaged = self._look(form.get("/Resources"), form.get_data(), depth + 1)
                    self._forms[id(form)] = inside, damaged or _damaged(form)
                count += 1 + self._forms[id(form)][0]
                broken |= self._forms[id(form)][1]
        return count, broken

    def _is_broken(self, font: DictionaryObject) -> bool:
        """Whether the stream is damaged that says what a font's letters are; notes fonts that PDFium has no map of."""
        found = self._fonts.get(id(font))
        if found is None:
            found = self._fonts[id(font)] = _damaged(font.get("/ToUnicode"))
            encoding = str(font.get("/Encoding"))[1:].removesuffix("-H")
            self.unmapped |= encoding in CODECS or lacks_widths(font)
        return found


def entries(resources: Any, kind: str) -> dict[str, DictionaryObject]:
    """The resources of a kind ("/Font", "/XObject") by name."""
    resources = resolved(resources)
    named = resolved(resources.get(kind)) if isinstance(resources, DictionaryObject) else None
    if not isinstance(named, DictionaryObject):
        return {}
    found = ((name, resolved(value)) for name, value in named.items())
    return {str(name): value for name, value in found if isinstance(value, DictionaryObject)}


def lacks_widths(font: DictionaryObject) -> bool:
    """Whether a font of the viewer's own is given widths of some letters alone: PDFium takes the others for zero."""
    if "/FontDescriptor" in font or "/Widths" not in font or font.get("/Subtype") not in ("/Type1", "/TrueType"):
        return False
    first, widths = resolved(font.get("/FirstChar")), resolved(font["/Widths"])
    given = len(widths) if isinstance(widths, list) else 0
    return not isinstance(first, int) or first > ord("A") or first + given <= ord("z")


def resolved(value: Any) -> Any:
    """The object itself where a reference to it stands."""
    return value.get_object() if isinstance(value, IndirectObject) else value


def _damaged(streams: Any) -> bool:
    """Whether a compressed stream fails its checksum: readers take what they can get of it."""
    streams = resolved(streams)
    return any(map(_is_damaged, streams if isinstance(streams, list) else [streams]))


def _is_damaged(stream: Any) -> bool:
    stream = resolved(stream)
    if isinstance(stream, EncodedStreamObject) and stream.get("/Filter") in ("/FlateDecode", ["/FlateDecode"]):
        try:
            zlib.decompressobj().decompress(stream._data, _MOST)
        except zlib.error:
            return True
    return False
