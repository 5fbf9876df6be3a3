"""The child process that draws a page of a PDF: `python -P -m rag.serve.render PAGE SCALE`, the file in, PNG out.

With a third argument, a JSON list [quote, nth], it gives instead where that stands on the page: {"width", "height",
"pages", "boxes"}, in points and in fractions of the page from its upper left corner. It limits its memory and time
before it reads the file, which may be anyone's. Exit code 3: there is no such page; 4: this PDF cannot be drawn.
"""

import json
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from io import BytesIO
from typing import Any

MEMORY = 1 << 30  # bytes
SECONDS = 20  # of CPU
LARGEST = 4000  # pixels of the longer side
NO_PAGE, NO_PDF = 3, 4
LEAST = 4  # letters in a row that count as a part of a quote
MOST_OF = 0.6  # a share of its letters, where a quote is not there as a whole
GRID = 100_000  # in which a page is measured


def main() -> None:
    """Do what the arguments say."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    import pypdfium2

    number, scale, *sought = sys.argv[1:]
    try:
        document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
        if not 1 <= int(number) <= len(document):
            sys.exit(NO_PAGE)
        page = document[int(number) - 1]
    except pypdfium2.PdfiumError:
        sys.exit(NO_PDF)
    if sought:
        quote, nth = json.loads(sought[0])
        width, height = page.get_size()
        found = {"width": width, "height": height, "pages": len(document), "boxes": find_boxes(page, quote, nth)}
        sys.stdout.write(json.dumps(found))
    else:
        sys.stdout.buffer.write(draw(page, float(scale)))


def draw(page: Any, scale: float) -> bytes:
    """A page as PNG; `scale` is in pixels per point."""
    picture = page.render(scale=min(scale, LARGEST / max(page.get_size()))).to_pil()
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def find_boxes(page: Any, quote: str, nth: int) -> list[list[float]]:
    """Left, top, width and height of each line of a quote that stands on a page, of several the `nth`, from 0.

    Letters and digits are compared, so that spaces and hyphens at line ends may differ. Where a quote as a whole is not
    there, its parts of some length are.
    """
    text = page.get_textpage()
    letters, places = [], []
    for index in range(text.count_chars()):
        for letter in _letters(text.get_text_range(index, 1)):
            letters.append(letter)
            places.append(index)
    chosen = [places[i] for i in _find("".join(letters), "".join(_letters(quote)), nth)]
    return [_fraction(page, box) for box in _lines([text.get_charbox(index, loose=True) for index in chosen])]


def _letters(text: str) -> Iterator[str]:
    return (c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _find(text: str, quote: str, nth: int) -> Iterator[int]:
    """The places of a quote's letters in a text; none where most of it is not there."""
    at, found = -1, []
    while quote and (at := text.find(quote, at + 1)) >= 0:
        found.append(at)
    if found:
        first = found[min(nth, len(found) - 1)]
        yield from range(first, first + len(quote))
        return
    blocks = [b for b in SequenceMatcher(None, quote, text, autojunk=False).get_matching_blocks() if b.size >= LEAST]
    if sum(block.size for block in blocks) >= MOST_OF * len(quote):
        for block in blocks:
            yield from range(block.b, block.b + block.size)


def _lines(boxes: Sequence[Sequence[float]]) -> list[list[float]]:
    """Boxes of characters (left, bottom, right, top) that stand beside each other, as one box for each line."""
    lines: list[list[float]] = []
    for left, bottom, right, top in boxes:
        last = lines[-1] if lines else None
        if last and min(last[3], top) - max(last[1], bottom) > (top - bottom) / 2 and left > last[0] - 1:
            last[:] = [min(last[0], left), min(last[1], bottom), max(last[2], right), max(last[3], top)]
        else:
            lines.append([left, bottom, right, top])
    return lines


def _fraction(page: Any, box: Sequence[float]) -> list[float]:
    """A box on the page as it is seen, turned and cut as its file says."""
    from ctypes import c_int

    import pypdfium2.raw as pdfium

    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        across, down = c_int(), c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, GRID, GRID, 0, x, y, across, down)
        corners.append((across.value / GRID, down.value / GRID))
    (a, b), (c, d) = corners
    return [round(value, 5) for value in (min(a, c), min(b, d), abs(a - c), abs(b - d))]


if __name__ == "__main__":
    main()
