"""One page to its lines: words by PDFium in reading order, with what stands in its form fields and comments.

Where PDFium cannot load a page, pypdf's own text is taken. A page of implausible words is read again from copies of the
file whose fonts have guessed maps (`fonts.py`), then by pypdf; the most plausible text is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from io import BytesIO
from typing import Any, NamedTuple

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pypdf.errors import FileNotDecryptedError, LimitReachedError
from pypdf.generic import DictionaryObject

from rag_connectors import ocr
from rag_connectors.ocr import Scan
from rag_connectors.pdf import forms
from rag_connectors.pdf.boxes import Word, word
from rag_connectors.pdf.fonts import guesses
from rag_connectors.pdf.layout import lines_of
from rag_connectors.pdf.quality import agreement, is_garbled, is_no_language, likeness, plausibility
from rag_connectors.pdf.structure import Facts, Structure
from rag_connectors.pdf.words import PageWords, read_words

_AGREE = 0.9  # of the words, by both readers: the words are what the file says
_DOUBTFUL = 0.6  # share of plausible words that is enough then
_SHARPEST = 3.0  # pixels a point
_LINE = 12.0  # points, of a line whose place is not known


class PageText(NamedTuple):
    """A page's lines with where they stand, its height in points, and what its content says of it."""

    lines: list[Word]
    height: float = 0.0
    facts: Facts = Facts()
    scan: Scan | None = None  # by OCR

    @property
    def is_bare(self) -> bool:
        """Whether it shows something and has no text; an empty page loses nothing."""
        return self.facts.shows and not self.lines

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(line.text for line in self.lines)


def unlock(data: bytes) -> bytes:
    """The file without its encryption, which pypdf cannot undo by itself. Raises FileNotDecryptedError."""
    if b"/Encrypt" not in data:
        return data
    try:
        with closing(pypdfium2.PdfDocument(data)) as document:
            if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) < 0:
                return data
            copy = BytesIO()
            document.save(copy, flags=pdfium.FPDF_REMOVE_SECURITY)
            return copy.getvalue()
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise FileNotDecryptedError("it needs a password") from error
        return data


def rebuild(data: bytes) -> bytes:
    """The file as PDFium finds its parts and writes them anew; as it is where that finds none."""
    try:
        with closing(pypdfium2.PdfDocument(data)) as document:
            copy = BytesIO()
            document.save(copy)
            return copy.getvalue()
    except pypdfium2.PdfiumError:
        return data


def read_pages(data: bytes, structure: Structure) -> list[PageText]:
    """Every page of a file. Raises FileNotDecryptedError."""
    pages = [PageText([], facts=_facts(structure, number)) for number in range(1, len(structure.pages) + 1)]
    wanted = [n for n, page in enumerate(pages) if not page.facts.refused]
    mapped = _mapped(data, structure.reader) if structure.unmapped else data
    for n, page in zip(wanted, _lines(mapped, structure, wanted), strict=True):
        pages[n] = page._replace(facts=pages[n].facts)
    again = [n for n, page in enumerate(pages) if is_garbled(page.text) or page.is_bare]
    for copy in guesses(structure.reader, again) if again else ():
        for n, page in zip(again, list(_lines(copy, structure, again)), strict=True):
            if page.lines and (not pages[n].lines or likeness(page.text) > likeness(pages[n].text)):
                pages[n] = pages[n]._replace(lines=page.lines)
    for n in again:
        if is_garbled(pages[n].text):
            pages[n] = _compared(pages[n], structure.pages[n], n + 1)
    return pages


def _mapped(data: bytes, reader: pypdf.PdfReader) -> bytes:
    """The file with the first guess of what its fonts show."""
    try:
        return next(guesses(reader, range(len(reader.pages))), data)
    except (FileNotDecryptedError, MemoryError):
        raise
    except Exception:  # what cannot be written anew is read as it is
        return data


def _facts(structure: Structure, number: int) -> Facts:
    try:
        return structure.facts(number)
    except (FileNotDecryptedError, MemoryError):
        raise
    except Exception as error:  # pypdf raises nearly anything for a damaged page; the others may be sound
        lost = f"page {number} could not be read ({type(error).__name__})"
        return Facts(lost=lost, refused=isinstance(error, LimitReachedError))


