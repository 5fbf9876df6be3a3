"""Pictures inside a document, by OCR: all of them (`ocr: always`), or those of a page or slide that has no other text.

The text of a picture stands where the picture does. What is smaller than a word, there a second time, or drawn by
instructions (emf, svg) is not read.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from rag_connectors import ocr
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError
from rag_connectors.writing import TextWriter

if TYPE_CHECKING:
    from PIL import Image

_MOST_PIXELS = 100_000_000
_MOST = 500  # pictures of one file
_LEAST = (60, 20)  # pixels of a picture with a word in it


class PictureReader:
    """The pictures of one file, read if the options say so."""

    def __init__(self, options: ParseOptions) -> None:
        self._options = options
        self._seen: set[bytes] = set()
        self._scans: list[tuple[str, ocr.Scan]] = []
        self._unread: list[str] = []  # where nothing but pictures is

    def write(self, pictures: Iterable[bytes], writer: TextWriter, label: str = "", *, bare: bool = False) -> None:
        """Write what OCR sees in them; `label` says where they are, `bare` that there is no other text."""
        if not bare and self._options.ocr != "always":
            return
        for data in pictures:
            digest = hashlib.sha256(data).digest()
            if digest in self._seen or len(self._seen) >= _MOST:
                continue
            self._seen.add(digest)
            if self._options.ocr == "never":
                self._unread += [label] * (label not in self._unread)
            elif self._options.scan and (scan := _read(data, self._options.ocr_model)).lines:
                writer.gap()
                start = writer.at
                writer.add("\n".join(line.text for line in scan.lines))
                writer.span(start, "ocr", ocr.said(scan.confidence))
                writer.gap()
                self._scans.append((label or f"picture {len(self._seen)}", scan))

    def parsed(self, record: ParsedRecord, lost: Iterable[str] = ()) -> Parsed:
        """The record, with what is to know of the pictures."""
        unsure, notes = ocr.noted(self._scans)
        if self._unread:
            where = f" on {', '.join(filter(None, self._unread[:10]))}" if any(self._unread) else ""
            advice = "" if ocr.is_installed() else ': pip install "raghop[ocr]" reads them'
            notes.append(f"nothing but pictures{where}{advice}")
        scans = len(self._seen) if self._options.ocr != "never" else 0
        return Parsed((record,), (*lost, *unsure), tuple(notes), scans)


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """A picture, not decoded yet. Raises RefusalError where it has too many pixels, OSError for what is none."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(data)) as picture:
                yield picture
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise RefusalError(f"refused: more than {_MOST_PIXELS:,} pixels") from error


def scan_picture(frame: Image.Image, model: str) -> ocr.Scan:
    """What OCR sees in a picture."""
    import numpy as np
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(frame).convert("RGBA")
    flat = Image.new("RGB", upright.size, "white")  # what is transparent is paper
    flat.paste(upright, mask=upright.getchannel("A"))
    flat.thumbnail((ocr.LONGEST, ocr.LONGEST))
    return ocr.read(np.ascontiguousarray(np.asarray(flat)[:, :, ::-1]), model=model)


def _read(data: bytes, model: str) -> ocr.Scan:
    """Nothing where it cannot be opened: a damaged picture costs the text around it nothing."""
    try:
        with open_picture(data) as picture:
            large = picture.width >= _LEAST[0] and picture.height >= _LEAST[1]
            return scan_picture(picture, model) if large else ocr.Scan([])
    except (OSError, ValueError, SyntaxError, RefusalError):  # Pillow's ways to say so
        return ocr.Scan([])
