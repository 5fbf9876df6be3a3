"""Whether scans are read: the pages of PDFs as pictures, what OCR sees on them, and where, beside the PDFs' own text.

    python -m benchmarks.scans [--pages N]           the first N pages of each PDF of examples/; 3

A page is drawn at 144 dots an inch in grey, and its picture made a PDF without text. Words are those of letters and
digits with two and more in the page's own text, each as often as it comes; a box is where the server shows a word that
stands once on its page, compared with where the page's own text has it: the largest of its four edges' distances.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pypdfium2

from rag.serve.render import find_boxes
from rag.serve.scanned import find_seen, see
from rag.text.letters import Seen
from rag_connectors.formats import pdf
from rag_connectors.parsed import ParseOptions

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
_WORD = re.compile(r"[^\W_]{2,}")
_LONG = 6  # letters of a word whose box is compared
_BOXES = 40  # words of a page whose boxes are compared


class Reading(NamedTuple):
    """A page: its words, those that OCR saw, how far boxes are off in points, CPU seconds of reading it."""

    words: int
    seen: int
    off: list[float]
    seconds: float


def read(page: Any) -> Reading:
    """One page as a scan."""
    picture = BytesIO()
    page.render(scale=2).to_pil().convert("L").save(picture, "PDF", resolution=144)
    own = Counter(_WORD.findall(page.get_textpage().get_text_bounded().casefold()))
    begin = time.process_time()
    parsed = pdf.parse(picture.getvalue(), "scan.pdf", ParseOptions(ocr="always", scan=True))
    seconds = time.process_time() - begin
    seen = Counter(_WORD.findall("\n".join(record.text for record in parsed.records).casefold()))
    letters = see(pypdfium2.PdfDocument(picture.getvalue())[0])
    once = [word for word, count in own.items() if count == 1 and seen[word] == 1 and len(word) >= _LONG]
    off = [_off(page, letters, word) for word in once[:: 1 + len(once) // _BOXES]]
    return Reading(own.total(), (own & seen).total(), off, seconds)


def _off(page: Any, seen: list[Seen], word: str) -> float:
    """Points; a hundred where one of both has no single box."""
    places = find_boxes(page, word, 0), find_seen(seen, word, 0)
    if any(len(found) != 1 for found in places):
        return 100.0
    width, height = page.get_size()
    edges = [(x * width, y * height, (x + w) * width, (y + h) * height) for ((x, y, w, h),) in places]
    return float(max(abs(a - b) for a, b in zip(*edges, strict=True)))


def rows(found: list[Reading]) -> Iterator[str]:
    """The table."""
    off = sorted(distance for one in found for distance in one.off)
    yield "| pages | words | seen | boxes | off, points, median | largest | within 3 points | CPU s a page |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    words, seen = sum(one.words for one in found), sum(one.seen for one in found)
    near, cost = sum(distance <= 3 for distance in off), sum(one.seconds for one in found) / len(found)
    yield (
        f"| {len(found)} | {words} | {seen / words:.3f} | {len(off)} | {median(off):.1f} | {off[-1]:.1f} | "
        f"{near} | {cost:.1f} |"
    )


def main() -> None:
    """Read the first pages of every PDF of `examples/`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=3)
    pages = parser.parse_args().pages
    found = []
    for path in sorted(EXAMPLES.rglob("*.pdf")):
        document = pypdfium2.PdfDocument(path)
        for n in range(min(pages, len(document))):
            found.append(one := read(document[n]))
            print(f"{path.name} {n + 1}: {one.seen} of {one.words}, {[round(d, 1) for d in one.off]}", flush=True)
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
