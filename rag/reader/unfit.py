"""What cannot be the answer to a question, whatever a network says: numbering, page margins, the question's own words.

Rules on form, each with a name. They speak only where they are certain: of 15,752 gold answers of SQuAD, NQ, HotpotQA,
MuSiQue, 2Wiki and MultiHop-RAG (train and dev) they forbid 0.24% together, and none more than 0.3% of those it is asked
about; many of these are slips of the labels. What it does not do: it knows no facts, and no other language's words.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from rag.reader.network import Passage
from rag.text.amounts import has_number, has_time, is_date
from rag.text.borders import is_unfinished
from rag.text.furniture import LONGEST, page_number
from rag.text.questions import Asked, analyse
from rag.text.sentences import find_units
from rag.text.stopwords import STOP_WORDS

NEAR = 400  # characters on either side in which somebody is thanked

_WORD = re.compile(r"\w+")
_ELSEWHERE = re.compile(
    r"(?:[Ss]ee(?:\s+also)?|[Cc]f\.|[Rr]efer\s+to)\s+(?:the\s+)?[a-z§]|(?i:n/a|not\s+(?:applicable|available))$"
)
_HOW_MANY = re.compile(r"(?:\w+\s+){0,2}(?:how\s+many|what\s+(?:percent(?:age)?|number))\b", re.IGNORECASE)
_CALLED = re.compile(  # by telephone
    r"(?:(?:what|which)(?:['’]s|\s+(?:is|was|are))?\s+(?:the\s+|my\s+|our\s+|your\s+)?)"
    r"(?:(?:tele)?phone|mobile|fax|account|registration|invoice|policy|order|house|room)\s+numbers?\b",
    re.IGNORECASE,
)
_WHEN = re.compile(r"(?:when\s+(?:did|was|were)|(?:\w+\s+)?(?:what|which)\s+(?:year|date))\b", re.IGNORECASE)
_AUTHOR = re.compile(
    r"who\s+(?:\w+\s+)?(?:wrote|authored|invented|created|made|designed|founded|proposed|published"
    r"|(?:is|are|was|were)\s+the\s+authors?)\b",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thank|thanks|grateful|indebted)\b", re.IGNORECASE)
_THANKS_HEADING = re.compile(r"^[#*\d. ]*acknowledge?ments?\b[^a-z]*", re.IGNORECASE | re.MULTILINE)
_SEVERAL = re.compile(r"\b(?:or|and|among|which\s+of|instead|spell\w*|call\w*)\b", re.IGNORECASE)
_SAYING = {*"above all both few itself more most no none not nothing one only same us".split()}
_SILENT = (STOP_WORDS - _SAYING) | set(
    """add allow allows become becomes choose chooses choosing contains done get gets getting gives go goes got
    happen happens include includes including keep keeps laid let lets lie lies make makes made making need
    needs provides put puts require requires seem seems see set sets show shows take taken takes took use used
    uses using want wants""".split()
)
_NUMBERING = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxlc]{1,5}|[IVXLC]{1,5}|[A-Za-z])[.):]?\)?")
_LIST_MARK = re.compile(r"[\s>#*_|-]*\(?$")  # what may stand on a line before its number
_AFTER_NUMBERING = re.compile(r"[.):]+\s")
_HEADING_AFTER = re.compile(r"\s+[A-Z][^.!?]*$")
_LABEL = re.compile(
    r"(?:\b(?:section|sections|sec|chapter|figure|fig|table|appendix|page|pages|p|pp|step|footnote|note|equation|eq|ref|rfc)\.?"
    r"|§)[ \t]*$",
    re.IGNORECASE,
)
_RUNNING_HEAD = re.compile(
    r"\s*(?:.{1,60}\s{2,}page\s+\d+(?:\s*(?:of|/)\s*\d+)?|RFC\s+\d+\s{2,}.*\s{2,}\w+\s+\d{4})\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A span with what stands around it: the question, what it says, its text, its line up to it and from its end."""

    asked: Asked
    said: str
    text: str
    start: int
    end: int

    @property
    def before(self) -> str:
        return self.text[self.text.rfind("\n", 0, self.start) + 1 : self.start]

    @property
    def after(self) -> str:
        return self.text[self.end :].partition("\n")[0]


