"""The automatic numbers of OpenDocument lists and headings, by their list styles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from rag_connectors.office.numbering import BULLET, write_number

NS = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _STYLE = f"{NS}text:1.0}}", f"{NS}style:1.0}}"
_SHAPES = {"1": "decimal", "i": "lowerRoman", "I": "upperRoman", "a": "lowerLetter", "A": "upperLetter"}
_OUTLINE = "\0outline"  # no style is called so


@dataclass(frozen=True, slots=True)
class _Level:
    shape: str = ""  # "": no number
    before: str = ""
    after: str = ""
    start: int = 1
    shown: int = 1  # levels that the number shows


class Lists:
    """Counts as items and headings come, in the order of the document."""

    def __init__(self, roots: Iterable[Element]) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        for root in roots:
            for style in root.iter(f"{_TEXT}list-style"):
                self._levels[style.get(f"{_STYLE}name", "")] = dict(_read(style))
            for style in root.iter(f"{_TEXT}outline-style"):
                self._levels[_OUTLINE] = dict(_read(style))

    def begin(self, style: str, depth: int, *, goes_on: bool) -> None:
        """A list starts at a depth (from 1)."""
        counts = self._counts.setdefault(style, {})
        for level in [level for level in counts if level > depth or (level == depth and not goes_on)]:
            del counts[level]

    def item(self, style: str, depth: int, start: str = "") -> str:
        """The number of the next item, BULLET if it has none."""
        return self._next(style, depth, start) if style in self._levels else BULLET

    def heading(self, level: int) -> str:
        """The number of the next heading, "" if it has none."""
        label = self._next(_OUTLINE, level) if _OUTLINE in self._levels else ""
        return "" if label == BULLET else label

    def _next(self, style: str, depth: int, start: str = "") -> str:
        levels, counts = self._levels[style], self._counts.setdefault(style, {})
        look = levels.get(depth, _Level())
        first = int(start) if start.isdecimal() and len(start) < 7 else None
        counts[depth] = first if first is not None else counts.get(depth, look.start - 1) + 1
        for level in [level for level in counts if level > depth]:
            del counts[level]
        if not look.shape:
            return BULLET
        shown = range(max(1, depth - look.shown + 1), depth + 1)
        numbers = [
            write_number(
                counts.get(level, levels.get(level, _Level()).start), levels.get(level, look).shape or "decimal"
            )
            for level in shown
            if level == depth or levels.get(level, _Level()).shape
        ]
        return f"{look.before}{'.'.join(numbers)}{look.after}".strip()


def _read(style: Element) -> Iterable[tuple[int, _Level]]:
    for node in style:
        level = node.get(f"{_TEXT}level", "")
        if level.isdecimal() and len(level) < 3:
            number = _SHAPES.get(node.get(f"{_STYLE}num-format", ""), "")
            start, shown = node.get(f"{_TEXT}start-value", "1"), node.get(f"{_TEXT}display-levels", "1")
            yield (
                int(level),
                _Level(
                    number,
                    node.get(f"{_STYLE}num-prefix", ""),
                    node.get(f"{_STYLE}num-suffix", ""),
                    int(start) if start.isdecimal() and len(start) < 7 else 1,
                    int(shown) if shown.isdecimal() and len(shown) < 3 else 1,
                ),
            )
