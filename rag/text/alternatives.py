"""The named alternatives of a question: "Which is older, A or B?", "Was A or B born first?", "Is it paid or unpaid?"

Rules on English words. They speak only where nothing but one of the alternatives can be the answer: "Do I need a
permit or a visa?" asks for yes or no. What it does not do: alternatives that are whole clauses.
"""

import re

MOST_WORDS = 14  # of an alternative
AFTER = 2  # words that may follow a pair of opposites: "paid or unpaid leave"

_OR = re.compile(r"[,\s]+or\s+(?:else\s+|rather\s+)?", re.IGNORECASE)
_PAUSE = re.compile(r"[,:;]\s+|\s[-–—]\s")
_MARKS = " \t\n\"“”'‘’`?.!"
_WH_START = re.compile(  # "What is the cause of X or Y" asks for the cause
    r"(?:\w+\s+){0,3}?(?:which|who|whom|whose|where"
    r"|what(?!\s+(?:is|was|are|were)\s+the\s+(?:\w+\s+)?\w+\s+(?:of|where)\b))\b",
    re.IGNORECASE,
)
_MEASURE = (
    r"(?:first|last|earliest|latest|earlier|later|sooner|more\s+\w+|most\s+\w+|less\s+\w+|older|younger|bigger|larger"
    r"|smaller|taller|quicker|higher|lower|longer|shorter|faster|slower|cheaper|heavier|better|worse|newer|closer|stronger|busier"
    r"|deeper|greater|(?:further|farther)\s+(?:north|south|east|west|away)|oldest|youngest|biggest|largest|smallest|tallest"
    r"|highest|lowest|longest|best|worst|newest)"
)
_MEASURED = re.compile(rf"\b{_MEASURE}\b", re.IGNORECASE)
_MEASURED_LAST = re.compile(
    r"\s+(?:(?:the|an?|born|built|created|established|formed|founded|further|opened|published|released|die|died|c[ao]me"
    rf"|out)\s+){{0,3}}{_MEASURE}\b(?:\s+[\w-]+){{0,7}}$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"(?:^of|(?:^|[\s,])(?:(?:in\s+)?between|out\s+of))\s+(?P<one>[^,;]+?)\s+(?:and|or)\s+(?P<other>[^,;]+?)"
    r"(?:$|,?\s+(?=wh|is\b))",
    re.IGNORECASE,
)
_NO_START = re.compile(
    r"(?:who|whom|whose|which|that|to|for|and|but|as|because|if|when|where|while|such|including|even|either)\s",
    re.IGNORECASE,
)
_ANY = re.compile(r"\b(?:any|both|ever|at all|whether)\b", re.IGNORECASE)
_PREFIX = re.compile(r"(?:un|in|im|il|ir|dis|non-?)", re.IGNORECASE)
_OPPOSITES = {
    frozenset(pair.split("/"))
    for pair in """high/low left/right public/private mandatory/optional required/optional increasing/declining
    increasing/decreasing rising/falling growth/reduction growth/decline abstract/concrete
    simple/complex hot/cold true/false local/remote positive/negative better/worse up/down open/closed
    internal/external inclusive/exclusive similar/different same/different full-time/part-time
    male/female gross/net weekly/monthly monthly/annually monthly/yearly dead/alive early/late free/paid
    older/younger easier/harder higher/lower longer/shorter earlier/later faster/slower larger/smaller
    more/less singular/plural temporary/permanent""".split()
}


def find_alternatives(question: str, *, polar: bool) -> tuple[str, ...]:
    """The alternatives of a question, two or more, or (). `polar` says that it opens with an auxiliary.

    Example: "Which is older, Rome or Athens?" gives ("Rome", "Athens").
    """
    question = question.strip(_MARKS)
    found = _of_polar(question) if polar else _of_open(question)
    found = tuple(part.strip(_MARKS) for part in found)
    fits = len(found) > 1 and all(part and len(part.split()) <= MOST_WORDS for part in found)
    return found if fits else ()


