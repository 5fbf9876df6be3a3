"""Where a document is from, when and by whom, as fields of a file, a mail or a record say."""

from collections.abc import Mapping
from typing import NamedTuple

from rag.text.dates import find_date
from rag.types import Values

URLS = ("url",)
AUTHORS = ("author", "authors", "creator", "from")


class Origin(NamedTuple):
    """Each "" where the document does not say it; several authors have commas between them."""

    url: str = ""
    date: str = ""
    author: str = ""


def find_origin(meta: Mapping[str, Values]) -> Origin:
    """As the document has them. Example: {"url": "https://x.example/a", "author": ("Ana", "Bo")}."""
    fields = {name.casefold(): value for name, value in meta.items()}
    return Origin(_first(fields, URLS), find_date(meta), _first(fields, AUTHORS))


def _first(fields: Mapping[str, Values], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name, "")
        if text := ", ".join(map(str, value if isinstance(value, tuple) else (value,))).strip():
            return text
    return ""
