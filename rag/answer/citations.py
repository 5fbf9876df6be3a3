"""From a generated text with markers to an answer whose every sentence points at exact, checked spans of its sources.

A marker [n] names hits[n - 1]; [1][2], [1, 2], [1-3] and the bracket 【1】 are read too. The text is cut into
sentences, each with the markers that stand in or after it, as it comes. Every sentence is a statement, also "Yes.":
`rag.answer.verify` judges it and finds the sentences of the cited chunks that hold it, which become the citations. A
marker that names no hit, or a chunk with nothing to quote, is dropped. What happens to a statement that is not
supported is the policy's: "drop" leaves it out of the text, "flag" says it with its verdict in brackets, "fail"
withholds the whole answer. Dropped statements stay in `Answer.statements` with their verdicts, so that what was
withheld can be seen.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rag.answer.verify import ACCEPTED, UNSUPPORTED, judge
from rag.errors import ConfigError
from rag.text.absent import find_absent, split_absent
from rag.text.languages import detect_language
from rag.text.origin import find_origin
from rag.text.question_parts import split_question
from rag.text.sentences import LONGEST, sentence_spans
from rag.text.words import MARKER
from rag.types import Answer, Citation, Hit, Statement

POLICIES = ("drop", "flag", "fail")

_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")
_QUOTATION = re.compile("“[^“”]*(?:”|$)")
_LINE_END = re.compile(r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_OPEN_MARKER = re.compile(r"\s*[\[【][\d\s,;–-]*\Z")


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """A sentence of a generated text without its markers, the markers, and the line it stands on."""

    text: str
    markers: tuple[int, ...]
    line: int


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A statement with its verdict, what supports it, and the line that its sentence stood on."""

    statement: Statement
    citations: tuple[Citation, ...]
    line: int


def resolve(question: str, text: str, hits: Sequence[Hit], *, policy: str = "drop") -> Answer:
    """The checked answer that a generated text holds; see `compose`."""
    return compose(question, [check(question, sentence, hits) for sentence in sentences([text])], hits, policy=policy)


def sentences(pieces: Iterable[str]) -> Iterator[MarkedSentence]:
    """The sentences of a text that comes in pieces, each as soon as nothing that follows can change it.

    Where the pieces end makes no difference. Lines end sentences; what has neither letter nor digit is none.
    """
    line, number, given = "", 0, 0  # the line so far, its number, and how many of its sentences were given
    for piece in pieces:
        line += piece
        rest = "\r" * line.endswith("\r")  # the half of a line's end, perhaps
        *whole, line = _LINE_END.split(line.removesuffix("\r"))
        line += rest
        for text in whole:
            yield from _cut(text, number)[given:]
            number, given = number + 1, 0
        if any(map(str.isspace, piece)):
            # the last sentence may go on; the others have ended, for one is known to follow
            ended = _cut(_settled(line), number, goes_on=True)[:-1]
            yield from ended[given:]
            given = max(given, len(ended))
    yield from _cut(line, number)[given:]


def check(question: str, sentence: MarkedSentence, hits: Sequence[Hit]) -> CheckedSentence:
    """The verdict on a sentence, and a citation for each span of the hits that supports it."""
    known = [marker for marker in sentence.markers if 1 <= marker <= len(hits)]
    finding = judge(sentence.text, [hits[marker - 1].chunk for marker in known], question)
    verdict = finding.verdict if len(known) == len(sentence.markers) else UNSUPPORTED
    kept = [(marker, spans) for marker, spans in zip(known, finding.spans, strict=True) if spans]
    cited = [_cite(marker, hits[marker - 1], *span) for marker, spans in kept for span in spans]
    statement = Statement(sentence.text, tuple(marker for marker, _ in kept), verdict)
    return CheckedSentence(statement, tuple(cited), sentence.line)


def say(checked: Iterable[CheckedSentence], *, policy: str = "drop") -> Iterator[str]:
    """The answer's text, statement by statement, each as soon as the policy lets it be said.

    Nothing when nothing is supported, or under "fail" when something is not. Raises ConfigError for an unknown policy.
    """
    if policy not in POLICIES:
        raise ConfigError(f"policy: {policy!r} is none of {', '.join(POLICIES)}.")
    held: list[str] = []
    verdicts: set[str] = set()
    line = None
    for sentence in checked:
        verdicts.add(sentence.statement.verdict)
        if sentence.statement.verdict in ACCEPTED or policy == "flag":
            before = "" if line is None else " " if sentence.line == line else "\n"
            held.append(before + _format(sentence.statement))
            line = sentence.line
        if policy != "fail" and verdicts & ACCEPTED:
            yield from held
            held.clear()
    if verdicts <= ACCEPTED:
        yield from held