def _of_open(question: str) -> tuple[str, ...]:
    """After a comma or colon, after what is measured, or between two names."""
    if not (start := _WH_START.match(question)):
        between = _BETWEEN.match(question)
        return (between["one"], between["other"]) if between and _MEASURED.search(question, between.end()) else ()
    for match in reversed(list(_OR.finditer(question, start.end()))):
        before, after = question[: match.start()], question[match.end() :]
        after = re.split(r",\s+(?=(?:is|was|are|were|has|had|does|did|do)\b)", after)[0]
        *_, cut = [m.end() for m in _PAUSE.finditer(before)] or [0]
        if cut:
            left, head = before[cut:], before[:cut]
            earlier = _PAUSE.split(head.rstrip(" ,:;"))[1:] if question[match.start()] == "," else []
            parts = (*(part for part in earlier if len(part.split()) <= 4), left, after)
            listed = re.search(r"\b(?:like|as)\s[^,]*[,:;]?\s*$", head, re.IGNORECASE)
            if not listed and not any(_NO_START.match(part) for part in parts) and _alike(left, after):
                return parts
        last = [m.end() for m in _MEASURED.finditer(before)]
        if last and not before[last[-1] :].strip(" ,").islower() and _alike(left := before[last[-1] :].strip(), after):
            return (left, after)
    between = _BETWEEN.search(question, start.end())
    if between and _MEASURED.search(question[: between.start()]) and _alike(between["one"], between["other"]):
        return between["one"], between["other"]
    return ()


def _of_polar(question: str) -> tuple[str, ...]:
    """Two names of which one is first or more, two names at the end, or two opposites near it."""
    ors = list(_OR.finditer(question))
    if not ors or _ANY.search(question):
        return ()
    before, after = question[: ors[-1].start()], question[ors[-1].end() :]
    if pair := _opposites(before, after):
        return pair
    left = before.partition(" ")[2]
    if (measured := _MEASURED_LAST.search(after)) and _alike(left, after[: measured.start()]):
        return left, after[: measured.start()]
    names = re.search(r"(?:[A-Z\d][\w.'’&-]*\s?)+$", before)
    if names and names.start() and _is_name(after):
        return names[0], after
    return ()


def _opposites(before: str, after: str) -> tuple[str, ...]:
    *earlier, one = before.split()
    words = re.sub(r"^non\s+", "non-", after, flags=re.IGNORECASE).split()
    left, right = one.casefold(), words[0].casefold()
    negated = left in _stems(right) or right in _stems(left)
    near_end = len(words) <= 1 + AFTER
    if (negated and len(earlier) > 1) or (near_end and frozenset((left, right)) in _OPPOSITES):
        return one, words[0]
    return ()


def _stems(word: str) -> tuple[str, ...]:
    """A word without its negating prefix, if it has one."""
    return (word[prefix.end() :],) if (prefix := _PREFIX.match(word)) and len(word) - prefix.end() > 3 else ()


def _alike(one: str, other: str) -> bool:
    """Whether two phrases may be alternatives: both names, or both short and without a name's capital."""
    one, other = one.strip(_MARKS), other.strip(_MARKS)
    if not one or not other:
        return False
    if _starts_name(one) or _starts_name(other):
        return _starts_name(one) and _starts_name(other)
    return len(one.split()) <= 4 and len(other.split()) <= 5


def _starts_name(phrase: str) -> bool:
    words = [
        word.strip(_MARKS + "(")
        for word in phrase.split()
        if word.casefold() not in {"the", "a", "an", "in", "at", "by"}
    ]
    return bool(words) and not words[0][:1].islower()


def _is_name(phrase: str) -> bool:
    """Whether every word has a capital or is a small connective, and the last has one."""
    words = [word.strip(_MARKS + ",") for word in phrase.split()]
    return (
        bool(words) and all(not w[:1].islower() or w in {"the", "of", "de", "and"} for w in words) and len(words) <= 6
    )
