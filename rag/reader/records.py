"""Values of keys as answers: `Cashier: Ann Ray` answers "Who was the cashier on the receipt?".

A key is what stands before a colon on a line or in a cell; its value stands behind it, in the next cell or line. It is
asked for where all its words stand in the question before the first preposition ("the VIN of ..."), or two of them
anywhere. A key before an identifier, or alone on its line with a number, needs no colon (`VIN 1C4RJFBG2NC123456`). Of
several records the one whose lines have most of the question's other words gives the value, and all its names and
numbers. Nothing is found where two with different values are as near, or where a name or number stands nowhere in the
passage.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.reader.network import Passage, Span
from rag.reader.unfit import find_fault
from rag.text.identifiers import find_identifiers
from rag.text.questions import analyse, is_nested
from rag.text.words import NAMED, stems, tokens

LONGEST_KEY = 5  # words
LONGEST_VALUE = 12  # words
AROUND = 6  # lines above and below a key that belong to its record
FAR = 0.5  # what a word elsewhere in the passage counts
MIN_SCORE, MIN_NESTED = 0.5, 0.9  # of the question's words; of one with a clause inside, which may need other passages

_LINE = re.compile(
    r"(?:^|(?<=\|))[ \t>*_|-]*(?P<key>[^\W\d_][^:\n|;.!?]{0,50}?)[*_ ]*:[*_]*"
    r"(?:[ \t]+(?:\|[ \t]*)?(?P<value>[^\s|][^\n|]*)|[ \t]*\n[ \t>]*(?P<below>[^\n:]*[^\s:])[ \t]*$)",
    re.MULTILINE,
)
_PREPOSITION = re.compile(
    r"\s(?:of|for|on|in|at|by|from|to|with|about|that|which|who|when|if|during|as)\s", re.IGNORECASE
)
_ASKING = re.compile(
    r"(?:\w+\s+){0,2}?(?:what|which|who|whom|when|where|how\s+\w+)(?:['’]s)?\s+(?:(?:is|was|are|were|does|did|do|has|have|had)\s+)?"
    r"(?:the\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key as it stands, the stems of its words, and the span of its value."""

    key: str
    words: frozenset[str]
    start: int
    end: int


def find_values(question: str, passages: Sequence[Passage]) -> list[Span]:
    """The value of the key that a question asks for, wherever it stands; [] where it is not decided.

    Its score is the share of the question's words that the key, its record and (for half) its passage have.

    Example: "What is the VIN of Ann's Jeep?" finds what stands behind "VIN:" in the record that names Ann and Jeep.
    """
    asked = analyse(question)
    if asked.kind in {"yes/no", "choice", "way", "list"}:
        return []
    words = tokens(asked.text)
    sought, named = frozenset(word.stem for word in words), {word.stem for word in words if word.kind in NAMED}
    focus = _PREPOSITION.split(_ASKING.sub("", asked.text, count=1))[0].strip(" ?.!")
    asked_for = stems(focus)
    found: list[tuple[Span, str]] = []
    for n, (title, text) in enumerate(passages):
        for entry in _entries(text, focus):
            said = text[entry.start : entry.end]
            if not (entry.words <= asked_for or (len(entry.words) > 1 and entry.words <= sought)):
                continue
            if find_fault(question, ("", said), 0, len(said)) or (asked.kind == "number") > _has_digit(said):
                continue
            near = sought & (entry.words | stems(f"{title}\n{_around(text, entry)}"))
            far = sought & stems(f"{title}\n{text}") - near
            if named <= near or (named <= near | far and text.casefold().count(entry.key.casefold()) == 1):
                score = (len(near) + FAR * len(far)) / len(sought)
                found.append((Span(n, entry.start, entry.end, score), said.casefold()))
    best = max((span.score for span, _ in found), default=0.0)
    least = MIN_NESTED if is_nested(question) else MIN_SCORE
    found = [(span, said) for span, said in found if span.score == best >= least]
    return [span for span, _ in found] if len({said for _, said in found}) == 1 else []


def _entries(text: str, focus: str) -> Iterator[_Entry]:
    """Every key with its value; without a colon only the `focus` of the question."""
    for match in _LINE.finditer(text):
        group = "value" if match["value"] else "below"
        said = match[group].rstrip(" \t*_|,;")
        words = stems(match["key"])
        prose = len(said.split()) > LONGEST_VALUE or (said.endswith(".") and len(said.split()) > LONGEST_VALUE // 2)
        if words and said and not prose and len(match["key"].split()) <= LONGEST_KEY:
            yield _Entry(match["key"], words, match.start(group), match.start(group) + len(said))
    words = stems(focus)
    if words and len(focus.split()) <= LONGEST_KEY and focus.split()[0].casefold() in text.casefold():
        name = r"\s+".join(map(re.escape, focus.split()))
        bare = re.compile(
            rf"^[ \t]*{name}[ \t]+(?P<number>[$€£]?\d[\d,.]*%?)[ \t]*$"
            rf"|(?<!\w){name}[ \t]*#?[ \t]+(?P<code>[^\s:;,]*\d[^\s:;,]*)",
            re.IGNORECASE | re.MULTILINE,
        )
        for match in bare.finditer(text):
            if match["number"] or any(one.written == match["code"] for one in find_identifiers(match["code"])):
                yield _Entry(focus, words, *match.span("number" if match["number"] else "code"))


def _around(text: str, entry: _Entry) -> str:
    """The lines of a value's record: those around it, up to a blank one."""
    before = text[: entry.start].rpartition("\n\n")[2].split("\n")[-1 - AROUND :]
    after = text[entry.start :].partition("\n\n")[0].split("\n")[: 1 + AROUND]
    return "\n".join([*before[:-1], before[-1] + after[0], *after[1:]])


def _has_digit(said: str) -> bool:
    return any(letter.isdigit() for letter in said)
