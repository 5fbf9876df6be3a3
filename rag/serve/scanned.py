"""Where a quote stands on a page that was read by OCR: in its picture, by rapidocr (extra `ocr`).

The page is drawn and read as it was for the index, so that the same networks see the same words; that takes seconds,
once for each page. An index that has stored what they saw (`Manifest.letters`) needs no second reading.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from rag.serve.quotes import find_places, join_lines, letters_of
from rag.text.letters import Seen, unpack_letters

LONGEST, SHARPEST = 2000, 3.0  # pixels of the longer side, and a point, as the connector draws pages for OCR
MEMORY = 4 << 30  # bytes
SECONDS = 60  # of CPU
GRID = 1000  # in which a page is measured
_OPTIONS = {
    "Global.log_level": "critical",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


def see(page: Any) -> list[Seen]:
    """The letters in the picture of a page (of pypdfium2), line by line, each with its box; [] without the extra."""
    if find_spec("rapidocr") is None:
        return []
    from rapidocr import RapidOCR

    scale = min(SHARPEST, LONGEST / max(*page.get_size(), 1.0))
    picture = page.render(scale=scale).to_numpy()[:, :, :3]
    height, width = picture.shape[:2]
    found: Any = RapidOCR(params=_OPTIONS)(picture, use_cls=True, return_word_box=True, return_single_char_box=True)
    seen: list[Seen] = []
    for char, _, corners in (one for line in found.word_results or () for one in line):
        xs, ys = [x / width for x, _ in corners], [y / height for _, y in corners]
        box = float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))
        seen += [(letter, box) for letter in letters_of(char)]
    return seen


def find_seen(seen: Sequence[Seen], quote: str, nth: int) -> list[list[float]]:
    """Left, top, width and height of each line of a quote, in fractions of the page; [] where it is not seen."""
    chosen = find_places("".join(letter for letter, _ in seen), "".join(letters_of(quote)), nth)
    upward = [
        (GRID * left, -GRID * bottom, GRID * right, -GRID * top)
        for left, top, right, bottom in (seen[i][1] for i in chosen)
    ]
    boxes = ((left, -top, right - left, top - bottom) for left, bottom, right, top in join_lines(upward))
    return [[round(value / GRID, 5) for value in box] for box in boxes]


def unpack_seen(packed: bytes) -> list[Seen]:
    """The letters as `see` gives them, out of an index. Raises ValueError."""
    return [(letter, box) for char, box in unpack_letters(packed) for letter in letters_of(char)]
