"""The automatic numbers of Word's lists and headings: `2.1`, `(a)`, `Article IV`, as contracts are cited by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BULLET = "-"
_LEVELS = 9
_PLACE = re.compile("%([1-9])")
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
          (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
             "twelve": "twelfth"}  # fmt: skip
_CHINESE = "〇一二三四五六七八九"


@dataclass(slots=True)
class Level:
    """How one level of a list counts and looks."""

    start: int = 1
    shape: str = "decimal"
    text: str = ""
    restart: int | None = None  # the level (from 1) after which it begins anew; None: any above; 0: none
    legal: bool = False  # numbers of the levels above are decimal too


@dataclass(slots=True)
class _List:
    """What shares its counters: Word counts on over all paragraphs of one abstract list."""

    levels: dict[int, Level]
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


class Numbering:
    """Counts as the paragraphs of a document come, in their order."""

    def __init__(self, root: Element | None) -> None:
        self._lists: dict[str, _List] = {}
        self._nums: dict[str, tuple[str, dict[int, Level]]] = {}  # id -> abstract list, levels it has of its own
        self._anew: dict[str, list[int]] = {}  # the levels that a num begins anew, once
        self.styles: dict[str, tuple[str, int]] = {}  # paragraph style -> num id, level
        if root is not None:
            self._read(root)

    def label(self, number: str, level: int) -> str:
        """The label of the next paragraph on this level of list `number`: "2.1", BULLET, or "" where it has none."""
        if number not in self._nums:
            return BULLET
        name, own = self._nums[number]
        shared = self._lists[name]
        looks = {**shared.levels, **own}
        level = min(max(level, 0), _LEVELS - 1)
        look = looks.get(level, Level())
        counts = shared.counts
        for i in self._anew.pop(number, ()):
            counts[i] = None
        count = counts[level]
        counts[level] = look.start if count is None else count + 1
        for i in range(level + 1, _LEVELS):
            restart = looks.get(i, Level()).restart
            if restart != 0 and (restart is None or level < restart):
                counts[i] = None
        if look.shape == "bullet":
            return BULLET

        def number_at(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            shape = "decimal" if look.legal else looks.get(at, Level()).shape
            return write_number(counts[at] if counts[at] is not None else looks.get(at, Level()).start, shape)

        return " ".join(_PLACE.sub(number_at, look.text).split())

    def _read(self, root: Element) -> None:
        links: dict[str, str] = {}  # style -> the abstract list that defines it
        borrowed: dict[str, str] = {}
        for one in root.iter(f"{W}abstractNum"):
            name = one.get(f"{W}abstractNumId", "")
            self._lists[name] = _List(dict(map(_level, one.findall(f"{W}lvl"))))
            links[_value(one, "styleLink")] = name
            borrowed[name] = _value(one, "numStyleLink")
            for level in one.findall(f"{W}lvl"):
                if style := _value(level, "pStyle"):
                    self.styles.setdefault(style, (name, _int(level.get(f"{W}ilvl"), 0)))
        for name, style in borrowed.items():
            if style and style in links:
                self._lists[name] = self._lists[links[style]]
        by_list: dict[str, str] = {}
        for one in root.iter(f"{W}num"):
            number, name = one.get(f"{W}numId", ""), _value(one, "abstractNumId")
            if name not in self._lists:
                continue
            by_list.setdefault(name, number)
            own: dict[int, Level] = {}
            for change in one.findall(f"{W}lvlOverride"):
                at = _int(change.get(f"{W}ilvl"), 0)
                if (changed := change.find(f"{W}lvl")) is not None:
                    own[at] = _level(changed)[1]
                if (start := change.find(f"{W}startOverride")) is not None:
                    self._anew.setdefault(number, []).append(at)
                    own[at] = replace(
                        own.get(at) or self._lists[name].levels.get(at, Level()), start=_int(start.get(f"{W}val"), 1)
                    )
            self._nums[number] = (name, own)
        self.styles = {s: (by_list[name], at) for s, (name, at) in self.styles.items() if name in by_list}


def _level(node: Element) -> tuple[int, Level]:
    restart = node.find(f"{W}lvlRestart")
    shape = _value(node, "numFmt") or next(
        (found.get(f"{W}val", "") for found in node.iter(f"{W}numFmt")), "decimal"
    )  # newer shapes stand in an alternative
    legal = node.find(f"{W}isLgl")
    return _int(node.get(f"{W}ilvl"), 0), Level(
        _int(_value(node, "start"), 1),
        shape,
        _value(node, "lvlText"),
        None if restart is None else _int(restart.get(f"{W}val"), 0),
        legal is not None and legal.get(f"{W}val", "1") not in ("0", "false", "off"),
    )


def _value(node: Element, name: str) -> str:
    found = node.find(f"{W}{name}")
    return found.get(f"{W}val", "") if found is not None else ""


def _int(text: str | None, usual: int) -> int:
    return int(text) if text and text.lstrip("-").isdecimal() and len(text) < 10 else usual


def write_number(number: int | None, shape: str) -> str:
    """A number in one of the shapes that Office knows; in digits where the shape is unknown."""
    if number is None or shape == "none":
        return ""
    write = _SHAPES.get(shape)
    return write(number) if write and number > 0 else str(number)


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        text += letters * min(times, 50)
    return text


def _letter(number: int) -> str:
    times, at = divmod(number - 1, 26)
    return chr(ord("A") + at) * min(times + 1, 50)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _words(number: int) -> str:
    if number >= 1000:
        return str(number)
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    small = _ONES[rest] if rest < 20 else _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    return " ".join(
        filter(None, (f"{_ONES[hundreds]} hundred" if hundreds else "", small if rest or not hundreds else ""))
    )


def _ordinal_words(number: int) -> str:
    head, dash, last = _words(number).rpartition("-" if "-" in _words(number) else " ")
    ending = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head}{dash}{ending}"


def _chinese(number: int) -> str:
    if number >= 100:
        return "".join(_CHINESE[int(digit)] for digit in str(number))
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else _CHINESE[tens]) + ("十" if tens else "") + (_CHINESE[ones] if ones or not tens else "")


_SHAPES: Mapping[str, Callable[[int], str]] = {
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "upperLetter": _letter,
    "lowerLetter": lambda number: _letter(number).lower(),
    "decimalZero": lambda number: f"{number:02}",
    "ordinal": _ordinal,
    "cardinalText": lambda number: _words(number).capitalize(),
    "ordinalText": lambda number: _ordinal_words(number).capitalize(),
    "hex": lambda number: f"{number:X}",
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedCircle": lambda number: chr(0x245F + number) if number <= 20 else f"({number})",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "russianLower": lambda number: "абвгдежзиклмнопрстуфхцчшщэюя"[(number - 1) % 28],
    "russianUpper": lambda number: "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ"[(number - 1) % 28],
    **dict.fromkeys(
        ("chineseCounting", "chineseCountingThousand", "ideographDigital", "japaneseCounting", "taiwaneseCounting",
         "taiwaneseCountingThousand", "japaneseDigitalTenThousand", "koreanCounting"),
        _chinese,
    ),
}  # fmt: skip
