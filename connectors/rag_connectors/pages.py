"""Pages of a text without what belongs to the paper: page numbers and running heads, which every page repeats.

What goes on over the end of a page goes on in the next line, so that a sentence stays one; else a blank line parts
pages. A running head that stands on fewer than three pages stays, and so does one on the first page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.text.furniture import LEAST, find_running, page_number
from rag.text.wraps import goes_over
from rag_connectors.writing import TextWriter


def strip_furniture(pages: Sequence[str]) -> list[str]:
    """Each page without its running heads and numbers."""
    rows = [page.split("\n") for page in pages]
    kept = []
    for lines, gone in zip(rows, find_running(rows), strict=True):
        whole = "\n".join(line for i, line in enumerate(lines) if i not in gone)
        kept.append(whole.strip("\n").rstrip() if gone else whole)
    return kept


def write_pages(writer: TextWriter, pages: Sequence[tuple[str, str]], scans: Mapping[str, str] | None = None) -> None:
    """Labels and texts, each page a span; empty ones are left out. `scans` say of a page how it was read by OCR."""
    above = ""
    for label, text in pages:
        if text.strip():
            below = next(line for line in text.split("\n") if line.strip())
            if not goes_over(above.strip(), below.strip()):
                writer.gap()
            start = writer.at
            writer.add(text)
            writer.span(start, "page", label)
            if scans and label in scans:
                writer.span(start, "ocr", scans[label])
            above = text.rstrip().rpartition("\n")[2]


def split_pages(text: str) -> list[tuple[str, str]]:
    """Labels and texts of the pages that lines like "[Page 3]" end, one by one; [] where they do not count pages."""
    numbers, texts, lines = list[int](), list[str](), list[str]()
    for line in text.split("\n"):
        lines.append(line)
        if number := page_number(line):
            numbers.append(number)
            texts.append("\n".join(lines))
            lines = []
    if len(numbers) < LEAST or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return []
    return [(f"page {n}", page) for n, page in enumerate([*texts, "\n".join(lines)], numbers[0])]