def compose(question: str, checked: Sequence[CheckedSentence], hits: Sequence[Hit], *, policy: str = "drop") -> Answer:
    """The answer of checked sentences: what `say` says, all statements, and the citations of those that are said.

    At level "nothing" (no text, no citations, but what is missing) when nothing is said; "evidence" when what is said
    are quotes alone, with what is missing, too. Raises ConfigError as `say` does.
    """
    text = "".join(say(checked, policy=policy))
    statements = tuple(sentence.statement for sentence in checked)
    said = [one for one in checked if text and (one.statement.verdict in ACCEPTED or policy == "flag")]
    citations = dict.fromkeys(citation for one in said for citation in one.citations)  # two may quote the same span
    answer = Answer(question, text, statements, tuple(citations), tuple(hits))
    if answer.level == "answer":
        return answer
    return replace(answer, missing=_find_missing(question, hits, evidence=bool(text)))


def _find_missing(question: str, hits: Sequence[Hit], *, evidence: bool) -> tuple[str, ...]:
    """What no passage speaks of; below evidence, of a question in another language than English, names alone."""
    texts = [f"{hit.chunk.title}\n{hit.chunk.contextual}" for hit in hits]
    if not evidence:
        return find_absent(question, texts)
    named_alone = detect_language(question) not in ("en", "")
    absent = [split_absent(part, texts) for part in split_question(question)]
    return tuple(dict.fromkeys(chain(*(names if names or named_alone else words for names, words in absent))))


def _settled(line: str) -> str:
    """An unfinished line without its last word and without a marker that is still open."""
    if line and not line[-1].isspace():
        line = line[: -len(line.split()[-1])]
    return _OPEN_MARKER.sub("", line)


def _cut(line: str, number: int, *, goes_on: bool = False) -> list[MarkedSentence]:
    """The sentences of a line; what stands between “ and ” stays one, also where the line that goes on has no ” yet."""
    plain, marks = _strip(line)
    quotes = [match.span() for match in _QUOTATION.finditer(plain) if goes_on or plain[match.end() - 1] == "”"]
    spans: list[tuple[int, int]] = []
    for start, stop in sentence_spans(plain, longest=2 * LONGEST):
        if spans and any(first < start < last for first, last in quotes):
            start = spans.pop()[0]
        spans.append((start, stop))
    ends = [*(start for start, _ in spans), len(plain)][1:]
    found, done = [], -1
    for (start, stop), end in zip(spans, ends, strict=True):
        markers = tuple(dict.fromkeys(marker for at, marker in marks if done < at <= end))
        body, done = plain[start:stop], end
        if any(map(str.isalnum, body)):
            found.append(MarkedSentence(body, markers, number))
    return found


def _strip(line: str) -> tuple[str, list[tuple[int, int]]]:
    """A line without its markers, and each marker with its place in what remains."""
    plain, marks, done = "", list[tuple[int, int]](), 0
    for match in MARKER.finditer(line):
        plain += line[done : match.start()]
        for first, last in _RANGE.findall(match[1]):
            low, high = sorted((int(first), int(last or first)))
            marks += [(len(plain), marker) for marker in range(low, high + 1)]
        done = match.end()
    return plain + line[done:], marks


def _cite(marker: int, hit: Hit, start: int, end: int) -> Citation:
    """`start` and `end` are offsets in the chunk's text; the citation's are the document's."""
    chunk = hit.chunk
    place, quote = chunk.start + start, chunk.text[start:end]
    origin = find_origin(chunk.meta)
    end += chunk.start
    return Citation(marker, chunk.id, chunk.source, place, end, quote, chunk.address(place), hit.hop, *origin)


def _format(statement: Statement) -> str:
    flag = "" if statement.verdict in ACCEPTED else f" ({statement.verdict})"
    markers = "".join(f"[{marker}]" for marker in statement.citations)
    return f"{statement.text}{flag} {markers}".rstrip()
