"""Which sentences are quoted: those that support an answer, and those that speak to a question without one.

A passage speaks to a question where the reader finds it relevant, or where it has all that the question is about: every
telling word, two of them at least, or the one that its heading has. Where the question has a name that no passage has
in any form, or none of its telling words is in any, the reader must be surer: `FOREIGN`.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import takewhile

from rag.reader.candidates import MIN_RELEVANCE
from rag.reader.network import Passage, ReaderOutput, Span
from rag.text.absent import has_form, split_absent, telling_words
from rag.text.mentions import mentions
from rag.text.overlap import share_parts, weigh_parts
from rag.text.pointers import is_pointer
from rag.text.sentences import Unit, find_units
from rag.text.words import Token, fold

FOREIGN = 1.0  # relevance, in logits, of a passage without what is asked about; 83% of SQuAD's gold ones have more
MIN_SUPPORT = 0.0  # of a quoted sentence beside the best one: it supports likelier than not
LEAD_BONUS = 4.0  # what a sentence that names the answer's passage counts more, in the scores' logits

MIN_SHARED = 0.2  # of a question's words and pieces, in a passage that speaks to it by these alone

_RULE = re.compile(r"\s*\|?\s*:?-{3}")  # below a table's header
_DIGIT = re.compile(r"\d")
_PAIR = re.compile(r"[^:;|]{1,60}: [^;|]")  # Year: 2022; Ducks: 170


def find_speaking(
    question: str,
    passages: Sequence[Passage],
    outputs: Sequence[ReaderOutput],
    unread: AbstractSet[int] = frozenset(),
) -> frozenset[int]:
    """The passages that speak to a question; `outputs` are of each alone.

    Those `unread`, in a language that the reader does not know, speak by their words alone.
    """
    names, words = split_absent(question, [f"{heading}\n{text}" for heading, text in passages])
    telling = telling_words(question)
    is_foreign = bool(names) or (bool(words) and len(words) == len({token.text for token in telling}))
    bar = FOREIGN if is_foreign else MIN_RELEVANCE
    telling = () if names else telling
    found = {n for n, out in enumerate(outputs) if out.relevance > bar or _is_about(passages[n], telling)} - unread
    if unread and not any(letter.isdigit() for name in names for letter in name):  # no capital letter makes a name here
        whole = ["\n".join(passage) for passage in passages]
        weights = weigh_parts(question, whole)
        found |= {n for n in unread if share_parts(weights, whole[n]) >= MIN_SHARED}
    return frozenset(found)


def _is_about(passage: Passage, telling: Sequence[Token]) -> bool:
    heading, text = passage
    if not telling or not all(has_form(token, f"{heading}\n{text}") for token in telling):
        return False
    return len(telling) > 1 or has_form(telling[0], heading)


def rank_support(
    first: Span, outputs: Sequence[ReaderOutput], passages: Sequence[Passage], about: AbstractSet[str]
) -> list[Span]:
    """Other sentences that support the answer in `first`, best first; of passages that the question may be about.

    A sentence of another passage that mentions what the answer's is `about` is the step that leads there, and counts
    `LEAD_BONUS` more. Headings, labels, the feet of pages and pointers to other texts support nothing.
    """
    worth = {}
    for n, output in enumerate(outputs):
        for sentence in (replace(one, passage=n) for one in output.evidence if output.relevance > MIN_RELEVANCE):
            text = passages[n][1][sentence.start : sentence.end]
            score = sentence.score + LEAD_BONUS * (n != first.passage and not about.isdisjoint(mentions(text)))
            known = (n, sentence.start) == (first.passage, first.start)
            if score > MIN_SUPPORT and not known and says_something(sentence, passages) and not is_pointer(text):
                worth[sentence] = score + output.relevance / 4
    return sorted(worth, key=lambda sentence: -worth[sentence])


def says_something(sentence: Span, passages: Sequence[Passage]) -> bool:
    """Whether a sentence is a whole one, an item, a field or a row with values, and no heading or label."""
    text = passages[sentence.passage][1]
    units = find_units(text)
    at = next((n for n, unit in enumerate(units) if unit.start <= sentence.start < unit.end), None)
    if at is None or not units[at].says:
        return False
    row = text[units[at].start : units[at].end]
    cells = [cell.strip() for cell in row.split("|") if cell.strip()]
    if units[at].kind != "row" or (len(cells) == 1 and _PAIR.match(row)):
        return True
    return len(cells) > 1 and not _is_header(text, units, at, cells)


def _is_header(text: str, units: Sequence[Unit], at: int, cells: Sequence[str]) -> bool:
    """Whether a row names a table's columns: a rule is below, or rows that repeat the names; or the first of at least
    three rows has no number where all others have one."""
    end = units[at].end
    if _RULE.match(text, end) or text[end:].lstrip().startswith(f"{cells[0]}: "):
        return True
    first = at == 0 or units[at - 1].kind != "row"
    below = [text[unit.start : unit.end] for unit in takewhile(lambda unit: unit.kind == "row", units[at + 1 :])]
    numbered = [any(_DIGIT.search(cell) for cell in row.split("|")[1:]) for row in below]
    return first and len(below) > 1 and all(numbered) and not any(_DIGIT.search(cell) for cell in cells)


def find_label(sentence: Span, passages: Sequence[Passage]) -> str:
    """The label or heading above a sentence inside its passage."""
    text = passages[sentence.passage][1]
    above = [u for u in find_units(text) if u.start < sentence.start and u.kind in ("heading", "fragment")]
    return text[above[-1].start : above[-1].end] if above else ""


def drop_repeats(sentences: Sequence[Span], passages: Sequence[Passage]) -> list[Span]:
    """Each sentence once, by its words."""
    return [*{fold(passages[one.passage][1][one.start : one.end]): one for one in reversed(sentences)}.values()][::-1]
