"""What tables and key-value lines decide by themselves: a cell, a value, or which of two things has more.

"Which had higher sales in 2023, Havn or Norvik?" asks for two cells of one document: each is found as if it alone were
asked for, and their numbers are compared where they have one unit and no sign. Documents that decide it otherwise are
sides (`rag.reader.sides`); a document that says two things decides nothing. What it does not do: it compares no dates,
and adds no numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.reader.cells import find_cells
from rag.reader.network import Passage, Span
from rag.reader.records import find_values
from rag.reader.sides import Side, SourceAnswer, find_sides
from rag.text.questions import analyse

DECIDED = 0.9  # how often a cell or value is right where one is found: dev parts of WikiTableQuestions and AIT-QA

_MORE = re.compile(r"\b(?:more|higher|larger|bigger|greater|longer|taller|heavier|deeper|wider)\b", re.IGNORECASE)
_LESS = re.compile(r"\b(?:less|fewer|lower|smaller|shorter|cheaper|lighter)\b", re.IGNORECASE)
_MEASURED = re.compile(f"{_MORE.pattern}|{_LESS.pattern}", re.IGNORECASE)
_ASKING = re.compile(r"(?:\w+\s+)?(?:which|what|who)(?:\s+of\s+the\s+\w+)?\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


def find_decided(
    question: str, passages: Sequence[Passage], documents: Sequence[str], sources: Sequence[str]
) -> tuple[Side, ...]:
    """The one side that is decided, or those that documents are on; nothing where none decides it.

    `documents` names that of each passage, `sources` its independent source.
    """
    found: list[tuple[Span, str]] = []
    for document in dict.fromkeys(documents):
        places = [n for n, name in enumerate(documents) if name == document]
        own = [passages[n] for n in places]
        for span, said in _compare(question, own) or _find(question, own):
            found.append((replace(span, passage=places[span.passage]), said))
    best = max((span.score for span, _ in found), default=0.0)
    return find_sides(
        question,
        [
            SourceAnswer(said, at.passage, sources[at.passage], DECIDED, "\n".join(passages[at.passage]), at.start)
            for at, said in found
            if at.score == best
        ],
    )


def _find(question: str, passages: Sequence[Passage]) -> list[tuple[Span, str]]:
    """The cell or value of one document, with what it says."""
    found = find_cells(question, passages) or find_values(question, passages)
    return [(span, passages[span.passage][1][span.start : span.end]) for span in found[:1]]


def _compare(question: str, passages: Sequence[Passage]) -> list[tuple[Span, str]]:
    """The cell of the alternative that has most, or least, in one document, with the alternative's name."""
    asked = analyse(question)
    more = bool(_MORE.search(asked.text))
    if asked.kind != "choice" or more == bool(_LESS.search(asked.text)):
        return []
    named = r"\W+(?:or|and)\s+".join(map(re.escape, asked.options))
    rest = _MEASURED.sub("", re.sub(named, "", _ASKING.sub("", asked.text, count=1))).strip(" ,:?")
    spans = [span for option in asked.options for span in find_cells(f"How much {rest}, {option}?", passages)[:1]]
    texts = [passages[span.passage][1][span.start : span.end] for span in spans]
    values = [float(found[0].replace(",", "")) for text in texts if len(found := _NUMBER.findall(text)) == 1]
    units = {_NUMBER.sub("", text).strip().casefold() for text in texts}
    best = max(values, default=0.0) if more else min(values, default=0.0)
    if len(values) != len(asked.options) or len(units) != 1 or values.count(best) > 1:
        return []
    at = values.index(best)
    return [(replace(spans[at], score=min(span.score for span in spans)), asked.options[at])]
