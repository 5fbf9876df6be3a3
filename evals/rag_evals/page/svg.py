"""Small SVG drawings with two axes, by the standard library's XML, which escapes what it is given.

Colours are classes that the page's style sheet knows, so that one drawing serves light, dark and print.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10
from xml.etree import ElementTree as ET

WIDTH = 380
LINE = 14  # between two labels
SERIES = 6  # colours and shapes there are; more series take them again
_SHAPES: Sequence[str] = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",  # circle
    "M-3.6,-3.6h7.2v7.2h-7.2z",  # square
    "M0,-4.8L4.6,3.4H-4.6z",  # triangle
    "M0,-5L5,0L0,5L-5,0z",  # diamond
    "M0,4.8L4.6,-3.4H-4.6z",  # triangle, down
    "M-4.5,-1.6h2.9v-2.9h3.2v2.9h2.9v3.2h-2.9v2.9h-3.2v-2.9h-2.9z",  # plus
)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values, `low` to `high`, to pixels, `start` to `end`; by their logarithm where `log`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (log10(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)


def steps(low: float, high: float, *, most: int = 6) -> list[float]:
    """Round numbers that reach from `low` to `high`, at most about `most` of them."""
    rough = (high - low) / (most - 1)
    size = 10 ** floor(log10(rough))
    step = next(size * nice for nice in (1, 2, 5, 10) if size * nice >= rough * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20, ... from the last not above `low` to the first not below `high`."""
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    every = [nice * 10.0**power for power in powers for nice in (1, 2, 5)]
    first = max(i for i, value in enumerate(every) if value <= low * (1 + 1e-9))
    last = min(i for i, value in enumerate([*every, 10 * every[-3]]) if value >= high * (1 - 1e-9))
    return [*every, 10 * every[-3]][first : max(last, first + 1) + 1]


def apart(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """The places nearest to those wanted, in their order, that keep `gap` between neighbours and stay inside."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(wanted[i], low, placed[-1] + gap if placed else low))
    ceiling = high
    for n in reversed(range(len(placed))):
        placed[n] = min(placed[n], ceiling)
        ceiling = placed[n] - gap
    found = [0.0] * len(wanted)
    for i, place in zip(order, placed, strict=True):
        found[i] = place
    return found


class Drawing:
    """An SVG image with an accessible title and description."""

    def __init__(self, id: str, title: str, description: str, *, height: float = 280) -> None:
        self.height = height
        names = f"{id}-title {id}-desc"
        self._root = ET.Element("svg", {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-labelledby": names})
        self._add("title", title, id=f"{id}-title")
        self._add("desc", description, id=f"{id}-desc")

    def __str__(self) -> str:
        return ET.tostring(self._root, encoding="unicode")

    def _add(self, tag: str, text: str = "", **attributes: object) -> None:
        names = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
        ET.SubElement(self._root, tag, names).text = text or None

    def text(self, x: float, y: float, text: str, style: str = "", *, anchor: str = "start") -> None:
        """A text whose base line starts, ends or has its middle at a point."""
        self._add("text", text, x=x, y=y, class_=style, text_anchor=anchor)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)

    def path(self, points: Sequence[tuple[float, float]], style: str, *, close: bool = False) -> None:
        """A line through points, or the area inside it."""
        self._add("path", d="M" + "L".join(f"{x},{y}" for x, y in points) + ("z" if close else ""), class_=style)

    def bar(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """A rectangle."""
        self._add("rect", x=x, y=y, width=round(width, 1), height=height, class_=style)

    def mark(self, series: int, x: float, y: float) -> None:
        """The mark of a series."""
        self._add("path", d=_SHAPES[series % SERIES], transform=f"translate({x},{y})", class_=f"mark {colour(series)}")

    def whisker(self, series: int, x: float, low: float, high: float) -> None:
        """An upright interval."""
        self.line(x, low, x, high, f"whisker {colour(series)}")
        for y in (low, high):
            self.line(x - 3, y, x + 3, y, f"whisker {colour(series)}")

    def axes(self, x: Scale, y: Scale, xs: Ticks, ys: Ticks, *, names: tuple[str, str]) -> None:
        """Both axes: lines across at the values of y, names at the end of x and above y."""
        for value, label in ys:
            self.line(x.start, y(value), x.end, y(value), "grid")
            self.text(x.start - 7, y(value) + 4, label, "tick", anchor="end")
        self.line(x.start, y.start, x.end, y.start, "axis")
        for value, label in xs:
            self.line(x(value), y.start, x(value), y.start + 4, "axis")
            self.text(x(value), y.start + 17, label, "tick", anchor="middle")
        self.text((x.start + x.end) / 2, y.start + 35, names[0], "name", anchor="middle")
        self.text(0, 12, names[1], "name")


Ticks = Sequence[tuple[float, str]]


def ticks(values: Sequence[float], write: Callable[[float], str] = lambda value: f"{value:g}") -> Ticks:
    """Values with their labels."""
    return [(value, write(value)) for value in values]


def colour(series: int) -> str:
    """The class of a series' colour."""
    return f"s{series % SERIES}"


def ids(prefix: str) -> Callable[[], str]:
    """A source of names that are used once."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"
