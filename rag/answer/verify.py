"""Do the passages that a statement cites say it? Exact checks on words, and the spans that hold it.

A statement's content words are looked for in the sentences of the cited chunks. Each chunk gives the sentences that
together cover most of them; these are what is quoted, and only what is quoted (with the chunk's title and headings)
counts as evidence. Verdicts, in order of trust:

    supported            every number, name and quotation of the statement is in what it quotes, and so are most words
    partly supported     some of it is: words are missing, or a name comes from the question alone
    contradicted number  the words are there, but a number or date is not, or stands elsewhere
    unsupported          no valid marker, a foreign name or altered quotation, letters of another alphabet, or too few
                         shared words

What it does not do: it reads no meaning. A negation or a swapped subject and object pass; a good paraphrase with few
common words does not. Citation recall as checked statement by statement follows ALCE (arXiv 2305.14627); the checks
themselves are lexical, by choice: same input, same verdict.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.answer.number_context import has_displaced_number, order_dates
from rag.text.homoglyphs import find_lookalikes
from rag.text.sentences import sentence_spans
from rag.text.words import MARKER, Token, fold, tokens
from rag.types import Chunk

SUPPORTED = "supported"
PARTLY = "partly supported"
CONTRADICTED = "contradicted number"
UNSUPPORTED = "unsupported"
VERDICTS = (SUPPORTED, PARTLY, CONTRADICTED, UNSUPPORTED)

ACCEPTED = frozenset({SUPPORTED, PARTLY})
MOST = 0.6  # share of the content words that a supported statement shares with its quotes
SOME = 0.3  # below this it is unsupported
SPANS = 3  # sentences quoted from one chunk, at most

_LIST_MARK = re.compile(r"\s*(?:(?:[-*•+#>]+|\d{1,3}[.)])\s+)+")
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True)
class Evidence:
    """A piece of evidence as what can be looked up in it. `start` and `end` are offsets in the chunk's text."""

    text: str
    start: int = 0
    end: int = 0

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(token.key for token in tokens(self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(token.stem for token in tokens(self.text))

    def has(self, token: Token) -> bool:
        if token.kind == "number":
            return token.key in self.words
        if token.kind == "name":  # whole, give or take a letter: German, Germans, Germany
            longer = any(word[:-1] == token.key for word in self.words)
            return token.key in self.words or token.key[:-1] in self.words or longer
        return token.stem in self.stems


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict, and for each cited chunk, in order, the spans of its text that hold the statement."""

    verdict: str
    spans: tuple[tuple[tuple[int, int], ...], ...]


def judge(statement: str, chunks: Sequence[Chunk], question: str = "") -> Verification:
    """The verdict on a statement (markers removed) that cites `chunks`; a chunk with nothing to quote has no spans."""
    body = statement[match.end() :] if (match := _LIST_MARK.match(statement)) else statement
    claim = order_dates(body)
    missing = set(range(len(claim)))
    spans = []
    for chunk in chunks:
        found, chosen = _find_evidence(claim, missing, chunk)
        missing -= found
        spans.append(tuple(sorted(chosen)))
    verdict = _verdict(claim, missing, Evidence(question)) if any(spans) else UNSUPPORTED
    if verdict in ACCEPTED:
        shown = [chunk.text[start:end] for chunk, own in zip(chunks, spans, strict=True) for start, end in own]
        shown += [part for chunk in chunks for part in (chunk.title, chunk.context)]
        if not (_quotations_exist(body, chunks) and _same_alphabets(claim, shown)):
            verdict = UNSUPPORTED
        elif has_displaced_number(claim, [order_dates(part) for part in shown]):
            verdict = CONTRADICTED
    if verdict == SUPPORTED and not all(spans):
        verdict = PARTLY  # one of its markers has nothing to do with it
    return Verification(verdict, tuple(spans))


def _find_evidence(claim: Sequence[Token], missing: set[int], chunk: Chunk) -> tuple[set[int], list[tuple[int, int]]]:
    """Which tokens a chunk holds, and the fewest sentences that show them: the best one, then what adds to it."""
    frame = Evidence(f"{chunk.title}\n{chunk.context}")
    sentences = [Evidence(chunk.text[start:end], start, end) for start, end in sentence_spans(chunk.text)]
    inside = {sentence: {i for i, token in enumerate(claim) if sentence.has(token)} for sentence in sentences}
    numbers = {i for i, token in enumerate(claim) if token.kind == "number"}
    if not sentences or not any(inside.values()):
        return set(), []
    words = {sentence: inside[sentence] - numbers for sentence in sentences}
    anchor = max(sentences, key=lambda s: (len(words[s] & missing), len(words[s]), len(inside[s])))
    covered = inside[anchor] | {i for i, token in enumerate(claim) if frame.has(token)}
    chosen = [anchor]
    while len(chosen) < SPANS:
        # Words bring a sentence in, never a number alone: it must stand where the words do, not just anywhere.
        gains = {sentence: (inside[sentence] - covered) & missing for sentence in sentences}
        best = max(sentences, key=lambda s: (len(gains[s] - numbers), len(gains[s])))
        named = any(claim[i].kind == "name" for i in gains[best])
        if not gains[best] - numbers or (len(gains[best]) < 2 and not named):
            break
        covered |= inside[best]
        chosen.append(best)
    return covered, [(sentence.start, sentence.end) for sentence in chosen]


def _verdict(claim: Sequence[Token], missing: set[int], question: Evidence) -> str:
    from_question = {i for i in missing if claim[i].kind != "number" and question.has(claim[i])}
    foreign = {claim[i].kind for i in missing - from_question}
    words = {i for i, token in enumerate(claim) if token.kind in ("word", "lead")}
    share = 1 - len(missing) / max(1, len(claim))
    if share < SOME or "name" in foreign:
        return UNSUPPORTED
    if "number" in foreign:
        return CONTRADICTED
    doubtful = "lead" in foreign or any(claim[i].kind == "name" for i in from_question)
    paraphrased = len(words & missing) > len(words) / 2
    return PARTLY if doubtful or paraphrased or share < MOST else SUPPORTED


def _same_alphabets(claim: Sequence[Token], shown: Sequence[str]) -> bool:
    """Every word with letters of another alphabet stands exactly so in the evidence."""
    lookalikes = {claim[i].key for i in find_lookalikes([token.key for token in claim])}
    return not lookalikes or lookalikes <= {token.key for part in shown for token in tokens(part)}


def _quotations_exist(statement: str, chunks: Sequence[Chunk]) -> bool:
    """Every quotation of three words or more is in a cited chunk, letter for letter but for case and footnote marks."""
    texts = [fold(MARKER.sub("", chunk.text)) for chunk in chunks]
    quotations = (quoted.strip(" .,;:!?") for quoted in _QUOTED.findall(fold(statement)))
    return all(any(quoted in text for text in texts) for quoted in quotations if len(quoted.split()) > 2)
