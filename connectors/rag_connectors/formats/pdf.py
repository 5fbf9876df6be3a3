"""PDF: text in reading order by PDFium, structure and damage by pypdf; a section for each page.

Pages that are pictures, or garbled, are read by OCR if the options say so; else they are named as lost.
"""

from __future__ import annotations

import logging
import re
from io import BytesIO

import pypdf
from pypdf.errors import EmptyFileError, FileNotDecryptedError, LimitReachedError, PdfReadError, PdfStreamError

from rag_connectors import ocr
from rag_connectors.pages import write_pages
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.pdf.accents import mend_accents
from rag_connectors.pdf.hyphens import join_words
from rag_connectors.pdf.margins import strip_margins
from rag_connectors.pdf.read import read_pages, rebuild, scan_pages, unlock
from rag_connectors.pdf.structure import LIMITS, Structure, Warnings
from rag_connectors.text import clean
from rag_connectors.writing import TextWriter

LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_DATE = re.compile(r"(?:D:)?((?:19|20)\d\d)(0[1-9]|1[0-2])?(0[1-9]|[12]\d|3[01])?")
_FILLERS = frozenset(
    ["anonymous", "untitled", "unspecified", "unknown", "powerpoint presentation", "powerpoint-präsentation"]
)
_FILE_NAME = re.compile(r"\S*_\S*|.*\.\w{2,5}")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per page that has text."""
    warnings = Warnings()
    logger = logging.getLogger("pypdf")
    logger.addHandler(warnings)
    logger.propagate = False
    try:
        with pypdf.apply_configuration(pypdf.Configuration().with_overwrites(**LIMITS)):
            return _parse(data, options, warnings)
    except FileNotDecryptedError as error:
        raise RefusalError("encrypted: it needs a password") from error
    except LimitReachedError as error:
        raise RefusalError(f"refused: it is beyond a limit for PDF files ({error})") from error
    except (EmptyFileError, PdfStreamError) as error:
        raise RefusalError(f"damaged, or not a PDF ({error})") from error
    finally:
        logger.removeHandler(warnings)


def _parse(data: bytes, options: ParseOptions, warnings: Warnings) -> Parsed:
    data = unlock(data + b"\n%%EOF\n" if b"startxref" in data and b"%%EOF" not in data else data)
    try:
        structure, rebuilt = Structure(pypdf.PdfReader(BytesIO(data), strict=False)), False
    except PdfReadError:
        data, rebuilt = rebuild(data), True
        structure = Structure(pypdf.PdfReader(BytesIO(data), strict=False))
    pages = read_pages(data, structure)
    needs = [page.is_bare or page.facts.garbled or (options.ocr == "always" and page.facts.shows) for page in pages]
    wanted = [n for n, need in enumerate(needs) if need]
    if options.scan:
        pages = scan_pages(data, pages, wanted, options.ocr_model)
    lost = [page.facts.lost for page in pages if page.facts.lost]
    if not any(page.lines for page in pages):
        raise RefusalError(lost[0] if lost else _no_text(len(pages), options), scans=len(wanted))
    told = [(n, page) for n, page in enumerate(pages, 1) if not page.facts.lost]
    bare = [n for n, page in told if page.is_bare]
    hidden = [n for n, page in told if page.facts.hidden and page.lines and not page.facts.picture]  # else its OCR
    if bare:
        lost.append(f"no text layer on {_numbers(bare)} (scanned?)")
    if hidden:
        lost.append(f"hidden text on {_numbers(hidden)}: a reader does not see it, but it is indexed")
    if rebuilt:
        lost.append("damaged: it does not say where its parts are, so they were searched")
    if structure.has_other_form:
        lost.append("its form is written in XML (XFA), which is not read: print it to another PDF")
    if structure.declared > len(pages):
        lost.append(f"{len(pages)} of {structure.declared} pages could be found")
    kept = strip_margins([page.lines for page in pages], [page.height for page in pages])
    whole = (mend_accents(clean("\n".join(line.text for line in lines))) for lines in kept)
    texts = join_words([_unligated(text) for text in whole])
    writer = TextWriter()
    scans = [(f"page {n}", page.scan) for n, page in enumerate(pages, 1) if page.scan]
    labels = [(f"page {number}", text) for number, text in enumerate(texts, 1)]
    write_pages(writer, labels, {label: ocr.said(scan.confidence) for label, scan in scans})
    title, meta = _properties(structure.reader)
    unsure, notes = ocr.noted(scans)
    record = writer.record(title=title, meta=meta)
    letters = tuple((n, page.scan.letters) for n, page in enumerate(pages, 1) if page.scan)
    return Parsed((record,), (*lost, *unsure, *warnings.lossy), tuple(notes), len(wanted), letters)


def _unligated(text: str) -> str:
    """The text with letters for ligatures: as `translate`, which looks at every letter."""
    for sign, letters in LIGATURES.items():
        text = text.replace(chr(sign), letters)
    return text


def _no_text(pages: int, options: ParseOptions) -> str:
    if not pages:
        return "damaged: no page could be found"
    if options.scan:
        return "no text layer, and OCR finds no text on it"
    advice = "" if ocr.is_installed() else ': pip install "raghop[ocr]" reads it'
    return f"no text layer (scanned?){advice}"


def _numbers(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10])) + (", ..." if len(pages) > 10 else "")
    return f"page{'s' * (len(pages) > 1)} {shown}"


def _properties(reader: pypdf.PdfReader) -> tuple[str, dict[str, str]]:
    try:
        found = reader.metadata
        title, author = (str(found.title or ""), str(found.author or "")) if found else ("", "")
        made = [found.get(name) for name in ("/ModDate", "/CreationDate")] if found else []
    except Exception:  # damaged properties cost no text
        return "", {}
    dates = (_DATE.match(str(date)) for date in made)
    date = next(("-".join(filter(None, match.groups())) for match in dates if match), "")
    meta = {name: value for name, value in (("author", author), ("date", date)) if value and not _is_filler(value)}
    return "" if _FILE_NAME.fullmatch(title) or _is_filler(title) else title, meta


def _is_filler(text: str) -> bool:
    """Whether a program put it there for want of a title or a name."""
    return text.strip(" ()").casefold() in _FILLERS
