"""Things with a number or letter: building 4, Berth 7, Offer C. One is asked about, or it is another one.

A word of three letters and more and what numbers it, as a question writes them; a text must write the word with a
capital letter or in capitals. A question for another one of the kind ("Which building replaced Building 4?") is about
none. What it does not do: numbers in words, and ranges (Buildings 1 to 4).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.text.stopwords import NO_NAMES

_THING = re.compile(r"(?<![\w-])([^\W\d_]{3,})\s+(\d{1,4}|[A-Z])(?![\w.,:/%-]*\d)(?!\w)")


@dataclass(frozen=True)
class Numbered:
    """A kind of things and the number of one of them."""

    kind: str
    number: str

    def is_in(self, text: str) -> bool:
        """Whether a text names it."""
        return self.number in self._find(text)

    def is_another_in(self, text: str) -> bool:
        """Whether a text names another one of its kind, and not this one."""
        found = self._find(text)
        return bool(found) and self.number not in found

    def _find(self, text: str) -> list[str]:
        return self._pattern.findall(text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{self.kind.capitalize()}|{self.kind.upper()})\s+(\d{{1,4}}|[A-Z])\b")


def find_numbered(question: str, texts: Sequence[str]) -> tuple[Numbered, ...]:
    """The numbered things of a question that one of some texts names."""
    words = re.findall(r"\w+", question.casefold())
    found = dict.fromkeys(Numbered(match[1].casefold(), match[2]) for match in _THING.finditer(question))
    own = [one for one in found if one.kind not in NO_NAMES and words.count(one.kind) == 1]
    return tuple(one for one in own if any(one.is_in(text) for text in texts))
