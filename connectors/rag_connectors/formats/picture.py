"""Pictures (png, jpg, tiff, webp, bmp): the text in them by OCR, a page for each picture in the file.

Where OCR is not installed or not wanted, a picture is skipped and the reason says so.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from rag_connectors import ocr
from rag_connectors.pages import write_pages
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.writing import TextWriter

if TYPE_CHECKING:
    from PIL import Image

_MOST_PIXELS = 100_000_000
_MOST_PICTURES = 1_000  # of one file


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record; a section for each picture where there are several."""
    if options.ocr == "never":
        advice = "" if ocr.is_installed() else '; pip install "raghop[ocr]" reads its text'
        raise RefusalError(f"a picture{advice}", "skipped")
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(data)) as picture:
                count = getattr(picture, "n_frames", 1)
                if count > _MOST_PICTURES:
                    raise RefusalError(f"refused: more than {_MOST_PICTURES:,} pictures in it")
                if not options.scan:
                    picture.verify()
                    raise RefusalError("a picture whose text was not read", scans=count)
                scans = [_scan(frame, options.ocr_model) for frame in ImageSequence.Iterator(picture)]
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise RefusalError(f"refused: more than {_MOST_PIXELS:,} pixels") from error
    if not any(scan.lines for scan in scans):
        raise RefusalError("a picture without text", "skipped")
    pages = [(f"page {n}", scan) for n, scan in enumerate(scans, 1)]
    writer = TextWriter()
    texts = [(label, "\n".join(line.text for line in scan.lines)) for label, scan in pages]
    if len(pages) > 1:
        write_pages(writer, texts, {label: ocr.said(scan.confidence) for label, scan in pages})
    else:
        writer.add(texts[0][1])
        writer.span(0, "ocr", ocr.said(scans[0].confidence))
    lost, notes = ocr.noted(pages if len(pages) > 1 else [("", scans[0])])
    return Parsed((writer.record(),), tuple(lost), tuple(notes))


def _scan(frame: Image.Image, model: str) -> ocr.Scan:
    import numpy as np
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(frame).convert("RGBA")
    flat = Image.new("RGB", upright.size, "white")  # what is transparent is paper
    flat.paste(upright, mask=upright.getchannel("A"))
    flat.thumbnail((ocr.LONGEST, ocr.LONGEST))
    return ocr.read(np.ascontiguousarray(np.asarray(flat)[:, :, ::-1]), model=model)
