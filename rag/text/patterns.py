"""Which names of files a pattern means as people write it: a name, a path seen from here, a folder, the end of a name.

What fits to the letter comes first. Where nothing does, separators of Windows, capitals and composed letters are alike.
"""

import glob
import os
import unicodedata
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial

from rag.text.names import is_address, to_path


def match_names(names: Collection[str], pattern: str, base: str = "") -> list[str]:
    r"""The names that a pattern means: those of the first reading of it that fits any, in their order.

    `base` is the folder that names are relative to; without it, nothing is read as a path from the current folder.

    Example: of "docs/a.md" and "docs/b.txt", "b.txt", "./docs/b.txt", "docs\b.txt", "*.TXT" and "DOCS/B*" mean the
    second, "docs" and "docs/" both.
    """
    if not pattern.strip():
        return []
    here, base = (os.getcwd(), os.path.realpath(base)) if base and not is_address(pattern) else ("", "")
    for same in (str, _fold):
        tests = _readings(same(pattern), same(here), same(base))
        folded = {name: same(name) for name in names}
        for test in tests:
            if found := [name for name, own in folded.items() if test(own)]:
                return found
    return []


def close_names(names: Collection[str], wanted: str, most: int = 3) -> list[str]:
    """Names that a person may have meant by one that there is not, the likeliest first."""
    last = wanted.rsplit("/", 1)[-1]
    stems = [name for name in names if last and os.path.splitext(name.rsplit("/", 1)[-1])[0] == last]
    return list(dict.fromkeys([*stems, *get_close_matches(wanted, names, most, 0.5)]))[:most]


def _readings(pattern: str, here: str, base: str) -> Iterator[Callable[[str], bool]]:
    """Tests of a name, the likeliest reading first."""
    yield partial(_is_named, pattern)
    for written in dict.fromkeys((pattern, pattern.replace("\\", "/"))):
        if base:
            place, fits = (os.path.normpath(os.path.join(at, written)) for at in (here, glob.escape(here)))
            yield partial(_is_place, base, place, fits)
        own = os.path.normpath(written).strip("/")
        yield partial(_is_in, own)
        yield partial(_is_named, own)
        yield partial(_holds, own)


def _is_named(pattern: str, name: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _is_place(base: str, place: str, fits: str, name: str) -> bool:
    path = name if is_address(name) else os.path.join(base, to_path(name))
    return _is_in(place, path) or fnmatchcase(path, fits)


def _is_in(folder: str, path: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _holds(part: str, name: str) -> bool:
    return f"/{part}/" in f"/{name}/" or fnmatchcase(name, f"*/{part}")


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
