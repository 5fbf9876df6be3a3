"""Where sentences begin and end: exact spans of a text, by rules, for any text a connector can give.

Sentence ends are terminal punctuation before white space, unless the next letter is lower case or the word before is
a title, an initial or a list number. Blank lines, list items, table rows, headings, `key: value` lines and lines that
were ended early end one too; other line breaks are taken for wrapped prose. What it does not do: no model, no
knowledge of "U.S." at a sentence's end (it errs on the side of the longer sentence). Linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

LONGEST = 600  # characters; text without any sentence end (logs, minified code) is cut at white space
FULL_LINE = 0.8  # of the width of its paragraph; the next word would have fitted on a line not filled so far
SHORT_LINE = 30  # characters; a shorter line is a heading, a cell or a verse rather than wrapped prose

_TITLES = frozenset("mr mrs ms dr prof st sr jr vs cf ca approx gen col lt capt sgt rev hon gov sen rep".split())
_BEFORE_DIGITS = frozenset("no nos fig figs p pp vol eq sec ch art".split())
_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+(?:\[\d{1,3}\])*+(?=\s)|[。！？]+[”」』）]*""")
_MARKED = re.compile(r"[-*•+|#>]|\d{1,3}[.)]\s|[\w ]{1,30}:(?:\s|$)")
_LAST_WORD = re.compile(r"[\w.]*$")
_LIST_NUMBER = re.compile(r"\s*\d{1,3}")


def sentence_spans(text: str, *, longest: int = LONGEST) -> list[tuple[int, int]]:
    """Half-open character spans of the sentences, in order, trimmed; every non-space character is in exactly one."""
    spans = []
    start = 0
    for cut in [*sorted({*_prose_cuts(text), *_line_cuts(text)}), len(text)]:
        for left, right in _pieces(text, start, cut, longest):
            piece = text[left:right]
            if body := piece.strip():
                left += len(piece) - len(piece.lstrip())
                spans.append((left, left + len(body)))
        start = cut
    return spans


def _prose_cuts(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        if match[0][0] in "。！？" or not _goes_on(text, match):
            yield match.end()


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether the punctuation is not the end of a sentence after all."""
    rest = text[match.end() : match.end() + 20].lstrip()
    if rest[:1].islower():
        return True
    if match[0][0] != ".":
        return False
    before = text[max(0, match.start() - 20) : match.start()]
    word = _LAST_WORD.search(before)[0].casefold()  # type: ignore[index]
    line = before[before.rfind("\n") + 1 :]
    return (
        word in _TITLES
        or (len(word) == 1 and word.isalpha())
        or re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word) is not None
        or (word in _BEFORE_DIGITS and rest[:1].isdigit())
        or ((len(before) < 20 or "\n" in before) and _LIST_NUMBER.fullmatch(line) is not None)
    )


def _line_cuts(text: str) -> Iterator[int]:
    """The line breaks that end a sentence."""
    at = 0
    for _, block in groupby(text.split("\n"), key=lambda line: bool(line.strip())):
        lines = list(block)
        width = max(map(len, lines))
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            at += len(line)
            if not following or _ends(line.strip(), following.strip(), width):
                yield at
            at += 1


def _ends(line: str, following: str, width: int) -> bool:
    """Whether the break between two lines of a paragraph means more than that the first was full."""
    if _MARKED.match(following) or line.startswith("#") or "|" in line or len(line) < SHORT_LINE:
        return True
    word = following.split(maxsplit=1)[0] if following else ""
    return not word[:1].islower() and len(line) + len(word) < FULL_LINE * width


def _pieces(text: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    while end - start > longest:
        space = max(text.rfind(blank, start + longest // 2, start + longest) for blank in " \n\t")
        cut = space if space > 0 else start + longest
        yield start, cut
        start = cut
    yield start, end
