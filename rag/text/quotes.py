"""How a sentence of a passage is quoted in an answer: on one line, between “ and ”, with no such marks inside."""

from rag.text.mend import join_lines
from rag.text.words import MARKER

_PLAIN_MARKS = str.maketrans("“”", '""')  # so that an answer's text says where a quote ends


def put_on_line(text: str) -> str:
    """On one line, without the footnote marks that would read as citations, and without what hides words."""
    return " ".join(MARKER.sub("", join_lines(text)).split())


def quote(text: str) -> str:
    """A passage's sentence in quotation marks."""
    return f"“{put_on_line(text).translate(_PLAIN_MARKS)}”"
