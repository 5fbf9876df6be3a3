"""Words that a line end breaks, in one piece.

The document itself shows which piece is a word, where it can. Else the hyphen belongs to the line end, unless
what stands before it makes words with a hyphen ("well-", "self-"), has one itself, or both parts are words alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

_BROKEN = re.compile(r"\b(\w[\w-]*[^\W\d_]|[^\W\d_])(\u00ad|\u2010|-)\n([^\W\d_]\w*)")
_HYPHENS = ("-", "\u00ad", "\u2010")
_HYPHEN = re.compile("[-\u00ad\u2010]\n")
_NUMBER = re.compile(r"-\n(?<=\w-\n)(?=\d+(?![\w.)]|\d))")  # "K-7", "2019-2024"
_TAIL = re.compile(r"\b\w[\w-]*(?:\u00ad|\u2010|-)\s*\Z")
_HEAD = re.compile(r"\s*([^\W\d_]\w*\S*)[ \n]?")
_WORD = re.compile(r"[^\W\d_]\w*(?:-\w+)*")
_MAKERS = frozenset(["cross", "e", "ex", "half", "mid", "non", "self", "well", "x"])


def join_words(pages: Sequence[str]) -> list[str]:
    """The pages with words that line ends broke as one; a hyphen that is part of a word stays."""
    whole_text = "\n".join(page.strip() for page in pages)
    pieces = set(_replaced(lambda match: " ", whole_text).split())  # most stand there many times
    known = {word.lower() for word in _WORD.findall("\n".join(pieces))}

    def mend(match: re.Match[str]) -> str:
        first, hyphen, rest = match.groups()
        whole, parted = f"{first}{rest}".lower(), f"{first}-{rest}".lower()
        if hyphen == "\u00ad" or whole in known:
            return first + rest
        keeps = (
            parted in known
            or "-" in first
            or rest[0].isupper()
            or first.lower() in _MAKERS
            or (first.lower() in known and rest.lower() in known and len(rest) > 3)
        )
        return f"{first}-{rest}" if keeps else first + rest

    mended = [_replaced(mend, _NUMBER.sub("-", page)) for page in pages]
    for n, (page, after) in enumerate(pairwise(mended)):
        tail = _TAIL.search(page, page.rstrip().rfind("\n") + 1) if page.rstrip().endswith(_HYPHENS) else None
        head = _HEAD.match(after) if tail else None
        if tail and head and head[1][0].islower():  # a page ends inside a word, which is the last of it
            mended[n] = page[: tail.start()] + _BROKEN.sub(mend, f"{tail[0].rstrip()}\n{head[1]}")
            mended[n + 1] = after[head.end() :]
    return mended


def _replaced(mend: Callable[[re.Match[str]], str], text: str) -> str:
    """What `_BROKEN.sub` makes of a text, which is looked at where lines end with a hyphen alone."""
    parts, at = list[str](), 0
    for end in _HYPHEN.finditer(text):
        line, below = text.rfind("\n", 0, end.start()) + 1, text.find("\n", end.end())
        match = _BROKEN.search(text, max(at, line), below if below >= 0 else len(text))
        if match:
            parts += text[at : match.start()], mend(match)
            at = match.end()
    return "".join([*parts, text[at:]])
