"""Plain text, as it is."""

from __future__ import annotations

from rag_connectors.parsed import Options, Parsed, Record
from rag_connectors.text import decode


def parse(data: bytes, name: str, options: Options) -> Parsed:
    """One record, the decoded text; it has no title."""
    text, lost = decode(data)
    return Parsed((Record(text),), (lost,) if lost else ())
