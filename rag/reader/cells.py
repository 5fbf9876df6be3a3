"""Cells of tables as answers: where a question names the row and the column, and nothing else, the cell is the answer.

A row is named by cells whose words all stand in the question, a column by its header; numbers and names must be exactly
those, so that a question about 2022 never gets the cell of 2021. Nothing is found where two cells fit as well, where a
number or name of the question stands nowhere in the table, its caption or its passage's title, or where the question
compares, counts or orders ("the most", "after", "how many rows").
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.reader.network import Passage, Span
from rag.reader.unfit import find_fault
from rag.text.questions import analyse, is_nested
from rag.text.tables import Cell, Table, read_tables
from rag.text.words import NAMED, stems, tokens

MIN_EXPLAINED, MIN_NESTED = (
    0.5,
    0.9,
)  # of a question's words; of one with a clause inside, which may need other passages

_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_ASKING = re.compile(r"(?:\w+\s+){0,2}?(?:what|which|who|when|where|how\s+(?:many|much))\b", re.IGNORECASE)
_NUMBERS = re.compile(r"(?:\w+\s+){0,2}how\s+(?:many|much)\b|.{0,20}\bnumber\s+of\b", re.IGNORECASE)
_COUNTED = re.compile(r".*?\b(?:how\s+many|numbers?\s+of)\s+(?:\w+\s+)??(?P<noun>\w{3,})", re.IGNORECASE)
_COMPUTED = re.compile(
    r"\b(?:(?:high|low|larg|small|bigg|long|short|tall|old|young|earli|lat|great|fast|slow|heavi|busi|rich)est|best|worst|most|least|more|less|fewer|top|bottom|first|last|next|previous|before|after|prior|following|followed"
    r"|consecutive|between|difference|differ|sums?|totals?|combined|together|altogether|average|mean|both|either|only|other"
    r"|else|besides|except|excluding|without|not|than|above|below|over|under|same|each|every|all|any|higher|lower|older"
    r"|younger|longer|shorter|earlier|later|faster|slower|long|once|twice|times|ever|never|changed?|increased?|decreased?"
    r"|grow|growth|compared|versus|range|since|until|through|up\s+to)\b",
    re.IGNORECASE,
)
_CHANGE = re.compile(r"\b(?:increase|decrease|changes?|variance|growth|vs)\b", re.IGNORECASE)
_PERIODS = {  # as reports name them
    "first half": "January June",
    "second half": "July December",
    "first quarter": "January March",
    "second quarter": "April June",
    "third quarter": "July September",
    "fourth quarter": "October December",
}
_PERIOD = re.compile("|".join(_PERIODS), re.IGNORECASE)
_APART = frozenset(("other", "others", "non", "not", "no", "excluding", "except"))  # words that make another row of it
_EMPTY = frozenset(("numbe", "amoun", "value", "liste", "table", "repor", "shown", "figur"))  # said of any cell
_KIND_HEADERS = {
    "time": frozenset(("year", "date", "day", "time", "seaso")),
    "place": frozenset(("locat", "place", "venue", "city", "site", "count")),
    "person": frozenset(("name", "playe", "perso")),
}


@dataclass(frozen=True, slots=True)
class _Question:
    """A question's words as stems; those that must be explained (names, numbers); the first after the asking word."""

    kind: str
    text: str
    stems: frozenset[str]
    named: frozenset[str]
    focus: str


