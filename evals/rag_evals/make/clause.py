"""A sentence taken apart as far as rules go: subject, auxiliary or verb, and the rest.

Enough to turn a statement into a question: "SUBJECT AUX REST" is inverted, "SUBJECT VERBs REST" gets does. A sentence
whose subject cannot be told for sure is not taken apart. English only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

AUXILIARY = "is|are|was|were|must|may|can|should|will|shall"

_STOP = r"that|which|who|whose|where|when|while|if|because|and|or|but|as|than|to|not|it|they|you|we|this|these|there"
_WORD = rf"(?!(?:{_STOP}|{AUXILIARY}|has|have|had|do|does|did)\b)[\w&.'’/-]*\w(?:\(\))?"
_SUBJECT = rf"(?P<subject>{_WORD}(?: {_WORD}){{0,6}}?)"
_WITH_AUXILIARY = re.compile(rf"{_SUBJECT} (?P<verb>{AUXILIARY}|has|have) (?P<rest>.+)")
_NO_VERB = r"its|this|is|was|has|as|does|thus|plus|across|towards|always|less|perhaps|unless|besides"
_OBJECT = (  # how what follows a verb may begin; a noun would make the "verb" a plural
    r"an?|the|about|up|at|only|over|its|all|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|in|on|from"
    r"|into|for|with|to|by|[a-z]+s|[a-z]+ing"
)
_WITH_VERB = re.compile(
    rf"(?P<subject>(?:(?:The|An?) )?{_WORD}(?: {_WORD}){{0,4}}?) (?:(?:also|only|first|then|always|[a-z]+ly) )?"
    rf"(?P<verb>(?!(?:{_NO_VERB})\b)[a-z]{{2,}}[^\Ws]s) (?P<rest>(?:(?:{_OBJECT})\b|\d|[A-Z]).*)"
)
_SPENT = re.compile(  # a finite verb inside what would be the subject
    r"\b(?:[a-z-]+ed|took|take|ran|went|came|made|gave|got|held|kept|left|lost|met|paid|put|said|saw|sent|set|sold|stood"
    r"|told|won|wrote|began|broke|brought|fell|found|grew|knew|led|rose|include|have)\b"
)
_SECOND = re.compile(r" [a-z]{3,}[^s\W]s\b")  # "NAME enables chat", before "completions"
_PREPOSITION = re.compile(r"\b(?:of|in|on|at|for|to|from|by|with|under|over|behind|between|near|off)$")


@dataclass(frozen=True, slots=True)
class Clause:
    """`verb` is an auxiliary, has or have, or a verb in the third person."""

    subject: str
    verb: str
    rest: str

    @property
    def auxiliary(self) -> bool:
        return re.fullmatch(AUXILIARY, self.verb) is not None

    @property
    def inner(self) -> str:
        """The subject as it stands inside a sentence: The, A and An in lower case."""
        return re.sub(r"^(The|An?|All|Every|No)(?= )", lambda match: match[0].lower(), self.subject)


def clause(text: str) -> Clause | None:
    """The main clause of a sentence, or None where the rules cannot tell."""
    for pattern in (_WITH_AUXILIARY, _WITH_VERB):
        found = pattern.fullmatch(text)
        if found is None or _PREPOSITION.search(found["subject"]) or _SPENT.search(found["subject"]):
            continue
        if pattern is _WITH_AUXILIARY or not _SECOND.search(found["subject"]):
            return Clause(found["subject"], found["verb"], found["rest"])
    return None


def base(verb: str) -> str:
    """The base form of a verb in the third person: carries, carry; passes, pass; uses, use."""
    if verb in ("has", "have"):
        return "have"
    if verb.endswith("ies") and len(verb) > 4:
        return f"{verb[:-3]}y"
    if re.search(r"(?:ss|sh|ch|x|zz|o)es$", verb):
        return verb[:-2]
    return verb[:-1]
