"""robots.txt as RFC 9309 reads it: which paths an agent may ask for, how slowly, and where the sitemaps are."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST = 2000  # rules
_LONGEST = 500  # characters of a rule
_STARS = 8


@dataclass(frozen=True, slots=True)
class Robots:
    """`rules` are pattern, length, whether it allows: the longest that fits decides, of two the one that allows."""

    rules: tuple[tuple[re.Pattern[str], int, bool], ...] = ()
    delay: float = 0.0  # seconds
    sitemaps: tuple[str, ...] = ()

    def allows(self, path: str) -> bool:
        """Whether the agent may ask for a path with its query."""
        fitting = [(length, allow) for pattern, length, allow in self.rules if pattern.match(path)]
        return max(fitting, default=(0, True))[1]


def read_robots(text: str, agent: str) -> Robots:
    """The rules of the group that names the agent, else of the one for all."""
    groups: dict[str, list[tuple[str, str]]] = {}
    sitemaps: list[str] = []
    names: list[str] = []
    open_group = False
    for line in text.splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "sitemap":
            sitemaps.append(value)
        elif key == "user-agent":
            names = [*names, value.lower()] if open_group else [value.lower()]
            open_group = True
            groups.setdefault(value.lower(), [])
        elif key in ("allow", "disallow", "crawl-delay"):
            open_group = False
            for name in names:
                groups[name].append((key, value))
    own = next((name for name in sorted(groups, key=len, reverse=True) if name != "*" and name in agent.lower()), "*")
    lines = groups.get(own, [])
    rules = [(_pattern(value), len(value), key == "allow") for key, value in lines if key != "crawl-delay" and value]
    delays = [float(value) for key, value in lines if key == "crawl-delay" and re.fullmatch(r"\d+(\.\d+)?", value)]
    return Robots(tuple(rules[:_MOST]), max(delays, default=0.0), tuple(sitemaps))


def _pattern(rule: str) -> re.Pattern[str]:
    """`*` is any text, `$` at the end the end of the path."""
    rule = re.sub(r"\*+", "*", rule[:_LONGEST])
    end = "$" if rule.endswith("$") else ""
    pieces = [re.escape(piece) for piece in rule.removesuffix("$").split("*", _STARS)]
    return re.compile(".*".join(pieces) + end, re.DOTALL)
