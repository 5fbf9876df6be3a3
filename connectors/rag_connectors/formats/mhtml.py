"""A page saved with what belongs to it (MHTML), as Office programs write under names of their own."""

from __future__ import annotations

from rag_connectors.office.embedded import embedded
from rag_connectors.parsed import Parsed, ParseOptions


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """The page's record."""
    return embedded(data, name, options)
