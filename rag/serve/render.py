"""The child process that draws a page of a PDF: `python -P -m rag.serve.render PAGE SCALE`, the file in, PNG out.

With a third argument, a JSON list [quote, nth], it gives instead where that stands on the page: {"width", "height",
"pages", "boxes"}, in points and in fractions of the page from its upper left corner. With "scan" there, it gives
"seen" in place of boxes, every letter that OCR sees on the page with its box. It limits its memory and time before it
reads the file, which may be anyone's. Exit code 3: there is no such page; 4: this PDF cannot be drawn.
"""

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from rag.serve.quotes import find_places, join_lines, letters_of
from rag.serve.scanned import MEMORY as SCAN_MEMORY
from rag.serve.scanned import SECONDS as SCAN_SECONDS
from rag.serve.scanned import see

MEMORY = 1 << 30  # bytes
SECONDS = 20  # of CPU
LARGEST = 4000  # pixels of the longer side
NO_PAGE, NO_PDF = 3, 4
SCAN = "scan"
GRID = 100_000  # in which a page is measured


def main() -> None:
    """Do what the arguments say."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number, scale, sought = [*sys.argv[1:], ""][:3]
    memory, seconds = (SCAN_MEMORY, SCAN_SECONDS) if sought == SCAN else (MEMORY, SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
        if not 1 <= int(number) <= len(document):
            sys.exit(NO_PAGE)
        page = document[int(number) - 1]
    except pypdfium2.PdfiumError:
        sys.exit(NO_PDF)
    if sought:
        width, height = page.get_size()
        where = {"seen": see(page)} if sought == SCAN else {"boxes": find_boxes(page, *json.loads(sought))}
        sys.stdout.write(json.dumps({"width": width, "height": height, "pages": len(document), **where}))
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
        for letter in letters_of(text.get_text_range(index, 1)):
            letters.append(letter)
            places.append(index)
    chosen = [places[i] for i in find_places("".join(letters), "".join(letters_of(quote)), nth)]
    return [_fraction(page, box) for box in join_lines([text.get_charbox(index, loose=True) for index in chosen])]


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
