"""Text in pictures, by rapidocr (extra `ocr`): lines with boxes and how sure the networks are of them.

Its models, for Chinese, English and other languages in Latin script, come with the package; nothing is downloaded. For
another script a network that reads it can be named. It runs in the limited child processes alone. What it does not do:
read handwriting well, or turn a page that lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.errors import MissingExtra
from rag.text.letters import Seen, pack_letters
from rag_connectors.pdf.boxes import Word, word

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

LONGEST = 2000  # pixels of a picture's longer side; the networks make a longer one smaller
UNSURE = 0.8  # confidence below which a page is said to be unsure
_OPTIONS = {
    "Global.log_level": "critical",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # a process for each file in work
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class Scan(NamedTuple):
    """The lines of a picture, in points of the page it shows, and how sure they are (0 to 1)."""

    lines: list[Word]
    confidence: float = 0.0
    letters: bytes = b""  # with their boxes in the picture, packed (`rag.text.letters`), if they were asked for


def is_installed() -> bool:
    """Whether pictures can be read."""
    return find_spec("rapidocr") is not None


def need() -> None:
    """Raises MissingExtra where they cannot."""
    if not is_installed():
        raise MissingExtra('connector.ocr: always needs rapidocr, which is not installed: pip install "raghop[ocr]"')


def read(picture: NDArray[uint8], *, scale: float = 1.0, model: str = "", letters: bool = False) -> Scan:
    """The lines of a picture (height, width, blue green red), of `scale` pixels a point, in reading order.

    `model` is the path of a network for another script, in the form of rapidocr's own.
    """
    from rag_connectors.pdf.layout import lines_of

    found: Any = _engine(model)(picture, use_cls=True, return_word_box=letters, return_single_char_box=letters)
    if found.txts is None:
        return Scan([])
    lines = []
    for corners, text in zip(found.boxes.tolist(), found.txts, strict=True):
        xs, ys = ([corner[i] / scale for corner in corners] for i in (0, 1))
        if text.strip():
            lines.append(word(min(xs), min(ys), max(xs), max(ys), text.strip()))
    sure = sum(score * len(text) for score, text in zip(found.scores, found.txts, strict=True))
    seen = pack_letters(list(_seen(found.word_results or (), *picture.shape[:2]))) if letters else b""
    return Scan(lines_of([[line] for line in lines]), sure / max(1, sum(map(len, found.txts))), seen)


def _seen(lines: Iterable[Any], height: int, width: int) -> Iterator[Seen]:
    """Every letter with its box, as fractions of the picture."""
    for letter, _, corners in (one for line in lines for one in line):
        xs, ys = [x / width for x, _ in corners], [y / height for _, y in corners]
        yield letter, (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))


def said(confidence: float) -> str:
    """How an address says that OCR read it."""
    return f"by OCR, {_percent(confidence)} sure"


def _percent(confidence: float) -> str:
    return f"{min(confidence, 0.99):.0%}"  # no reading is certain


def noted(pages: Iterable[tuple[str, Scan]]) -> tuple[list[str], list[str]]:
    """What a file's owner is to know of its pages (their labels, "" for a picture): what is unsure, and the rest."""
    unsure, sure = list[str](), list[str]()
    for label, scan in pages:
        if scan.lines:
            (unsure if scan.confidence < UNSURE else sure).append(f"{label} ({_percent(scan.confidence)})".strip())
    lost = [f"OCR is unsure of its text: {', '.join(unsure[:10])}"] if unsure else []
    return lost, [f"read by OCR: {', '.join(sure[:10])}{', ...' * (len(sure) > 10)}"] if sure else []


@cache
def _engine(model: str) -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={**_OPTIONS, "Rec.model_path": model} if model else _OPTIONS)