def _lines(data: bytes, structure: Structure, wanted: Sequence[int]) -> Iterator[PageText]:
    """The wanted pages, counted from 0."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        yield from (PageText(_by_pypdf(structure.pages[n])) for n in wanted)
        return
    with closing(document):
        for n in wanted:
            handle: Any = pdfium.FPDF_LoadPage(document.raw, n)
            if not handle:
                yield PageText(_by_pypdf(structure.pages[n]))
                continue
            notes = forms.notes(structure.pages[n])
            if _is_drawn(notes) and pdfium.FPDFPage_Flatten(handle, 0) == pdfium.FLATTEN_SUCCESS:
                pdfium.FPDF_ClosePage(handle)
                handle = pdfium.FPDF_LoadPage(document.raw, n)
            try:
                words = read_words(handle)
            finally:
                pdfium.FPDF_ClosePage(handle)
            yield PageText(_with_notes(words, notes), words.height)


def _is_drawn(notes: Sequence[DictionaryObject]) -> bool:
    """Whether what stands on the page beside its content can be read only as it is drawn."""
    with suppress(Exception):  # damaged annotations cost the page nothing
        return forms.has_only_drawn(notes)
    return False


def _with_notes(words: PageWords, notes: Sequence[DictionaryObject]) -> list[Word]:
    """The lines of a page with the values of its form fields, comments at its end."""
    runs, remarks = list(words.runs), list[str]()
    with suppress(Exception):  # damaged annotations cost the page nothing
        for box, text in forms.values(notes):
            runs += [[line] for line in _value(words, box, text)]
        remarks = list(forms.comments(notes))
    lines = lines_of(runs, words.aside)
    return lines + [word(0.0, words.height, 0.0, words.height + _LINE, " ".join(text.split())) for text in remarks]


def _value(words: PageWords, box: forms.Rectangle, text: str) -> Iterator[Word]:
    """The lines of a value, one below the other in its box; none if the page itself says it there."""
    place = words.place(box, "")
    here = " ".join(
        one.text
        for run in words.runs
        for one in run
        if place.left <= (one.left + one.right) / 2 <= place.right
        and place.top <= (one.top + one.bottom) / 2 <= place.bottom
    )
    parts = [part for part in text.splitlines() if part.strip()]
    if here and " ".join(text.split()) in here:
        return
    height = place.height / max(1, len(parts))
    for n, part in enumerate(parts):
        top = place.top + n * height
        yield word(place.left, top, place.right, top + height, " ".join(part.split()))


def _by_pypdf(page: pypdf.PageObject) -> list[Word]:
    try:
        text = page.extract_text()
    except (FileNotDecryptedError, MemoryError):
        raise
    except Exception:  # of a damaged page: its facts say so
        return []
    return [word(0.0, n * _LINE, 0.0, (n + 1) * _LINE, line.strip()) for n, line in enumerate(text.splitlines())]


def _compared(page: PageText, other: pypdf.PageObject, number: int) -> PageText:
    """A page of implausible words, beside what pypdf reads: the better of both, named as lost if that is not sound."""
    lines = _by_pypdf(other)
    text = "\n".join(line.text for line in lines)
    if not is_garbled(text) and text.strip():
        return page._replace(lines=lines)
    sound = plausibility(page.text)[0] >= _DOUBTFUL and not is_no_language(page.text)
    if sound and agreement(page.text, text) >= _AGREE:
        return page
    lost = page.facts.lost or f"page {number} is garbled: its fonts do not say which letters they show"
    return page._replace(facts=page.facts._replace(lost=lost, garbled=True))


def scan_pages(data: bytes, pages: Sequence[PageText], wanted: Sequence[int], model: str = "") -> list[PageText]:
    """The pages with the text that OCR sees on the wanted ones, counted from 0; one without any stays as it was."""
    found = list(pages)
    with closing(pypdfium2.PdfDocument(data)) as document:
        for n in wanted:
            with closing(document[n]) as page:
                width, height = page.get_size()
                scale = min(_SHARPEST, ocr.LONGEST / max(width, height, 1.0))
                picture = page.render(scale=scale, no_smoothtext=False).to_numpy()
            scan = ocr.read(picture[:, :, :3], scale=scale, model=model, letters=True)
            if scan.lines:
                facts = found[n].facts._replace(lost="", garbled=False)
                found[n] = PageText(scan.lines, height, facts, scan)
    return found