def find_cells(question: str, passages: Sequence[Passage]) -> list[Span]:
    """The cell that a question's row and column decide, wherever it stands; [] where it is not decided.

    Its score is the share of the question's words that its row, header, caption and title explain.

    Example: "How many ducks were counted in 2022?" finds the 170 of "Year: 2022; Ducks: 170".
    """
    asked = analyse(question)
    if asked.kind in {"yes/no", "choice", "way", "list"}:
        return []
    text = _PERIOD.sub(lambda period: _PERIODS[period[0].casefold()], asked.text)
    words = tokens(text)
    after = tokens(_ASKING.sub("", text, count=1))
    sought = _Question(
        asked.kind,
        text,
        frozenset(word.stem for word in words) - _EMPTY,
        frozenset(word.stem for word in words if word.kind in NAMED),
        after[0].stem if after else "",
    )
    found: list[tuple[Span, str]] = []
    for n, (title, text) in enumerate(passages):
        above = f"{title}\n" if "|" in title and "|" in text.partition("\n")[0] else ""  # headers of rows that go on
        for table in read_tables(above + text):
            for cell, score in _cells(sought, table, stems(title)):
                if not find_fault(question, ("", cell.text), 0, len(cell.text)):
                    start, end = cell.start - len(above), cell.end - len(above)
                    found.append((Span(n, start, end, score), cell.text.casefold()))
    best = max((span.score for span, _ in found), default=0.0)
    found = [(span, said) for span, said in found if span.score == best]
    return [span for span, _ in found] if len({said for _, said in found}) == 1 else []


def _cells(sought: _Question, table: Table, around: frozenset[str]) -> Iterator[tuple[Cell, float]]:
    """The cell of the one row and the one column that fit best, with the share of the question that they explain."""
    headers = [_words(header) for header in table.headers]
    shared = frozenset.intersection(*(header for header in headers if header)) if any(headers) else frozenset()
    shared |= stems(table.caption)
    named = [[own if (own := _label(cell)) <= sought.stems else frozenset() for cell in row] for row in table.rows]
    weights = [
        len(frozenset().union(*row)) + sum(len(headers[j] & sought.stems) for j, own in enumerate(row) if own) / 4
        for row in named
    ]
    heaviest = max(weights, default=0)
    if not heaviest or weights.count(heaviest) > 1:
        return
    row = weights.index(heaviest)
    changes = _CHANGE.search(sought.text)
    scores = [
        0.0
        if named[row][j] or not table.rows[row][j].text or (_CHANGE.search(table.headers[j]) and not changes)
        else _fit(sought, header, shared)
        for j, header in enumerate(headers)
    ]
    best = max(scores)
    if not best or scores.count(best) > 1:
        return
    column = scores.index(best)
    cell = table.rows[row][column]
    explained = frozenset().union(*named[row], headers[column], stems(table.caption))
    if _years(sought.stems) - explained and _years(stems(table.caption) | headers[column]):
        return  # the caption or header says another year than the question: the title's year does not help
    explained |= around
    others = [header for header, label in zip(headers, named[row], strict=True) if header and not label]
    if not headers[column] <= sought.stems and any(one <= sought.stems and not one <= explained for one in others):
        return  # the question names another column whole
    words = {
        word.casefold()
        for word in _WORD.findall(
            f"{table.caption} {table.headers[column]} {' '.join(c.text for c in table.rows[row])}"
        )
    }
    if _COMPUTED.search(sought.text) and not {m[0].casefold() for m in _COMPUTED.finditer(sought.text)} <= words:
        return
    if not sought.named <= explained or (_NUMBERS.match(sought.text) and not cell.is_numeric):
        return
    if (counted := _COUNTED.match(sought.text)) and not stems(counted["noun"]) & explained:
        return
    share = len(sought.stems & explained) / len(sought.stems)
    if share >= (MIN_NESTED if is_nested(sought.text) else MIN_EXPLAINED):
        yield cell, share


def _years(found: frozenset[str]) -> frozenset[str]:
    return frozenset(stem for stem in found if _YEAR.fullmatch(stem))


def _label(cell: Cell) -> frozenset[str]:
    """The words that name a cell: of a path (`Costs > Fuel`) the last part's."""
    return _words(cell.text.rpartition(" > ")[2])


def _words(text: str) -> frozenset[str]:
    """The stems of a label without what stands in brackets, and the words that make it another one."""
    text = _ASIDE.sub("", text)
    return stems(text) | (_APART & {word.casefold() for word in _WORD.findall(text)})


def _fit(sought: _Question, header: frozenset[str], shared: frozenset[str]) -> float:
    """How well a header fits what is asked for."""
    own = header - shared or header
    score = float(len(own & sought.stems)) + len(own & sought.stems) / (1 + len(own))
    if sought.focus in header:
        score += 0.25
    return score or (0.1 if header & _KIND_HEADERS.get(sought.kind, frozenset()) else 0.0)
