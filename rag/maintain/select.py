"""Which sources a person means by a path: those that have this name, never more.

A path is taken from where one stands, as every command takes it. What has exactly that name, a file or all of a folder,
is `named`. Only where nothing has it, it may be a pattern (`*`, `?`, `[seq]`), from here or over the names that `rag
status` shows: what fits is `alike`, and whoever asked should see it first.
"""

import glob
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rag.errors import InputError
from rag.index.folder import Index
from rag.ingest.sources import is_inside, path_of, place_of
from rag.text.names import is_address


@dataclass(frozen=True, slots=True)
class Selection:
    """Names of sources that were `named`, and of others that are `alike`; in order."""

    named: list[str]
    alike: list[str]


def select(index: Index, paths: Sequence[str]) -> Selection:
    """The sources that these paths mean. Raises InputError for one that means none, IndexMissing, CorruptError."""
    base = os.path.realpath(index.base)
    with closing(index.read_manifest()) as manifest:
        known = {name: path_of(name, base) for name in manifest.sources()}
    named: set[str] = set()
    alike: set[str] = set()
    for path in paths:
        place = _place_of(path)
        found = {name for name, own in known.items() if is_inside(own, place)}
        if path and found and not is_inside(base, place):  # a folder around the index takes more than a name says
            named |= found
        else:
            alike |= _find_alike(known, path)
    return Selection(sorted(named), sorted(alike - named))


def _place_of(path: str) -> str:
    """Where a path leads, but for a link at its end: that is not what it leads to."""
    if is_address(path):
        return place_of(path)
    folder, last = os.path.split(path.rstrip(os.sep) or path)
    if last in ("", os.curdir, os.pardir):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(folder), last)


def _find_alike(known: Mapping[str, str], path: str) -> set[str]:
    """What a path may mean that is nothing's name, likeliest first. Raises InputError."""
    target, shown = os.path.realpath(path), path.rstrip("/")
    pattern = os.path.normpath(os.path.join(glob.escape(os.getcwd()), path))
    tests: tuple[Callable[[str, str], bool], ...] = (
        lambda name, own: is_inside(own, target),
        lambda name, own: fnmatchcase(own, pattern),
        lambda name, own: name == shown or name.startswith(f"{shown}/"),
        lambda name, own: fnmatchcase(name, path),
    )
    for test in tests if path else ():
        if found := {name for name, own in known.items() if test(name, own)}:
            return found
    what = f"{path or 'an empty path'}: no indexed file has this name or fits it"
    raise InputError(f"{what}; `rag status` lists them. Nothing was removed.")