def find_fault(question: str, passage: Passage, start: int, end: int) -> str:
    """Why a span of a passage's text cannot be the answer, in a word; "" where it may be.

    Example: "4.2" in the heading "4.2 Leave" is "numbering".
    """
    text = passage[1]
    place = _Place(_analyse(question), text[start:end].strip(), text, start, end)
    return next((name for name, holds in _FAULTS.items() if holds(place)), "")


_analyse = lru_cache(64)(analyse)


def _is_question(place: _Place) -> bool:
    asked = place.asked
    if asked.kind in {"choice", "yes/no"} or _SEVERAL.search(asked.text):
        return False
    return f" {_plain(place.said)} " in f" {_plain(asked.text)} "


def _is_silent(place: _Place) -> bool:
    words = _WORD.findall(place.said)
    return not place.asked.options and all(
        word.casefold() in _SILENT and not (word.isupper() and len(word) > 1) and word != "May" for word in words
    )


def _is_other_kind(place: _Place) -> bool:
    asked, said = place.asked, place.said
    if _HOW_MANY.match(asked.text):
        return not has_number(said)
    if _CALLED.match(asked.text):
        return not any(map(str.isdigit, said))
    if _WHEN.match(asked.text):
        return not has_time(said)
    if asked.kind == "person":
        return not re.search(r"[^\W\d_]", said)
    if asked.kind == "list":
        return not re.search(r"[^\W\d_]", said) and "," not in said
    return asked.kind == "place" and is_date(said)


def _is_no_option(place: _Place) -> bool:
    """Whether it has no word that only one of the alternatives has."""
    options = [frozenset(_bare_words(option)) for option in place.asked.options]
    counts = Counter(word for option in options for word in option)
    return bool(options) and not any(counts[word] == 1 for word in _bare_words(place.said))


def _is_thanked(place: _Place) -> bool:
    if not _AUTHOR.match(place.asked.text):
        return False
    before, after = place.text[max(0, place.start - NEAR) : place.start], place.text[place.end : place.end + NEAR]
    sentence = before[before.rfind(". ") + 1 :] + after.partition(". ")[0]
    return bool(_THANKS.search(sentence) or _THANKS_HEADING.search(before))


def _is_numbering(place: _Place) -> bool:
    if not _NUMBERING.fullmatch(place.said):
        return False
    before, after = place.before, place.after
    if (label := _LABEL.search(before)) and place.said[:1].isdigit():
        return label[0].strip(" .").casefold() not in place.asked.text.casefold()
    if before.endswith("[") and after.startswith("]"):
        return True
    closed = place.said[-1] in ".):" or "." in place.said or _AFTER_NUMBERING.match(after)
    heads = _HEADING_AFTER.match(after) and (place.asked.kind != "number" or _is_in_heading(place))
    return bool(_LIST_MARK.fullmatch(before) and (closed or heads) and after.strip(" .):"))


def _is_in_heading(place: _Place) -> bool:
    """Whether it stands in a line that says nothing by itself, above others."""
    below = place.text[place.end + len(place.after) :].strip()
    units = find_units(place.text) if below else ()
    return any(unit.start <= place.start < unit.end and not unit.says for unit in units)


def _is_margin(place: _Place) -> bool:
    line = place.before + place.text[place.start : place.end] + place.after
    runs = page_number(line) is not None or (len(line) <= LONGEST and _RUNNING_HEAD.fullmatch(line))
    return "\n" in place.text and bool(runs) and len(line) > len(place.said)


def _bare_words(text: str) -> list[str]:
    """Words as they stand between blanks, marks inside kept: HTTP/1.1."""
    whole = [word.strip(".,;:!?()[]\"'“”‘’") for word in text.casefold().split()]
    return [word for word in whole if word not in {"a", "an", "the"}]


def _plain(text: str) -> str:
    return " ".join(word for word in _WORD.findall(text.casefold()) if word not in {"a", "an", "the"})


_FAULTS: dict[str, Callable[[_Place], bool]] = {
    "empty": lambda place: not _WORD.search(place.said),
    "elsewhere": lambda place: bool(_ELSEWHERE.match(place.said)),  # "see building sheet", "n/a"
    "silent": _is_silent,
    "question": _is_question,
    "unfinished": lambda place: is_unfinished(place.said),
    "kind": _is_other_kind,
    "choice": _is_no_option,
    "numbering": _is_numbering,
    "margin": _is_margin,
    "thanks": _is_thanked,
}
