"""Do the passages that a statement cites say it? Exact checks on words, and the spans that hold it.

A statement's content words are looked for in the sentences of the cited chunks. Each chunk gives the sentences that
together cover most of them; these are what is quoted, and only what is quoted (with the chunk's title and headings)
counts as evidence; a note that a model wrote about a chunk does not. Verdicts, in order of trust:

    supported         every number, name and quotation of the statement is in what it quotes, every word in the passage
    partly supported  some of it is: words are missing, or a name comes from the question alone
    contradicted      the words are there, but a number, date or unit is not, or stands elsewhere; or a word is there as
                      its opposite, or negated
    unsupported       no valid marker, a foreign name or code, an altered quotation, letters of another alphabet, or too
                      few shared words

Names, numbers, units and codes are exact, other words may be inflected. What it does not do: it reads no meaning.
Subject and object that changed places pass; a paraphrase in wholly different words does not. Citation recall as checked
statement by statement follows ALCE (arXiv 2305.14627); the checks are lexical, by choice: same input, same verdict.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer.opposites import is_opposite
from rag.answer.places import find_displaced, has_wrong_unit
from rag.answer.polarity import negates
from rag.answer.support import Evidence, find_content, find_evidence, frame_texts
from rag.answer.terms import Term, find_codes, read
from rag.text.homoglyphs import find_lookalikes
from rag.text.words import MARKER, fold
from rag.types import Chunk

SUPPORTED = "supported"
PARTLY = "partly supported"
CONTRADICTED = "contradicted"
UNSUPPORTED = "unsupported"
VERDICTS = (SUPPORTED, PARTLY, CONTRADICTED, UNSUPPORTED)

ACCEPTED = frozenset({SUPPORTED, PARTLY})
SOME = 0.3  # share of the content words below which a statement is unsupported
LONG = 5  # letters of a word that may be a name with one of them changed

_LIST_MARK = re.compile(r"\s*(?:(?:[-*•+#>]+|\d{1,3}[.)])\s+)+")
_QUOTED = re.compile(r'"([^"]+)"')
_OPENER = re.compile(r"\W*(?:yes|no)\s*(?P<mark>[,:;.!–—-])\W*", re.IGNORECASE)  # it negates nothing
_LABELLED = re.compile(r"(?P<said>[^“”]+): (?P<quote>“[^“”]+”)")  # a short answer in front of its quote
_DESCRIBED = re.compile(r"\b(?:a|an|the|this|that|these|those|its|his|her|their|our)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict, and for each cited chunk, in order, the spans of its text that hold the statement."""

    verdict: str
    spans: tuple[tuple[tuple[int, int], ...], ...]


def judge(statement: str, chunks: Sequence[Chunk], question: str = "") -> Verification:
    """The verdict on a statement (markers removed) that cites `chunks`; a chunk with nothing to quote has no spans."""
    body = statement[match.end() :] if (match := _LIST_MARK.match(statement)) else statement
    if (match := _LABELLED.fullmatch(body)) and re.search(rf"(?<!\w){re.escape(match['said'])}(?!\w)", match["quote"]):
        body = match["quote"]  # which says it
    opener = _OPENER.match(body)
    claim = read(body[opener.end() :] if opener else body)
    missing = set(find_content(claim))
    spans = []
    for chunk in chunks:
        found, chosen = find_evidence(claim, missing, chunk)
        missing -= found
        spans.append(tuple(sorted(chosen)))
    if not any(spans):
        return Verification(UNSUPPORTED, tuple(spans))
    quotes = [chunk.text[start:end] for chunk, own in zip(chunks, spans, strict=True) for start, end in own]
    frames = [part for chunk in chunks for part in frame_texts(chunk)]
    passages = [Evidence(chunk.text) for chunk in chunks]
    beside = {i for i in missing if claim[i].kind in ("word", "lead") and any(p.has(claim[i]) for p in passages)}
    verdict = _weigh(claim, missing, beside, Evidence(question))
    if verdict in ACCEPTED:
        verdict = _compare(body, claim, missing, quotes, frames) or verdict
    if verdict in ACCEPTED and not _quotations_exist(body, chunks):
        verdict = UNSUPPORTED
    if verdict == SUPPORTED and (not all(spans) or (opener and opener["mark"] != ":")):
        verdict = PARTLY  # one of its markers has nothing to do with it, or it begins with a yes or no of its own
    return Verification(verdict, tuple(spans))


