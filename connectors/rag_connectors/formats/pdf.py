"""PDF: text in reading order by PDFium, structure and damage by pypdf; a section for each page.

There is no OCR here: pages that are pictures are named as lost.
"""

from __future__ import annotations

import logging
import re
from io import BytesIO

import pypdf
from pypdf.errors import EmptyFileError, FileNotDecryptedError, LimitReachedError, PdfStreamError

from rag_connectors.pages import write_pages
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.pdf.hyphens import join_words
from rag_connectors.pdf.margins import strip_margins
from rag_connectors.pdf.read import read_pages
from rag_connectors.pdf.structure import LIMITS, Structure, Warnings
from rag_connectors.text import clean
from rag_connectors.writing import TextWriter

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_FILE_NAME = re.compile(r"\S*_\S*|.*\.\w{2,5}")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record with a section per page that has text."""
    warnings = Warnings()
    logger = logging.getLogger("pypdf")
    logger.addHandler(warnings)
    logger.propagate = False
    try:
        with pypdf.apply_configuration(pypdf.Configuration().with_overwrites(**LIMITS)):
            return _parse(data, warnings)
    except FileNotDecryptedError as error:
        raise RefusalError("encrypted: it needs a password") from error
    except LimitReachedError as error:
        raise RefusalError(f"refused: it is beyond a limit for PDF files ({error})") from error
    except (EmptyFileError, PdfStreamError) as error:
        raise RefusalError(f"damaged, or not a PDF ({error})") from error
    finally:
        logger.removeHandler(warnings)


def _parse(data: bytes, warnings: Warnings) -> Parsed:
    structure = Structure(pypdf.PdfReader(BytesIO(data), strict=False))
    pages = read_pages(data, structure)
    lost = [page.facts.lost for page in pages if page.facts.lost]
    if not any(page.lines for page in pages):
        raise RefusalError(lost[0] if lost else _no_text(len(pages)))
    told = [(n, page) for n, page in enumerate(pages, 1) if not page.facts.lost]
    bare = [n for n, page in told if page.facts.shows and not page.lines]  # an empty page loses nothing
    hidden = [n for n, page in told if page.facts.hidden and page.lines and not page.facts.picture]  # else its OCR
    if bare:
        lost.append(f"no text layer on {_numbers(bare)} (scanned?)")
    if hidden:
        lost.append(f"hidden text on {_numbers(hidden)}: a reader does not see it, but it is indexed")
    if structure.declared > len(pages):
        lost.append(f"{len(pages)} of {structure.declared} pages could be found")
    kept = strip_margins([page.lines for page in pages], [page.height for page in pages])
    texts = join_words([clean("\n".join(line.text for line in lines)).translate(_LIGATURES) for lines in kept])
    writer = TextWriter()
    write_pages(writer, [(f"page {number}", text) for number, text in enumerate(texts, 1)])
    title, meta = _properties(structure.reader)
    return Parsed((writer.record(title=title, meta=meta),), (*lost, *warnings.lossy))


def _no_text(pages: int) -> str:
    if not pages:
        return "damaged: no page could be found"
    return "no text layer (scanned?): run OCR on it first, for example with ocrmypdf"


def _numbers(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10])) + (", ..." if len(pages) > 10 else "")
    return f"page{'s' * (len(pages) > 1)} {shown}"


def _properties(reader: pypdf.PdfReader) -> tuple[str, dict[str, str]]:
    try:
        found = reader.metadata
        title, author = (str(found.title or ""), str(found.author or "")) if found else ("", "")
    except Exception:  # damaged properties cost no text
        return "", {}
    return "" if _FILE_NAME.fullmatch(title) else title, {"author": author} if author else {}
