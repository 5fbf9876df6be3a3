"""The parts of a question that asks for two things: "How much leave is there, and is it paid out?"

Each part can be asked alone as well as rules can make it: a leading clause ("In 2022, ...") goes along, and the first
"it" or "they" becomes what the part before speaks of. A part begins only where a clause asks, so names ("Marks and
Spencer"), objects ("name and price"), second verbs ("who wrote it and was paid") and "between A and B" stay whole.
"""

import re
from itertools import islice

from rag.text.questions import AUXILIARY, PREPOSITION, SUBORDINATE, WH
from rag.text.stopwords import FUNCTION_WORDS

MOST = 3  # parts of a question
LONGEST = 2000  # characters of a question that is split
MIN_WORDS = 3  # of a part that another one follows: "How and why did it fail?" is one question

_ASKS = rf"(?:(?:{PREPOSITION}\s+){{0,2}}{WH}|{AUXILIARY})"
_ASKS_FIRST = re.compile(_ASKS, re.IGNORECASE)
_LEAD = re.compile(rf"(?={SUBORDINATE})(?:[^?!,]+,\s+){{1,2}}?(?={_ASKS})", re.IGNORECASE)
_BREAK = re.compile(
    rf"(?:(?P<end>\?)|,?\s+(?:and|as\s+well\s+as)(?:\s+also)?,?)(?:\s+and|,?\s+if\s+so,?)*\s+(?={_ASKS})", re.IGNORECASE
)
_SUBJECT = r"(?:i|we|you|he|she|it|they|there|this|that|these|those|any|all)\b"
_NOUN_SUBJECT = r"(?:my|our|your|his|her|its|their|the|an?)\b"
_BE = r"(?:is|are|was|were|has|had)(?:n['’]?t)?\b"
_INVERTED = re.compile(  # after "Which firm makes X and", "is the largest" is a second verb; "is it" begins a question
    rf"(?i:{AUXILIARY}\s+{_SUBJECT}|(?!{_BE}|have\b){AUXILIARY}\s+{_NOUN_SUBJECT}|(?:do|does|did)\s+both\b)"
    r"|(?:do|does|did|can|will)\s+[A-Z]"
)
_INVERTED_BE = re.compile(rf"{_BE}\s+{_NOUN_SUBJECT}", re.IGNORECASE)
_OPEN = re.compile(
    rf"(?:{PREPOSITION}\s+)*(?:(?:what|why|who|whom|when|where)(?:['’]s|\s+{AUXILIARY})|who\s+(?!{_SUBJECT})\w+"
    rf"|how\s+(?:many|much|long|far|old|often|big|large|tall|high|deep|{AUXILIARY})"
    rf"|(?:what|which)\s+(?!if\b|{_SUBJECT}|{_NOUN_SUBJECT})(?:[\w'’-]+\s+){{1,4}}?{AUXILIARY})",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?:who|whom|whose|which|what|when|where|how|why)\b", re.IGNORECASE)
_WHOLE = re.compile(r"\b(?:between|both|either)\b(?!.*\band\b)", re.IGNORECASE)

_PRONOUN = re.compile(
    r"\b(?:(?P<one>it(?!\s+(?:takes?|sure|true|possible|necessary|enough|that)\b)|he|she|him)|(?P<its>its|his)|(?P<many>they|them)|(?P<their>their))\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=\s)(?:the\s+)?(?!I\b)[A-Z][\w'’&.-]*(?:\s+(?:(?:of|the|de)\s+)?[A-Z\d][\w'’&.-]*)*")
_NOUN = re.compile(r"\b(?:the|an?|my|our|your|this)((?:\s+[\w'’-]+){1,4})", re.IGNORECASE)
_ASKED_NOUN = re.compile(rf"(?:how\s+(?:many|much)|what|which)\s+(?P<noun>[^,?]+?)\s+(?={AUXILIARY})", re.IGNORECASE)
_BARE = re.compile(  # "How long is parental leave"
    rf"(?:how\s+\w+|what|where|when|who|why)\s+{_BE}\s+(?P<noun>[^\W\d_][\w'’-]*(?:\s+[\w'’-]+){{0,2}})", re.IGNORECASE
)
_PARTICIPLE = re.compile(
    r"\w+ed|sent|built|written|made|held|paid|known|found|taken|given|drawn|sold|run|won", re.IGNORECASE
)