def _weigh(claim: Sequence[Term], missing: set[int], beside: set[int], question: Evidence) -> str:
    """The verdict by what is missing in the quotes, and what of that stands elsewhere in the passages."""
    from_question = {i for i in missing if claim[i].kind not in ("number", "unit") and question.has(claim[i])}
    foreign = {claim[i].kind for i in missing - from_question}
    if len(missing) > (1 - SOME) * len(find_content(claim)) or "name" in foreign:
        return UNSUPPORTED
    if foreign & {"number", "unit"}:
        return CONTRADICTED
    return PARTLY if missing - beside else SUPPORTED


def _compare(
    body: str, claim: Sequence[Term], missing: set[int], quotes: Sequence[str], frames: Sequence[str]
) -> str | None:
    """The verdict that rejects a statement whose words are there, but not so; None where nothing speaks against it."""
    shown = [*quotes, *frames]
    held = [term for quote in quotes for term in read(quote)]
    evidence = [read(part) for part in shown]
    if not (_same_alphabets(claim, evidence) and all(any(map(code.is_in, shown)) for code in find_codes(body))):
        return UNSUPPORTED
    absent = {claim[i] for i in missing}
    described, named = ({word.casefold() for word in _DESCRIBED.findall(text)} for text in (body, " ".join(quotes)))

    def is_rival(one: Term, other: Term) -> bool:
        """Numbers, units, opposites; or a name where the statement has a word that may be one, not "the company"."""
        if other.kind in ("name", "lead"):
            called = one.key not in described or other.key in named
            alike = one.kind == "lead" or other.kind == "name" or body.casefold().startswith(one.key)
            return called and alike and one in absent and one.kind != "name"
        if other.kind == "number":  # "first" stands for none of them
            return one.kind == "number" or one.key == "first"
        return one.kind == other.kind == "unit" or is_opposite(one, other)

    names = [term.key for term in held if term.kind in ("name", "lead")]
    if any(len(term.key) >= LONG and _is_misspelt(term.key, name) for term in absent for name in names):
        return UNSUPPORTED
    rivals = {other.kind in ("name", "lead") for other in find_displaced(claim, evidence, is_rival)}
    if True in rivals:
        return UNSUPPORTED
    quoted = [read(quote) for quote in quotes]
    return CONTRADICTED if rivals or has_wrong_unit(claim, evidence) or negates(claim, quoted) else None


def _is_misspelt(word: str, name: str) -> bool:
    """Whether one letter makes the difference: changed, left out, put in, or exchanged with the next one."""
    if abs(len(word) - len(name)) > 1 or word == name:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    one, other = word[start:], name[start:]
    return other in (one[1:], one[1::-1] + one[2:]) or one in (other[1:],) or one[1:] == other[1:]


def _same_alphabets(claim: Sequence[Term], evidence: Sequence[Sequence[Term]]) -> bool:
    """Every word with letters of another alphabet stands exactly so in the evidence."""
    lookalikes = {claim[i].key for i in find_lookalikes([term.key for term in claim])}
    return not lookalikes or lookalikes <= {term.key for part in evidence for term in part}


def _quotations_exist(statement: str, chunks: Sequence[Chunk]) -> bool:
    """Every quotation of three words or more is in a cited chunk, letter for letter but for case and footnote marks."""
    texts = [fold(MARKER.sub("", chunk.text)) for chunk in chunks]
    quotations = (quoted.strip(" .,;:!?") for quoted in _QUOTED.findall(fold(statement)))
    return all(any(quoted in text for text in texts) for quoted in quotations if len(quoted.split()) > 2)
