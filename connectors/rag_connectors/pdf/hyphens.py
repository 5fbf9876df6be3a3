"""Words that a line end breaks, in one piece.

The document itself shows which piece is a word, where it can. Else the hyphen belongs to the line end, unless
what stands before it makes words with a hyphen ("well-", "self-"), has one itself, or both parts are words alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BROKEN = re.compile(r"\b(\w[\w-]*[^\W\d_]|[^\W\d_])(\u00ad|\u2010|-)\n([^\W\d_]\w*)")
_WORD = re.compile(r"[^\W\d_]\w*(?:-\w+)*")
_MAKERS = frozenset(["cross", "e", "ex", "half", "mid", "non", "self", "well", "x"])


def join_words(pages: Sequence[str]) -> list[str]:
    """The pages with words that line ends broke as one; a hyphen that is part of a word stays."""
    known = {word.lower() for page in pages for word in _WORD.findall(_BROKEN.sub(" ", page))}

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

    return [_BROKEN.sub(mend, page) for page in pages]
