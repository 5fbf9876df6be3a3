"""Old binary presentations (ppt): named, and how to convert them; nobody keeps a reader for them."""

from __future__ import annotations

from rag_connectors.parsed import Parsed, ParseOptions, RefusalError


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """Raises RefusalError ("skipped")."""
    raise RefusalError(
        "old binary PowerPoint: convert it with `soffice --headless --convert-to pptx FILE` (LibreOffice), or save it "
        "as .pptx in PowerPoint",
        "skipped",
    )
