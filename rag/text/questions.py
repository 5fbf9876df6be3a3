"""What a question asks for, by its form: yes or no, one of several named things, a number, a time, a way to do it.

Rules on English words, for questions as people type them: with polite openers, leading clauses ("If I resign, am I
..."), tags ("..., is it?"), as a plain statement, without capitals. What is not certain is "open". What it does not do:
it understands nothing, and knows no other language.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.text.alternatives import find_alternatives

AUXILIARY = (
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may(?!\s+\d)|might|must)"
    r"(?:n['’]?t|not)?\b"
)
WH = r"(?:what|which|who|whom|whose|when|where|why|how)(?:['’]s)?\b"
PREPOSITION = (
    r"(?:in|on|at|by|for|from|of|to|with|within|into|under|during|after|before|until|since|over|through|about|around"
    r"|near|against|between|among|approximately|roughly|exactly|and)"
)
SUBORDINATE = (
    rf"(?:{PREPOSITION}|if|even|while|although|though|given|based|according|considering|as|because|once|using|unless"
    r"|when|whenever|regardless|assuming|suppose|say)\b"
)
_LISTED = r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[2-9]|1\d)"  # things

_TOLD = r"(?:\s+(?:me|us))?\s+(?:know\s+)?(?=if\b|whether\b|about\s|the\b|(?:\w+\s+)?(?:what|wh\w+|how)\b)"
_POLITE = re.compile(
    r"(?:(?:please|hello|hi|hey|ok|okay|so|and|but|well|q:|question:)[,!]?\s+"
    r"|(?:can|could|would|will)\s+(?:you|someone|anyone|anybody)\s+(?:please\s+|kindly\s+)?"
    r"(?=(?:tell|show|let|give)\s+(?:me|us)\b|(?:explain|describe|list|name)\b"
    r"|(?:say|check|find\s+out|confirm)\s+(?:if|wh|how))"
    rf"|(?:tell|let|show|say|check|confirm|find\s+out){_TOLD}"
    r"|(?:i|we)(?:\s+(?:want|need|would\s+like|have)|['’]d\s+like)\s+to\s+(?:know|find\s+out|understand)\s+"
    r"|(?:i|we)(?:\s+(?:am|are)|['’](?:m|re))?\s+wonder(?:ing)?\s+"
    r"|(?:do\s+(?:you|we)|does\s+any(?:one|body))\s+know\s+(?=if\b|(?:\w+\s+)?(?:wh\w+|how)\b))+",
    re.IGNORECASE,
)
_WHETHER = re.compile(r"(?:if|whether)(?:\s+or\s+not)?\s+", re.IGNORECASE)
_TAG = re.compile(
    rf",\s*(?:{AUXILIARY}\s+(?:not\s+)?(?:it|they|he|she|i|we|you|there|that|this|one)"
    r"|right|correct|yes|no|true|or\s+not)$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?:[,;:.!?)\]–—]|\s-)\s+(?:(?:and|but|then|so)\s+)?")
_WH_FIRST = re.compile(rf"(?:{PREPOSITION}\s+){{0,2}}({WH})(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_AUXILIARY_FIRST = re.compile(AUXILIARY, re.IGNORECASE)
_ANY_WH = re.compile(rf"\b{WH}", re.IGNORECASE)
_SUBORDINATE = re.compile(rf"\(?{SUBORDINATE}", re.IGNORECASE)
_ANSWERED = re.compile(AUXILIARY + r"(?!\s+(?:known|called|named)\b)", re.IGNORECASE)
_LAST_WH = re.compile(  # "was born in which city?"
    r"(?<![,;:.]\s)\b(?:what|which|whose)(?:\s+[^\s,]+){1,4}$", re.IGNORECASE
)
_CUT_OFF = re.compile(rf"\b(?:{AUXILIARY}|{PREPOSITION}|as|a|an|the)$", re.IGNORECASE)
_STATEMENT = re.compile(
    r"(?:i|we|you|he|she|it|they|there|this|that|these|those|my|our|your|the|an?|all|every|each|any|no|[A-Z]\w*)\s",
)

_NESTED = re.compile(r"\s(?:that|which|who|whom|whose|where)\s", re.IGNORECASE)
_WAY = re.compile(
    r"how\s+(?:(?:do|does|can|could|should|would|must|may|might|will|to)(?:n['’]t)?)\b|why\b|how\s+come\b"
    r"|(?:explain|describe)\b"
    r"|what\s+(?:is|are)\s+(?:the\s+)?(?:\w+\s+){0,2}(?:steps?|procedure|process|way)\s+(?:to|for)\b"
    r"|what\s+(?:should|must|do)\s+(?:i|we|you|one)\s+(?:have\s+to\s+|need\s+to\s+)?do\b",
    re.IGNORECASE,
)
_LIST = re.compile(
    rf"(?:what|which|who)\s+(?:(?:are|were)\s+)?(?:the\s+|all\s+)*(?:\w+\s+)?{_LISTED}\s+(?!of\b)[a-z]"
    r"|(?:list|enumerate)\b|name\s+(?:all|the|\w+\s+\w+s)\b",
    re.IGNORECASE,
)
_FRAME = re.compile(  # "Who do I ask about benefits?" is about benefits
    r"\b(?:whom?\s+(?:do|can|could|should|must|may|would)\s+(?:i|we|you|one)\s+(?:ask|(?:talk|speak|turn|go)\s+(?:to|with))"
    r"|where\s+(?:do|can|could|should|may)\s+(?:i|we|you|one)\s+(?:find|read|see|look\s+up|learn)(?:\s+more)?"
    r"|where\s+(?:is|are)\s+it\s+(?:described|explained|documented|written))\b",
    re.IGNORECASE,
)
_KINDS = {  # of a question that starts with these words, prepositions left out
    "number": re.compile(
        r"how\s+(?:many|much)\b|(?:what|which)(?:['’]s|\s+(?:is|was|are|were))?\s+(?:the\s+)?(?:\w+\s+)?"
        r"(?:number|percentage|percent|amount|count|quantity)\b",
        re.IGNORECASE,
    ),
    "time": re.compile(
        r"when\b|(?:what|which)(?:['’]s|\s+(?:is|was))?\s+(?:the\s+)?(?:\w+\s+)?(?:year|date|day|month|decade|century)\b",
        re.IGNORECASE,
    ),
    "place": re.compile(r"where\b", re.IGNORECASE),
    "person": re.compile(r"(?:who|whom|whose)\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for.

    `kind` is "yes/no", "choice" (of `options`), "way", "list", "number", "time", "place", "person" or "open"; `text` is
    the question without politeness.
    """

    kind: str
    text: str
    options: tuple[str, ...] = ()


