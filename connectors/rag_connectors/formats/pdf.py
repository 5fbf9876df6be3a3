"""PDF by pypdf, page by page, with limits tighter than its own.

There is no OCR: pages that are pictures are named as lost. The limits end the known bombs in about two seconds
(200,000 content tokens a stream, 20 MB a decoded stream, 5,000 page tree nodes, 200 forms a page); the child process's
time and memory limits stand behind them.
"""

from __future__ import annotations

import logging
import re
import zlib
from io import BytesIO
from typing import Any

import pypdf
from pypdf.errors import EmptyFileError, FileNotDecryptedError, LimitReachedError, PdfStreamError
from pypdf.generic import EncodedStreamObject

from rag_connectors.pages import strip_furniture, write_pages
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import clean
from rag_connectors.writing import TextWriter

_MOST = 20_000_000  # bytes of a decoded stream
_LIMITS = {
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
_LOSSY = re.compile(  # what pypdf only logs, and costs text
    r"truncated|Rebuilding|not defined|can ?not be read|may be missing|Exceeded|Impossible to decode|Invalid stream|"
    r"EOF marker not found|Circular|Clamping|decompressing|Elementary Object|Expecting a NameObject|"
    r"wrong pointing object [1-9]"
)
_MARKS = re.compile(rb"\b(?:Do|BI|Tj|TJ)\b")
_PICTURE = re.compile(rb"\b(?:Do|BI)\b")
_INVISIBLE = re.compile(rb"\b3\s+Tr\b")
_BROKEN_WORD = re.compile(r"\b(\w*[^\W\d_])(\u00ad|-)\n([^\W\d_]\w*)")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})
_LINE_END = re.compile(r"[ \t]+\n")
_FILE_NAME = re.compile(r"\S*_\S*|.*\.\w{2,5}")
_WORD = re.compile(r"[^\W\d_]\w*(?:-\w+)*")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per page that has text."""
    warnings = _Warnings()
    logger = logging.getLogger("pypdf")
    logger.addHandler(warnings)
    logger.propagate = False
    try:
        with pypdf.apply_configuration(pypdf.Configuration().with_overwrites(**_LIMITS)):
            return _parse(data, warnings)
    except FileNotDecryptedError as error:
        raise RefusalError("encrypted: it needs a password") from error
    except LimitReachedError as error:
        raise RefusalError(f"refused: it is beyond a limit for PDF files ({error})") from error
    except (EmptyFileError, PdfStreamError) as error:
        raise RefusalError(f"damaged, or not a PDF ({error})") from error
    finally:
        logger.removeHandler(warnings)


def _parse(data: bytes, warnings: _Warnings) -> Parsed:
    reader = pypdf.PdfReader(BytesIO(data), strict=False)
    pages: list[str] = []
    lost: list[str] = []
    bare: list[int] = []
    hidden: list[int] = []
    for number, page in enumerate(reader.pages, 1):
        try:
            text = _LINE_END.sub("\n", clean(page.extract_text()).translate(_LIGATURES)).strip()
            shown = page.get_contents()
            marks = shown.get_data() if shown is not None else b""
            if _damaged(page):
                lost.append(f"page {number} is damaged, text may be missing")
            elif shown is None and "/Contents" in page:
                lost.append(f"page {number} could not be read (its content is missing)")
            elif not text and _MARKS.search(marks):  # an empty page loses nothing
                bare.append(number)
            elif text and _INVISIBLE.search(marks) and not _PICTURE.search(marks):  # over a picture it is its OCR
                hidden.append(number)
        except (FileNotDecryptedError, MemoryError):
            raise
        except Exception as error:  # pypdf raises nearly anything for a damaged page; the others may be sound
            lost.append(f"page {number} could not be read ({type(error).__name__})")
            text = ""
        pages.append(text)
    declared = _declared(reader)
    if not any(pages):
        raise RefusalError(lost[0] if lost else _no_text(len(pages)))
    if bare:
        lost.append(f"no text layer on {_numbers(bare)} (scanned?)")
    if hidden:
        lost.append(f"hidden text on {_numbers(hidden)}: a reader does not see it, but it is indexed")
    if declared > len(pages):
        lost.append(f"{len(pages)} of {declared} pages could be found")
    writer = TextWriter()
    texts = _join_words(strip_furniture(pages))
    write_pages(writer, [(f"page {number}", text) for number, text in enumerate(texts, 1)])
    title, meta = _properties(reader)
    return Parsed((writer.record(title=title, meta=meta),), (*lost, *warnings.lossy))


def _damaged(page: pypdf.PageObject) -> bool:
    """Whether a compressed stream of the page's content fails its checksum: pypdf takes what it can get of it."""
    content: Any = page["/Contents"] if "/Contents" in page else []
    for part in content if isinstance(content, list) else [content]:
        stream = part.get_object()
        if isinstance(stream, EncodedStreamObject) and stream.get("/Filter") in ("/FlateDecode", ["/FlateDecode"]):
            try:
                zlib.decompressobj().decompress(stream._data, _MOST)
            except zlib.error:
                return True
    return False


class _Warnings(logging.Handler):
    """Whether pypdf logged something that means lost text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lossy: tuple[str, ...] = ()

    def emit(self, record: logging.LogRecord) -> None:
        if _LOSSY.search(record.getMessage()):
            self.lossy = ("the file is damaged, text may be missing",)


def _declared(reader: pypdf.PdfReader) -> int:
    try:
        return int(reader.root_object["/Pages"]["/Count"])  # type: ignore[index]
    except Exception:  # a damaged page tree: the pages found are all there is to say
        return 0


def _no_text(pages: int) -> str:
    if not pages:
        return "damaged: no page could be found"
    return "no text layer (scanned?): run OCR on it first, for example with ocrmypdf"


def _numbers(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10])) + (", ..." if len(pages) > 10 else "")
    return f"page{'s' * (len(pages) > 1)} {shown}"


def _join_words(pages: list[str]) -> list[str]:
    """Words broken at a line end in one piece, where the document itself shows which piece is a word."""
    known = {word.lower() for page in pages for word in _WORD.findall(page)}

    def mend(match: re.Match[str]) -> str:
        first, hyphen, rest = match.groups()
        if hyphen == "\u00ad" or (first + rest).lower() in known:
            return first + rest
        return f"{first}-{rest}" if f"{first}-{rest}".lower() in known else match[0]

    return [_BROKEN_WORD.sub(mend, page) for page in pages]


def _properties(reader: pypdf.PdfReader) -> tuple[str, dict[str, str]]:
    try:
        found = reader.metadata
        title, author = (str(found.title or ""), str(found.author or "")) if found else ("", "")
    except Exception:  # damaged properties cost no text
        return "", {}
    return "" if _FILE_NAME.fullmatch(title) else title, {"author": author} if author else {}
