"""Where a span of a text should begin and end: no word, number or bracket is cut, and no paragraph is left.

It ends where its paragraph, its cell or its short line ends, and before a footnote's mark or a link's target; in a row
of `Header: cell; Header: cell` it begins behind the header. A cut
word or number becomes whole, with its sign, currency and attached or large unit ($12.5 million, 40 %, 64 MB), and a
range (150-300); a title gets its name (Dr. -> Dr. Ann Ray). A bracket or quotation mark without its other half leads
to it, where it is near, or is left out. What it does not do: it adds no words that could be missing.
"""

import re

SHORT_LINE = 30  # characters
NEAR = 60  # characters within which the other half of a bracket is looked for

_MARKS = " \t\r\n,;:|*_`"
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)  # no word ends
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»", "„": "“"}
_OPENING, _CLOSING = "([{“«„", ")]}”»"  # at the wrong end of a span
_UNIT = (
    r"(?:[KMGT]i?B|km|cm|mm|kg|mg|ms|[kMG]?Hz|[kM]W|mph|USD|EUR|CHF|GBP|thousand|million|billion|trillion|percent"
    r"|per cent)"
)
_NUMBER = re.compile(
    r"(?:(?<![\w$€£¥])[-+~≈])?(?:[$€£¥][ ]?)?(?<![\w.,])(?:\d{4}-\d\d-\d\d|\d+(?:[.,:]\d+)*)"
    r"(?:(?<!\b\d{4})[-–]\d+(?:[.,:]\d+)*)*"  # a range; not 1815-1852, of which one year may answer
    rf"(?:[ ]?(?:[%‰]|°[CF]?)|[^\W\d_]{{1,3}}(?![\w'’]))?(?:\s{_UNIT}\b)?"
)
_STOP = re.compile(
    r"[ \t]*\n[ \t]*\n|\s*(?:\.[ ]?){4,}|(?<=\S)[ \t]{3,}|\]\(|\s*\[\d{1,3}\]$"
)  # link targets and footnotes, too
_CELL_END = re.compile(r"(?:;[ ]|\n)(?=[^:;|\n]{1,60}: )")
_LINE_END = re.compile(r"[ \t]*\n(?!\s*[a-z])")
_DIGIT = re.compile(r"\d")
_TITLE = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|Lt|Gen|Col|Capt|Rev)\.?$")
_NAME_AFTER = re.compile(r"(?:\.|(?<=\.))\s?(?:[A-Z]\.\s?)*[A-Z][\w'’-]+(?:\s[A-Z][\w'’-]+)?")


def mend_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The borders of a span made whole; equal where nothing is left.

    Example: "2.5 mil" in "cost $2.5 million." becomes "$2.5 million".
    """
    start, end = _strip(text, min(max(0, start), len(text)), min(len(text), end))
    if (stop := _STOP.search(text, start, end)) or (stop := _short_line(text, start, end)):
        start, end = _strip(text, start, stop.start())
    if start < end and _is_row(text, start):
        header = text.find(": ", max(text.rfind("\n", 0, start) + 1, text.rfind("; ", 0, start) + 2), end)
        start = max(start, header + 2 if header >= 0 else 0)
        start, end = _strip(text, start, stop.start() if (stop := _CELL_END.search(text, start, end)) else end)
    if start >= end:
        return end, end
    while _continues(text, start):
        start -= 1
    while _continues(text, end):
        end += 1
    counts = _DIGIT.search(text, max(0, start - 1), end + 1)
    for match in _NUMBER.finditer(text, max(0, start - NEAR), end + NEAR) if counts else ():
        left = match.end() - len(match[0].lstrip())
        if left < end and start < match.end():
            start, end = min(start, left), max(end, match.end())
    if _TITLE.search(text, start, end) and (name := _NAME_AFTER.match(text, end)):
        end = name.end()
    start, end = _strip(text, *_close(text, start, end))
    if text[start : start + 1] in _PAIRS and text[end - 1] == _PAIRS[text[start]]:
        start, end = (start + 1, end - 1) if text.find(text[end - 1], start, end) == end - 1 else (start, end)
    return _strip(text, start, end)


def is_unfinished(text: str) -> bool:
    """Whether an answer has a bracket or a quotation mark without its other half."""
    return any(text.count(left) != text.count(right) for left, right in _PAIRS.items()) or text.count('"') % 2 == 1


def _short_line(text: str, start: int, end: int) -> re.Match[str] | None:
    """Where a span leaves a line too short to be wrapped prose: a cell, a label, a heading."""
    for match in _LINE_END.finditer(text, start, end):
        if match.start() - text.rfind("\n", 0, match.start()) - 1 < SHORT_LINE:
            return match
    return None


def _continues(text: str, at: int) -> bool:
    """Whether a word goes on over a place of a text."""
    before, after = text[at - 1 : at], text[at : at + 1]
    return before.isalnum() and after.isalnum() and not (_UNSPACED.match(before) or _UNSPACED.match(after))


def _is_row(text: str, at: int) -> bool:
    """Whether a place stands in a row of two cells or more, each behind its header."""
    line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
    return "; " in line and all(": " in cell for cell in line.split("; "))


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _MARKS + _CLOSING:
        start += 1
    while start < end and text[end - 1] in _MARKS + _OPENING:
        end -= 1
    return start, end


def _close(text: str, start: int, end: int) -> tuple[int, int]:
    """Take in the other half of each bracket and quotation mark where it is near, else leave its own half out."""
    for left, right in _PAIRS.items():
        said = text[start:end]
        if said.count(left) > said.count(right):
            at = text.find(right, end, end + NEAR)
            start, end = (start, at + 1) if at >= 0 else _without(start, end, start + said.rfind(left))
        elif said.count(right) > said.count(left):
            at = text.rfind(left, max(0, start - NEAR), start)
            start, end = (at, end) if at >= 0 else _without(start, end, start + said.find(right))
    return _close_quotation(text, start, end)


def _close_quotation(text: str, start: int, end: int) -> tuple[int, int]:
    """The same for straight quotation marks, which open before a word and close after one."""
    if text.count('"', start, end) % 2 == 0:
        return start, end
    mark = text.find('"', start, end)
    if mark == end - 1:
        return start, mark
    if mark == start and text.find('"', end, end + NEAR) < 0:
        return start + 1, end
    if mark > start and text[mark - 1].isalnum():
        at = text.rfind('"', max(0, start - NEAR), start)
        return (at, end) if at >= 0 else _without(start, end, mark)
    at = text.find('"', end, end + NEAR)
    return (start, at + 1) if at >= 0 else _without(start, end, mark)


def _without(start: int, end: int, mark: int) -> tuple[int, int]:
    """The longer part of a span beside a mark."""
    return (start, mark) if mark - start >= end - mark - 1 else (mark + 1, end)
