"""Plain text, as it is."""

from __future__ import annotations

from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions
from rag_connectors.text import decode


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record, the decoded text; it has no title."""
    text, lost = decode(data)
    return Parsed((ParsedRecord(text),), (lost,) if lost else ())
