"""One sentence, one question: the forms by which a statement is asked for a name, a number or a date in it.

Each form is a small rule over a `Clause`. What the rule cannot make grammatical it leaves alone: few good questions
are worth more than many. Names of the subject's own kind ("Which ferry ...") come from definitions and tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from rag.text.mentions import normalise
from rag_evals.make.clause import Clause, base, clause
from rag_evals.make.draft import Draft, Support
from rag_evals.make.material import Row, SourceSentence

_DIGITS = r"\d+(?:[,.]\d+)*"
_NUMERAL = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|eighteen|twenty"
    r"|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)"
)
_NUMBER = rf"(?P<answer>(?:minus )?(?:{_DIGITS}|{_NUMERAL}(?:[- ]{_NUMERAL})?)(?: (?:hundred|thousand|million))?)"
_PLURAL = r"(?!(?:was|is|has|does|this|thirds|times|others)\b)[a-z]{3,}s"
_UNIT = rf"(?P<unit>(?:(?!(?:was|is|has|does|times|this)\b)[a-z]+ )?{_PLURAL}|kVA|kW|kWh|km|m²)"
_ROUGH = r"(?P<rough>about |around |at least |at most |up to |only |over |nearly |roughly )?"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?P<answer>(?:\d{{1,2}} )?{_MONTH}(?: \d{{1,2}},)?(?: \d{{4}})?|(?:1[5-9]|20)\d\d)"
NAME = r"(?:[A-Z][\w&.'’/-]*\w)(?: (?:(?:of|the|and|de|on) )?[A-Z0-9][\w&.'’/-]*)*"
_END = re.compile(
    r"\s*(?:[,;:(–—].*| (?:which|who|where|when|and|but|so|because|if|unless|as|while|than|that|until|whether)\b.*)"
)
_TAIL = r"(?P<post>(?:[\s,;:(].*)?)"

_WHEN = re.compile(rf"(?P<pre>[^,;:]*?)\b(?P<prep>in|on|since|until|from) {_DATE}{_TAIL}")
_AMOUNT_AFTER = re.compile(rf"(?P<pre>[^,;:]+?) (?P<prep>to|for|within|after|every) {_ROUGH}{_NUMBER} {_UNIT}{_TAIL}")
_AMOUNT = re.compile(rf"{_ROUGH}{_NUMBER} {_UNIT}{_TAIL}")
_AGENT = re.compile(rf"(?P<pre>[^,;:]*?)\bby (?:the )?(?P<answer>{NAME})(?P<post>(?:[,;:].*)?)")
_PLACE = re.compile(rf"(?P<pre>[^,;:]*?)\b(?P<prep>in|at|on) (?:the )?(?P<answer>{NAME})(?P<post>(?:[,;:].*)?)")
_IDENTITY = re.compile(rf"(?:an? |the )?(?P<answer>{NAME})(?P<post>(?:,.*)?)")
_KIND = r"(?P<kind>(?:(?!of\b|for\b|in\b|to\b)[\w-]+ ){0,3}?(?!of\b|for\b|in\b|to\b)[\w-]+)"
_DEFINED = re.compile(rf"(?:an?|the) {_KIND} (?:that|which|who) (?P<does>(?!you|we|is not).+)")
_MADE = re.compile(
    rf"(?:an?|the) {_KIND} (?P<does>(?:\w+ed|built|made|run|kept|held|sold) (?:by|for|in|on|to|as|with|from) .+)"
)
_CALLED = re.compile(r"(?P<what>(?:an|a) .+)")
_HEAD = re.compile(
    r"(?:an?|the) (?P<kind>(?:[\w-]+ ){0,2}?[\w-]+)"
    r"(?= (?:that|which|who|for|of|in|to|with|from|on|at|you|\w+ed|built|made)\b|,|$)"
)
_BROKEN = re.compile(  # an object, a second clause, half a phrase or another number in front of the answer
    rf"^(?:an?|the|its|one)\b|\b(?:and|or|but) (?!\w+ed\b)|\b(?:while|when|if|unless|until|because)\b"
    rf"|\b(?:except|than|as|such|of|up|out|only|even|between)$|\d|\b{_NUMERAL}\b"
)
_RANGE = re.compile(rf" ?(?:and|to|or|-|–) (?:\d|{_MONTH}|{_NUMERAL}\b)")
_CLAUSES = re.compile(r"; | and (?:the |an? |it |they |[A-Z]\w* )\w+|, (?:so|but) ")
_PARTICIPLE = re.compile(
    r"(?:not )?(?:\w+e[dn]|gone|done|made|had|become|lost|left|kept|held|built|won|begun|run|grown|shown|known"
    r"|shrunk)\b"
)
VAGUE = frozenset("object thing one way part type kind set example class subclass place option feature tool".split())
_WHENS = {"in": "When", "on": "When", "since": "Since when", "until": "Until when", "from": "From when"}


def kinds(sentences: list[SourceSentence], rows: list[Row]) -> dict[str, str]:
    """What a name is, by its key: "ferry", from "X is a ferry ..." or from the first column of a table."""
    found: dict[str, str] = {}
    for sentence in sentences:
        parts = clause(sentence.text)
        if parts and parts.verb in ("is", "was") and (head := _HEAD.match(parts.rest)) and named(parts.subject):
            found.setdefault(normalise(parts.subject), head["kind"].split()[-1].lower())
    for row in rows:
        field, value = row.fields[0]
        if field.isalpha() and len(field) <= 12 and any(c.isalpha() for c in value):
            found.setdefault(normalise(value), field.lower())
    return {key: kind for key, kind in found.items() if kind.isalpha() and len(kind) > 2 and kind not in VAGUE}


def named(subject: str) -> bool:
    """Whether a subject is a name: a capital or digit besides that of its first word, or inside it."""
    bare = re.sub(r"^(?:The|An?) ", "", subject)
    return any(c.isupper() or c.isdigit() for c in (bare if bare != subject else bare[1:]))


def singles(sentence: SourceSentence, kinds: Mapping[str, str]) -> Iterator[Draft]:
    """Every question the forms make of a sentence."""
    if (parts := clause(sentence.text)) is None:
        return
    support = (Support(sentence.quote, sentence.chunk),)
    for form, made in (("detail", _details(parts)), ("subject", _subjects(parts, kinds))):
        for question, answer in made:
            yield Draft(_placed(question, sentence), answer, form, support)


def _details(parts: Clause) -> Iterator[tuple[str, str]]:
    for pattern, ask in _DETAILS:
        found = pattern.fullmatch(parts.rest)
        if found is None:
            continue
        before, after = found.groupdict().get("pre", "").strip(), found.groupdict().get("post", "")
        if not _BROKEN.search(before) and not _RANGE.match(after) and (question := ask(parts, found)):
            unit = f"every {found['answer']} {found['unit']}" if question.startswith("How often") else ""
            yield question, unit or found["answer"]
            return


def _when(parts: Clause, found: re.Match[str]) -> str:
    return _asked(parts, _WHENS[found["prep"]], found["pre"], found["post"])


def _amount_after(parts: Clause, found: re.Match[str]) -> str:
    if found["prep"] == "every":
        return _asked(parts, "How often", found["pre"], "")
    which = f"{found['prep'].capitalize()} {found['rough'] or ''}how many {found['unit']}"
    return _asked(parts, which, found["pre"], found["post"])


def _amount(parts: Clause, found: re.Match[str]) -> str:
    post = _cut(found["post"])
    if parts.verb not in ("is", "are", "was", "were"):
        return _asked(parts, f"How many {found['unit']}", "", post)
    measure = re.fullmatch(r" (?:long|wide|high|deep|old|thick|tall|apart|away)", post)
    return f"How many {found['unit']}{post} {parts.verb} {parts.inner}?" if measure else ""


def _agent(parts: Clause, found: re.Match[str]) -> str:
    passive = parts.auxiliary and found["pre"].strip()
    return f"{_asked(parts, 'Who or what', found['pre'], '')[:-1]} by?" if passive else ""


def _place(parts: Clause, found: re.Match[str]) -> str:
    dated = re.match(_DATE, found["answer"])
    return _asked(parts, "Where", found["pre"], "") if found["pre"].strip() and not dated else ""


def _identity(parts: Clause, found: re.Match[str]) -> str:
    asked = parts.verb in ("is", "was") and not named(parts.subject)
    return f"What {parts.verb} {parts.inner}?" if asked else ""


# The first that fits.
_DETAILS: tuple[tuple[re.Pattern[str], Callable[[Clause, re.Match[str]], str]], ...] = (
    (_WHEN, _when),
    (_AMOUNT_AFTER, _amount_after),
    (_AMOUNT, _amount),
    (_AGENT, _agent),
    (_PLACE, _place),
    (_IDENTITY, _identity),
)


def _asked(parts: Clause, wh: str, pre: str, post: str) -> str:
    """The clause turned into a question that starts with `wh`."""
    rest = " ".join(f"{pre} {_cut(post)}".split())
    perfect = parts.verb in ("has", "have") and _PARTICIPLE.match(rest)
    if parts.auxiliary or perfect:
        return f"{' '.join(f'{wh} {parts.verb} {parts.inner} {rest}'.split())}?"
    do = "do" if parts.verb == "have" else "does"
    return f"{' '.join(f'{wh} {do} {parts.inner} {base(parts.verb)} {rest}'.split())}?"


def _subjects(parts: Clause, kinds: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Questions whose answer is the subject, where that is a name."""
    proper = re.sub(r"^(?:[Tt]he|[Aa]n?) ", "", parts.subject)
    if not named(proper[:1].lower() + proper[1:]) and not (proper[:1].isupper() and " " not in proper):
        return
    if proper[0].islower() or parts.verb in ("are", "were", "have"):
        return
    answer = proper
    rest = parts.rest if len(parts.rest.split()) <= 16 else _cut(parts.rest)
    if len(rest.split()) < (4 if rest == parts.rest else 7) or _CLAUSES.search(rest):
        return
    if parts.verb in ("is", "was"):
        if found := _DEFINED.fullmatch(rest):
            yield f"Which {found['kind']} {found['does']}?", answer
        elif found := _MADE.fullmatch(rest):
            yield f"Which {found['kind']} {parts.verb} {found['does']}?", answer
        elif found := _CALLED.fullmatch(rest):
            what = re.sub(r"^an? ", "", found["what"])
            yield f"What {parts.verb} the {what} called?", answer
        elif rest.startswith("the "):
            yield f"What {parts.verb} {rest}?", answer
    else:
        kind = kinds.get(normalise(answer))
        yield f"{f'Which {kind}' if kind else 'What'} {parts.verb} {rest}?", answer


def _cut(post: str) -> str:
    """What follows an answer up to the next clause."""
    found = _END.search(post)
    return post[: found.start()] if found else post


def _placed(question: str, sentence: SourceSentence) -> str:
    """The question, with the document's title where nothing in it says which thing is meant."""
    if re.search(r"(?<!^)\b(?:[A-Z]|[a-z]+[A-Z0-9])", question) or not sentence.chunk.title:
        return question
    return f"According to “{sentence.chunk.title}”, {question[0].lower()}{question[1:]}"
