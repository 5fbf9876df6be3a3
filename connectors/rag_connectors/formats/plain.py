"""Plain text, as it is; where it is parted into pages, without their feet and running heads."""

from __future__ import annotations

from rag_connectors.data_uris import drop_data
from rag_connectors.pages import split_pages, strip_furniture, write_pages
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.text import decode
from rag_connectors.writing import TextWriter


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record, the decoded text; it has no title. Pages that lines like "[Page 3]" end are its sections."""
    text, lost = decode(data)
    text = drop_data(text)
    record = ParsedRecord(text)
    if pages := split_pages(text):
        writer = TextWriter()
        texts = strip_furniture([page for _, page in pages])
        write_pages(writer, [(label, page) for (label, _), page in zip(pages, texts, strict=True)])
        record = writer.record()
    return Parsed((record,), (lost,) if lost else ())
