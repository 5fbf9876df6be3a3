"""Lines of page headers and footers: which say more than a number of the page."""

from __future__ import annotations

from rag.text.furniture import page_number

_PAGE_DIGITS = 5  # at most, of "3 / 120"


def says(text: str) -> bool:
    """Whether the line of a page's header says more than a number of the page."""
    return page_number(text) is None and (any(map(str.isalpha, text)) or sum(map(str.isdigit, text)) > _PAGE_DIGITS)
