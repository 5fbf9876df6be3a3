"""Finds files under a folder: nothing hidden, nothing git ignores, nothing behind a link to a folder.

A `.gitignore` holds for its folder and below, the deepest that has an opinion wins; those between the repository's top
and the folder asked for count too. (Git's user-wide and `info/exclude` lists do not.) The folder asked for is wanted:
rules that leave out all of it, such as `data/`, do not count for it; rules for some files in it, such as `*.log`, do.
What cannot be looked at is given with the reason, so that nobody takes it for gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from re import error as PatternError

from pathspec import GitIgnoreSpec

from rag_connectors.parsed import RefusalError
from rag_connectors.reading import read

_MAX_IGNORE_FILE = 1 << 20  # bytes
_ANY = "\uffff"  # a name that no rule is about
Rules = tuple[tuple[str, GitIgnoreSpec], ...]  # folder with its rules, outermost first


def patterns(lines: Sequence[str]) -> GitIgnoreSpec:
    """Rules from lines as in .gitignore. Raises ValueError for one that cannot be understood."""
    try:
        return GitIgnoreSpec.from_lines(lines)
    except PatternError as error:
        raise ValueError(str(error)) from error


def walk(
    top: str, *, include: GitIgnoreSpec, exclude: GitIgnoreSpec, gitignore: bool
) -> Iterator[tuple[str, os.stat_result | str]]:
    """Path and status of every file to read, and of links, pipes, sockets, devices, which reading refuses.

    In the place of a status, of a folder that cannot be listed and of what has none: the reason. `include` and
    `exclude` see paths relative to `top`; an empty `include` takes everything.
    """
    prefix = os.path.join(top, "")
    folders: list[tuple[str, Rules | None]] = [(top, None if gitignore else ())]
    while folders:
        folder, above = folders.pop()
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
            rules = _above(folder) if above is None else above
            if gitignore and any(entry.name == ".gitignore" for entry in entries):
                rules = (*rules, *_own(folder))
            if above is None:
                rules = _open_up(top, rules)
        except OSError as error:
            what = "a folder whose .gitignore cannot be read" if entries else "a folder that cannot be listed"
            yield folder, f"{what}: {error.strerror}; what was indexed of it is kept"
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                status, reason = entry.stat(follow_symlinks=False), ""
            except FileNotFoundError:
                continue  # it is gone
            except OSError as error:
                status, reason = None, f"cannot be looked at: {error.strerror}; what was indexed of it is kept"
            is_folder = _is(entry.is_dir)
            path = entry.path + "/" * is_folder
            relative = path[len(prefix) :]
            if _ignored(path, rules) or exclude.match_file(relative):
                continue
            if is_folder and status:
                folders.append((entry.path, rules))
            elif not include.patterns or include.match_file(relative) or (reason and not _is(entry.is_file)):
                yield entry.path, status or reason


def _is(test: Callable[..., bool]) -> bool:
    """What the listing says of an entry; False where it does not say."""
    try:
        return test(follow_symlinks=False)
    except OSError:
        return False


def _ignored(path: str, rules: Rules) -> bool:
    """Of a folder's path, which ends in "/", the last rule that matches decides."""
    for folder, spec in reversed(rules):
        inside = path[len(folder) :].lstrip("/")
        verdict = _last(spec, inside) if path.endswith("/") else spec.check_file(inside).include
        if verdict is not None:
            return verdict
    return False


def _last(spec: GitIgnoreSpec, path: str) -> bool | None:
    found = (p.include for p in reversed(spec.patterns) if p.include is not None and p.match_file(path))
    return next(found, None)


def _open_up(top: str, rules: Rules) -> Rules:
    """The rules without those by which git leaves out this folder, or whatever is in it.

    A rule for everything everywhere (`*`) stays where others take some of it back (`!*/`, `!*.md`).
    """
    kept = []
    for folder, spec in rules:
        inside = top[len(folder) :].strip("/")
        parts = inside.split("/") if inside else []
        shut = any(_last(spec, "/".join(parts[: n + 1]) + "/") for n in range(len(parts)))
        shut |= not parts and not any(p.include is False for p in spec.patterns)
        within = "/".join([*parts, _ANY])
        patterns = [
            p for p in spec.patterns if not (p.include and p.match_file(within) and (shut or not p.match_file(_ANY)))
        ]
        kept.append((folder, GitIgnoreSpec(patterns)))
    return tuple(kept)


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
    """The rules of a folder's own file. Raises OSError where that cannot be read."""
    try:
        text = read(os.path.join(folder, ".gitignore"), limit=_MAX_IGNORE_FILE).decode("utf-8", "replace")
    except RefusalError as refusal:
        error = refusal.__cause__
        if refusal.status == "failed" and isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise error from None
        return ()
    lines = [line for line in text.splitlines() if _understood(line)]  # git passes over the others too
    return ((folder, patterns(lines)),) if lines else ()


def _understood(line: str) -> bool:
    if line.startswith("!") and line.rstrip("/ ").rpartition("/")[2].lstrip("!").startswith("."):
        return False  # it takes back what is hidden, which is not read
    try:
        return bool(line.strip()) and bool(patterns([line]).patterns)
    except ValueError:
        return False
