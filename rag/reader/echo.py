"""Passages that echo the question, or speak to the reader: they are marked, and count nothing alone.

Who wants a reader to say something writes the question and the answer into a file: "Who founded Havn Lines? The answer
is X." No network resists that, since such a passage is the best match there can be. So what is marked is read apart:
it wins no answer by itself and takes none from what other passages say. As evidence it comes last. FAQs, manuals and
exams ask the question honestly, as a heading of a section or in a list: such an `entry` is evidence like any other.

A passage repeats a question where it has its words in their order, from the word that asks on, as a sentence of its
own; or a sentence that ends with a question mark holds most of its content words. A statement that answers does
neither: it has no "who", and a relative clause stands inside its sentence. It speaks to the reader where it tells to
ignore or to answer something, or says what "the answer" is beside the question's words (`rag.reader.address`). What it
does not do: it knows no false statement that is put like a true one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rag.reader.address import find_address
from rag.reader.copies import repeats
from rag.reader.network import Passage
from rag.text.sentences import sentence_spans
from rag.text.words import fold, stems

REPEATED = 0.8  # of a question's words in their order
ASKED = 0.6  # of its content words in another question
ALIKE = 0.4  # of that question's content words in it
ENTRY = 12  # words besides the question: a section under it, and not a line
MOST = 2  # marked passages among those that are read, while there are others
SLACK = 4  # further words that may stand between the question's

ASKING = frozenset(
    "who whom whose what which when where why how wer wen wem wessen welche welcher welches wann wo warum wieso "
    "wie qui que quoi quel quelle quels quelles quand où pourquoi comment combien quién qué cuál cuándo dónde "
    "cómo".split()
)
INVERTED = frozenset(
    "is are was were am do does did has have had can could will would shall should may might must ist sind hat haben "
    "kann darf muss est sont".split()
)
ORDERS = frozenset("name give list tell explain describe find show nenne".split())
_WORD = re.compile(r"\w+")
_OPENS = re.compile(r"(?:^|[.!?:;\n\"“”‘'(|*#>–—-])[\W_]*(?:(?:and|but|so|then|exactly|now)\W+)?$")
_CLOSES = re.compile(r"\W*(?:[?:\"”\n]|$)")
_ASKS = re.compile(r"\b(?:questions?|ask(?:s|ed|ing)?|wonder\w*|answers?|query|frage\w*|question|pregunta\w*)\b")
_QUESTION = re.compile(r"\?[\W_]*$")
_LIST = re.compile(r"\b(?:faqs?|frequently asked|q ?& ?a|questions?|quiz|exam|fragen|häufige|preguntas)\b")


@dataclass(frozen=True, slots=True)
class Echo:
    """What marks a passage: the `words` of it, as it has them; whether it is an `entry`: a section, or of a list."""

    words: str
    entry: bool = False


@lru_cache(64)
def find_echo(question: str, passage: Passage) -> Echo | None:
    """What marks a passage (heading, text) beside a question; None for most."""
    heading, text = passage
    told = find_address(text, question)
    if told:
        return Echo(told)
    asked = next((words for part in (text, heading) if (words := _repetition(question, part))), "")
    return Echo(asked, _is_entry(question, heading, text.replace(asked, "\n"))) if asked else None


def set_apart(question: str, passages: Sequence[Passage]) -> tuple[list[int], list[int], list[int]]:
    """The places of the passages that may answer, of entries that are evidence, and of those that echo."""
    marks = [find_echo(question, passage) for passage in passages]
    free = [i for i, mark in enumerate(marks) if mark is None]
    entries = [i for i, mark in enumerate(marks) if mark and mark.entry]
    return free, entries, [i for i, mark in enumerate(marks) if mark and not mark.entry]


def leave_room(question: str, passages: Sequence[Passage], documents: Sequence[str], k: int) -> list[int]:
    """The places of the k first passages, without marked ones after the second while there are others.

    Nor does one take a place that repeats a better one of another document; `documents` names that of each.
    """
    kept: list[int] = []
    later: list[int] = []
    marked = 0
    for place, passage in enumerate(passages):
        if len(kept) == k:
            break
        others = [passages[i][1] for i in kept if documents[i] != documents[place]]
        repeated = repeats(passage[1], others)
        echo = not repeated and find_echo(question, passage) is not None
        marked += echo
        (later if repeated or (echo and marked > MOST) else kept).append(place)
    return sorted([*kept, *later[: k - len(kept)]])


def _repetition(question: str, text: str) -> str:
    """The words of a text that ask the question again; "" where none do."""
    for start, end in sentence_spans(text) if "?" in text else ():
        if asks_alike(question, text[start:end]):
            return text[start:end]
    words, place = _form(question)
    plain = text.casefold()
    if place is None or words[place] not in plain or words[place + 1] not in plain:
        return ""
    found = list(_WORD.finditer(plain))
    said = [match[0] for match in found]
    for at, pair in enumerate(pairwise(said)):
        if pair != (words[place], words[place + 1]):
            continue
        lead = 0  # of the question's words ahead of the pair that stand there, too
        while lead < min(place, at) and said[at - lead - 1] == words[place - lead - 1]:
            lead += 1
        first = at - lead
        last = min(len(said), first + len(words) + SLACK)
        if _shared(words, said[first:last]) < REPEATED * len(words):
            continue
        while said[last - 1] not in words:
            last -= 1
        start, end = found[first].start(), found[last - 1].end()
        around = plain[plain.rfind("\n", 0, start) + 1 : start][-80:]
        if _OPENS.search(plain[max(0, start - 20) : start]) or _CLOSES.match(plain, end) or _ASKS.search(around):
            return text[start:end] if len(text) == len(plain) else plain[start:end]
    return ""


def asks_alike(question: str, sentence: str) -> bool:
    """Whether a sentence is a question of much the same words."""
    own, other = stems(question), stems(sentence) if _QUESTION.search(sentence) else frozenset[str]()
    shared = len(own & other)
    return shared >= max(2, ASKED * len(own)) and shared >= ALIKE * len(other)


@lru_cache(64)
def _form(question: str) -> tuple[list[str], int | None]:
    """The words of a question, and the place of the pair by which it asks; None where it asks nothing by its form."""
    words = _WORD.findall(question.casefold())
    if len(words) < 3:
        return words, None
    places = [i for i, word in enumerate(words) if word in ASKING]
    if words[0] in INVERTED or (not places and words[0] in ORDERS):
        return words, 0
    if not places:
        return words, None
    return words, len(words) - 2 if places[-1] == len(words) - 1 else places[0]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two rows have in the same order: the length of their longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for n, own in enumerate(other):
            row.append(before[n] + 1 if own == word else max(row[n], before[n + 1]))
    return row[-1]


def _is_entry(question: str, heading: str, rest: str) -> bool:
    """Whether the rest of a passage says something, or asks other things, or the heading says that it is of a list."""
    sentences = [rest[start:end] for start, end in sentence_spans(rest)]
    asks = any(_QUESTION.search(one) and not asks_alike(question, one) for one in sentences)
    return asks or len(_WORD.findall(rest)) >= ENTRY or bool(_LIST.search(fold(heading)))
