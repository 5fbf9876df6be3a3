"""The date that a document gives of itself, from its fields: front matter, a mail's headers, a record's columns."""

from collections.abc import Mapping

from rag.types import Values

FIELDS = (
    "updated",
    "modified",
    "last_modified",
    "lastmod",
    "revised",
    "date",
    "published",
    "created",
)  # the latest first
LONGEST = 40  # characters of a date


def find_date(meta: Mapping[str, Values]) -> str:
    """As the document has it: "2024-05-03", "Fri, 3 May 2024 10:12:00 +0200"; "" where no field is called a date."""
    fields = {name.casefold().replace("-", "_"): value for name, value in meta.items()}
    found = (str(fields[name]).strip() for name in FIELDS if isinstance(fields.get(name), str | int))
    return next((date for date in found if any(map(str.isdigit, date)) and len(date) <= LONGEST), "")
