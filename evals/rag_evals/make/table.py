"""Questions and descriptions from the rows of a table: what is the FIELD of what the row is about?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_evals.make.draft import Draft, Support
from rag_evals.make.material import Row

_NOTES = frozenset(
    "remark remarks note notes comment comments description status use feeds summary text id name".split()
)
_UNITS = frozenset("m m2 m3 km kg t kW kWh MW kVA V A Hz W l s ms min h hours days percent %".split())
_LONGEST = 6  # words of an answer


def of_row(row: Row) -> Iterator[Draft]:
    """Every question a row can be asked."""
    if (about := subject(row)) is None:
        return
    for field, answer in row.fields[1:]:
        question = _question(field, answer, about)
        if question and 1 < len(answer) and len(answer.split()) <= _LONGEST and re.match(r"[A-Z0-9]", answer):
            yield Draft(question, answer, "row", (Support(row.quote, row.chunk),))


def subject(row: Row) -> str | None:
    """What a row is about, by its first field: "Berth 2", "asset N-011", "the harbour master"."""
    field, value = row.fields[0]
    if not any(c.isalpha() for c in value) or "," in value or not value[0].isupper():
        return None
    parts = value.split()
    if any(c.isdigit() for c in value) or any(part[0].isupper() for part in parts[1:]):
        return value if len(parts) > 1 or not field.isalpha() else f"{field.lower()} {value}"
    return f"the {value[0].lower()}{value[1:]}" if len(parts) > 1 else None


def relation(field: str, about: str) -> str | None:
    """Like "the home berth of MV Skua", where a field can be said so."""
    if _bare(field).split()[-1].lower() in _NOTES or _bare(field).endswith(("ed", "s", "ilt")):
        return None
    return f"the {_inner(_bare(field))} of {about}"


def _question(field: str, answer: str, about: str) -> str | None:
    lower = field.lower()
    if re.fullmatch(r"(?:1[5-9]|20)\d\d", answer) and (lower.endswith("ed") or lower == "built"):
        return f"When was {about} {lower}?"
    if answer.isdecimal() and lower.isalpha() and lower.endswith("s") and lower not in _NOTES:
        return f"How many {lower} does {about} have?"
    if (said := relation(field, about)) is None:
        return None
    unit = f" in {field.split()[-1].strip('()')}" if _bare(field) != field else ""
    return f"What is {said.replace(' of ', f'{unit} of ', 1)}?"


def _bare(field: str) -> str:
    """A field without its unit: "Length m" is a length."""
    name, _, unit = field.rpartition(" ")
    return name if name and unit.strip("()") in _UNITS and not name.endswith(" per") else field


def _inner(field: str) -> str:
    return field if any(c.isupper() for c in field[1:]) else field[0].lower() + field[1:]
