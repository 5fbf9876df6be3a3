"""Who may read a document: the groups in its field `access`.

`access: [hr, legal]` in front matter, or what a sidecar file says, is for these groups. A document without the field is
for everyone who may use the index; one whose field is empty, or holds no names of groups, is for nobody but those who
may see all. A group's name is compared to the letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

FIELD = "access"  # of a document's meta, and of a `Filter`
EVERYONE = "everyone"  # the group that everybody is in
LONGEST = 100  # characters of a group's name


def read_groups(value: object) -> tuple[str, ...]:
    """The groups that a value names: a text with commas or lines between them, a whole number, or a list of these.

    In order, each once. Raises ValueError for what names none, such as a truth value.
    """
    if isinstance(value, str):
        names = [unicodedata.normalize("NFC", one.strip()) for one in value.replace("\n", ",").split(",")]
        if wrong := [name for name in names if len(name) > LONGEST or not name.isprintable()]:
            raise ValueError(f"{wrong[0][:LONGEST]!r} is no name of a group")
        return tuple(sorted({name for name in names if name}))
    if isinstance(value, bool) or not isinstance(value, int | list | tuple | set | frozenset | None):
        raise ValueError(f"a {type(value).__name__} names no groups")
    if value is None:
        return ()
    if isinstance(value, int):
        return read_groups(str(value))
    return tuple(sorted({name for one in value for name in _read_one(one)}))


def _read_one(value: object) -> tuple[str, ...]:
    """The groups of an item of a list, which is no list itself."""
    if isinstance(value, list | tuple | set | frozenset):
        raise ValueError("a list in a list names no groups")
    return read_groups(value)


def take_access(fields: Mapping[str, object]) -> tuple[dict[str, object], dict[str, tuple[str, ...]], str]:
    """Fields without `access`, that field as it is kept (nothing where there is none), and what was wrong with it.

    What is wrong opens nothing: the document is then for nobody. So is one that has the field twice.
    """
    others = {name: value for name, value in fields.items() if name.casefold() != FIELD}
    given = [value for name, value in fields.items() if name.casefold() == FIELD]
    if not given:
        return others, {}, ""
    try:
        if len(given) > 1:
            raise ValueError("it is there more than once")
        return others, {FIELD: read_groups(given[0])}, ""
    except ValueError as error:
        return others, {FIELD: ()}, f"the field {FIELD} holds no names of groups ({error}): nobody may read it"


def groups_of(meta: Mapping[str, object]) -> tuple[str, ...]:
    """The groups that may read a document with these fields."""
    return take_access(meta)[1].get(FIELD, (EVERYONE,))