@lru_cache(256)
def analyse(question: str) -> Asked:
    """What a question asks for. Example: "Please tell me whether leave is paid" asks for "yes/no"."""
    text = question.strip()
    core = _POLITE.sub("", text, count=1) if _POLITE.match(text) else text
    if whether := _WHETHER.match(core) if core != text else None:
        return Asked("yes/no", core[whether.end() :])
    bare = core.rstrip(" ?.!")
    if _TAG.search(bare):
        return Asked("yes/no", _TAG.sub("", bare))
    clause, polar = _asking(bare, core.endswith("?"))
    if polar:
        options = find_alternatives(clause, polar=True)
        open_end = re.search(rf"[,;]\s+or\s+{AUXILIARY}", clause, re.IGNORECASE)
        return Asked("choice" if options else "open" if open_end else "yes/no", core, options)
    if options := find_alternatives(bare, polar=False):
        return Asked("choice", core, options)
    return Asked(_kind(clause), core)


def asks_yes_no(question: str) -> bool:
    """Whether a question can only be answered with yes or no, or that nobody knows."""
    return analyse(question).kind == "yes/no"


def name_subject(question: str) -> str:
    """A question without the words that ask for somebody or a place to turn to; as it is where nothing else is left."""
    text = _FRAME.sub("", question, count=1)
    return text if any(map(str.isalnum, text)) else question


def is_nested(question: str) -> bool:
    """Whether a question names something by a clause of its own: "the company that made the router"."""
    first = _WH_FIRST.match(analyse(question).text.strip())
    return bool(_NESTED.search(first["rest"] if first else question))


def _asking(text: str, marked: bool) -> tuple[str, bool]:
    """The clause that asks, and whether it asks for yes or no; all the text where no clause does."""
    if _AUXILIARY_FIRST.match(text):
        return text, True
    first = _WH_FIRST.match(text)
    if first and (first[1].lower() not in {"when", "where"} or _AUXILIARY_FIRST.match(first["rest"].strip())):
        return text, False
    leads = bool(_SUBORDINATE.match(text))
    for match in [] if _LAST_WH.search(text) else _CLAUSE.finditer(text):
        clause = text[match.end() :]
        opens = match[0][0] in ":;!?" or (match[0][0] == "." and clause[:1].isupper())
        if _AUXILIARY_FIRST.match(clause) and (leads or opens or not _ANY_WH.search(clause)):
            return clause, True
        if (wh := _WH_FIRST.match(clause)) and (leads or opens or wh[1].lower() in {"what", "how", "why"}):
            return clause, False
    states = marked and _STATEMENT.match(text) and _ANSWERED.search(text)
    return text, bool(states) and not _ANY_WH.search(text) and not _CUT_OFF.search(text)


def _kind(clause: str) -> str:
    if _WAY.match(clause):
        return "way"
    opening = re.sub(rf"^(?:{PREPOSITION}\s+)+", "", clause, flags=re.IGNORECASE)
    if _LIST.match(opening):
        return "list"
    return next((kind for kind, pattern in _KINDS.items() if pattern.match(opening)), "open")
