"""What hides words: invisible characters inside them, and hyphens where a line ends in the middle of one.

Soft hyphens, zero-width characters and marks of direction say nothing about a word. A hyphen at the end of a line may
belong to the word ("well-known") or not ("wind-lass"); nobody can tell without a dictionary, so a reader that compares
words looks at both forms. Offsets are not kept: what is cited is the text as it stands.
"""

import re

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
_LINE_END = re.compile(r"[-\u2010\u00ad](?<=[^\W_].)[^\S\n]*\n\s*(?=[^\W_])")
LONGEST = 64  # characters on either side of a line's end that may be one word


def join_lines(text: str) -> str:
    """The text without invisible characters, and words that go on in the next line made whole.

    The hyphen goes where letters stand on both sides of it: wind-|lass is windlass, 2024-|1234 is 2024-1234.
    """
    if "\n" in text:
        text = _LINE_END.sub(_join, text)
    return text if text.isascii() else _INVISIBLE.sub("", text)


def show_words(text: str) -> str:
    """The text without invisible characters, with the whole of each word that goes on in the next line before it."""
    if "\n" in text:
        parts, done = [], 0
        for match in _LINE_END.finditer(text):
            before = text[max(done, match.start() - LONGEST) : match.start()].split()[-1]
            after = text[match.end() : match.end() + LONGEST].split()[0]
            parts += [text[done : match.start() - len(before)], before, _join(match), after, " ", before]
            done = match.start()
        text = "".join([*parts, text[done:]])
    return text if text.isascii() else _INVISIBLE.sub("", text)


def _join(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    return "" if text[start - 1].isalpha() and text[end].isalpha() else "-" * (match[0][0] != "\u00ad")
