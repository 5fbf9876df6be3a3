"""Where sentences begin and end: exact spans of a text, by rules, for any text a connector can give.

Sentences end where `rag.text.sentence_ends` says. Table rows, headings, `key: value` lines and lines that were ended
early end one too; other line breaks are taken for wrapped prose. No model. Linear in the text's length.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from rag.text.sentence_ends import sentences

LONGEST = 600  # characters; text without any sentence end (logs, minified code) is cut at white space
FULL_LINE = 0.8  # of the width of its paragraph; the next word would have fitted on a line not filled so far
SHORT_LINE = 30  # characters; a shorter line is a heading, a cell or a verse rather than wrapped prose

ENDED = re.compile(r"[.!?…。！？:;|]\W*$|[:;|] ")  # how sentences, table rows and `key: value` lines end or look

_HYPHENATED = re.compile(r"[^\W_][-\u2010\u00ad]$")  # a word that goes on in the next line
_MARKED = re.compile(r"[-*•+|#>]|\d{1,3}[.)]\s|[\w ]{1,30}:(?:\s|$)")


def sentence_spans(text: str, *, longest: int = LONGEST) -> list[tuple[int, int]]:
    """Half-open character spans of the sentences, in order, trimmed; every non-space character is in exactly one."""
    spans = []
    start = 0
    for cut in sorted({*(end for _, end in sentences(text)), *_line_cuts(text), len(text)}):
        for left, right in _pieces(text, start, cut, longest):
            piece = text[left:right]
            if body := piece.strip():
                left += len(piece) - len(piece.lstrip())
                spans.append((left, left + len(body)))
        start = cut
    return spans


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
    if _HYPHENATED.search(line) and following:
        return False
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