def split_question(question: str) -> tuple[str, ...]:
    """The parts of a question, each a question; only itself where it asks for one thing. At most MOST.

    Example: "Who wrote the memo, and when was it sent?" gives "Who wrote the memo?" and "when was the memo sent?".
    """
    text = question.strip()
    found = (match for match in _BREAK.finditer(text) if _begins_part(text, match)) if len(text) <= LONGEST else ()
    if not (breaks := list(islice(found, MOST - 1))):
        return (text,)
    starts, ends = [0, *(match.end() for match in breaks)], [*(match.start() for match in breaks), len(text)]
    first, *others = [text[start:end].strip(" ,;?.") for start, end in zip(starts, ends, strict=True)]
    lead = _lead(first)
    return tuple(f"{part}?" for part in (first, *(lead + _name_topic(part, first[len(lead) :]) for part in others)))


def _lead(text: str) -> str:
    """The leading clause of a question: "In 2022, "."""
    match = None if _ASKS_FIRST.match(text) else _LEAD.match(text)
    return match[0] if match else ""


def _begins_part(text: str, match: re.Match[str]) -> bool:
    """Whether a second question begins after a break."""
    before, after = text[: match.start()], text[match.end() :]
    first = before[len(_lead(before)) :]
    if before.count('"') % 2 or before.count("(") > before.count(")") or before.count("“") > before.count("”"):
        return False
    if len(first.split()) < MIN_WORDS or not _ASKS_FIRST.match(first) or (not match["end"] and _WHOLE.search(first)):
        return False
    if asks := _OPEN.match(after):
        word = _RELATIVE.search(asks[0])
        relatives = [found[0].casefold() for found in _RELATIVE.finditer(first)][1:]
        return bool(match["end"]) or word is None or word[0].casefold() not in relatives
    polar = re.match(AUXILIARY, first, re.IGNORECASE)
    return bool(_INVERTED.match(after) or ((polar or match["end"]) and _INVERTED_BE.match(after)))


def _name_topic(part: str, before: str) -> str:
    """A part whose first pronoun is replaced by what the part before it speaks of, where that is certain enough."""
    pronoun = _PRONOUN.search(part)
    if not pronoun:
        return part
    names, asked = list(dict.fromkeys(_NAME.findall(before))), _ASKED_NOUN.match(before)
    nouns = [noun for noun in map(_noun, _NOUN.finditer(before)) if noun]
    wanted = f"the {asked['noun']}" if asked else _find_bare(before)
    several = pronoun["many"] or pronoun["their"]
    names = (
        names
        if len(names) == 1 and (not asked or before.startswith(names[0], before.find(" ", asked.end()) + 1))
        else []
    )
    topics = (
        [wanted, *(noun for noun in nouns if noun.endswith("s"))]
        if several
        else [*names, *([] if asked else nouns), wanted]
    )
    topic = next(filter(None, topics), "")
    if not topic or (pronoun[0].casefold() in {"he", "she", "him", "his"} and topic not in names):
        return part
    own = f"{topic}'s" if pronoun["its"] or pronoun["their"] else topic
    return part[: pronoun.start()] + own + part[pronoun.end() :]


def _find_bare(before: str) -> str:
    """What a question is about that ends in nouns without an article: "parental leave"."""
    match = _BARE.fullmatch(before)
    words = match["noun"].split() if match else []
    is_noun = not any(word.casefold() in FUNCTION_WORDS or _PARTICIPLE.fullmatch(word) for word in words)
    return " ".join(words) if is_noun else ""


def _noun(match: re.Match[str]) -> str:
    """An article and the words after it, up to one that begins something else."""
    words: list[str] = []
    for word in match[1].split():
        if word.casefold() in FUNCTION_WORDS or (words and _PARTICIPLE.fullmatch(word)):
            break
        words.append(word)
    article = "the" if match[0].split()[0].casefold() in {"a", "an"} else match[0].split()[0]
    return f"{article} {' '.join(words)}" if words else ""
