"""PictureReader (png, jpg, tiff, webp, bmp): the text in them by OCR, a page for each picture in the file.

Where OCR is not installed or not wanted, a picture is skipped and the reason says so.
"""

from __future__ import annotations

from rag_connectors import ocr
from rag_connectors.pages import write_pages
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.pictures import open_picture, scan_picture
from rag_connectors.writing import TextWriter

_MOST_PICTURES = 1_000  # of one file


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record; a section for each picture where there are several."""
    if options.ocr == "never":
        advice = "" if ocr.is_installed() else '; pip install "raghop[ocr]" reads its text'
        raise RefusalError(f"a picture{advice}", "skipped")
    from PIL import ImageSequence

    with open_picture(data) as picture:
        count = getattr(picture, "n_frames", 1)
        if count > _MOST_PICTURES:
            raise RefusalError(f"refused: more than {_MOST_PICTURES:,} pictures in it")
        if not options.scan:
            picture.verify()
            raise RefusalError("a picture whose text was not read", scans=count)
        scans = [scan_picture(frame, options.ocr_model) for frame in ImageSequence.Iterator(picture)]
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
