"""Finds files under a folder: nothing hidden, nothing git ignores, nothing behind a link to a folder.

A `.gitignore` holds for its folder and below, the deepest that has an opinion wins; those between the repository's top
and the folder asked for count too. (Git's user-wide and `info/exclude` lists do not.)
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from re import error as PatternError

from pathspec import GitIgnoreSpec

from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read

_MAX_IGNORE_FILE = 1 << 20  # bytes
Rules = tuple[tuple[str, GitIgnoreSpec], ...]  # folder with its rules, outermost first


def patterns(lines: Sequence[str]) -> GitIgnoreSpec:
    """Rules from lines as in .gitignore. Raises ValueError for one that cannot be understood."""
    try:
        return GitIgnoreSpec.from_lines(lines)
    except PatternError as error:
        raise ValueError(str(error)) from error


def walk(
    top: str, *, include: GitIgnoreSpec, exclude: GitIgnoreSpec, gitignore: bool
) -> Iterator[tuple[str, os.stat_result]]:
    """Path and status of every file to read, and of what will not be, since losing it needs a word.

    That is a folder that cannot be listed, a link, a pipe, a socket, a device: `rag_connectors.reading` refuses them.
    `include` and `exclude` see paths relative to `top`; an empty `include` takes everything.
    """
    prefix = os.path.join(top, "")
    folders = [(top, os.lstat(top), _above(top) if gitignore else ())]
    while folders:
        folder, own, rules = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            yield folder, own
            continue
        if gitignore and any(entry.name == ".gitignore" for entry in entries):
            rules = (*rules, *_own(folder))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it is gone
            is_folder = stat.S_ISDIR(status.st_mode)
            path = entry.path + "/" * is_folder
            relative = path[len(prefix) :]
            if _ignored(path, rules) or exclude.match_file(relative):
                continue
            if is_folder:
                folders.append((entry.path, status, rules))
            elif not include.patterns or include.match_file(relative):
                yield entry.path, status


def _ignored(path: str, rules: Rules) -> bool:
    for folder, spec in reversed(rules):
        verdict = spec.check_file(path[len(folder) :].lstrip("/")).include
        if verdict is not None:
            return verdict
    return False


def _above(folder: str) -> Rules:
    """The rules of the folders above, down from the top of the repository."""
    found: Rules = ()
    here = folder
    while not os.path.exists(os.path.join(here, ".git")):
        parent = os.path.dirname(here)
        if parent == here:
            return ()  # in no repository
        here = parent
        found = (*_own(here), *found)
    return found


def _own(folder: str) -> Rules:
    try:
        text = read(os.path.join(folder, ".gitignore"), limit=_MAX_IGNORE_FILE).decode("utf-8", "replace")
    except RefusalError:
        return ()
    lines = [line for line in text.splitlines() if _understood(line)]  # git passes over the others too
    return ((folder, patterns(lines)),) if lines else ()


def _understood(line: str) -> bool:
    try:
        return bool(line.strip()) and bool(patterns([line]).patterns)
    except ValueError:
        return False
