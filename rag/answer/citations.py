"""From a generated text with markers to an answer whose every sentence points at exact, checked spans of its sources.

A marker [n] names hits[n - 1]; [1][2], [1, 2], [1-3] and the bracket 【1】 are read too. The text is cut into
sentences, each with the markers that stand in or after it; `rag.answer.verify` judges it and finds the sentences of the
cited chunks that hold it, which become the citations. A marker that names no hit, or a chunk with nothing to quote,
is dropped. What happens to a statement that is not supported is the policy's: "drop" leaves it out of the text,
"flag" says it with its verdict in brackets, "fail" withholds the whole answer. Dropped statements stay in
`Answer.statements` with their verdicts, so that what was withheld can be seen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answer.verify import ACCEPTED, UNSUPPORTED, judge
from rag.errors import ConfigError
from rag.text.sentences import LONGEST, sentence_spans
from rag.text.words import MARKER, missing_words, tokens
from rag.types import Answer, Citation, Hit, Statement

POLICIES = ("drop", "flag", "fail")

_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """A sentence of a generated text without its markers, the markers, and the line it stands on."""

    text: str
    markers: tuple[int, ...]
    line: int


def resolve(question: str, text: str, hits: Sequence[Hit], *, policy: str = "drop") -> Answer:
    """The checked answer: statements with verdicts, and a citation for each span that supports it.

    Abstained (no text, no citations, but what is missing) when nothing in it is supported, or under "fail" when
    something is not. Raises ConfigError for an unknown policy.
    """
    if policy not in POLICIES:
        raise ConfigError(f"policy: {policy!r} is none of {', '.join(POLICIES)}.")
    statements: list[Statement] = []
    citations: dict[Citation, None] = {}  # in order, each once: two sentences may quote the same span
    lines: dict[int, list[str]] = {}
    for sentence in sentences(text):
        statement, cited = _check(question, sentence, hits)
        statements.append(statement)
        if statement.verdict in ACCEPTED or policy == "flag":
            citations.update(dict.fromkeys(cited))
            lines.setdefault(sentence.line, []).append(_format(statement))
    verdicts = {statement.verdict for statement in statements}
    if not verdicts & ACCEPTED or (policy == "fail" and not verdicts <= ACCEPTED):
        absent = missing_words(question, [f"{hit.chunk.title}\n{hit.chunk.contextual}" for hit in hits])
        return Answer(question, "", tuple(statements), hits=tuple(hits), abstained=True, missing=absent)
    checked = "\n".join(" ".join(line) for line in lines.values())
    return Answer(question, checked, tuple(statements), tuple(citations), tuple(hits))


def sentences(text: str) -> Iterator[MarkedSentence]:
    """The sentences of a generated text. Lines end sentences; one without content ("Yes.") goes with the next."""
    carried = ""
    for number, line in enumerate(text.splitlines()):
        plain, marks = _strip(line)
        spans = sentence_spans(plain, longest=2 * LONGEST)  # a quoted sentence stays one, with its quotation marks
        ends = [*(start for start, _ in spans), len(plain)][1:]
        done = -1
        for (start, stop), end in zip(spans, ends, strict=True):
            markers = tuple(dict.fromkeys(marker for at, marker in marks if done < at <= end))
            body, done = plain[start:stop], end
            if not markers and not tokens(body):
                carried += f"{body} "
                continue
            yield MarkedSentence(carried + body, markers, number)
            carried = ""


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


def _check(question: str, sentence: MarkedSentence, hits: Sequence[Hit]) -> tuple[Statement, list[Citation]]:
    known = [marker for marker in sentence.markers if 1 <= marker <= len(hits)]
    finding = judge(sentence.text, [hits[marker - 1].chunk for marker in known], question)
    verdict = finding.verdict if len(known) == len(sentence.markers) else UNSUPPORTED
    kept = [(marker, spans) for marker, spans in zip(known, finding.spans, strict=True) if spans]
    cited = [_cite(marker, hits[marker - 1], *span) for marker, spans in kept for span in spans]
    return Statement(sentence.text, tuple(marker for marker, _ in kept), verdict), cited


def _cite(marker: int, hit: Hit, start: int, end: int) -> Citation:
    """`start` and `end` are offsets in the chunk's text; the citation's are the document's."""
    chunk = hit.chunk
    place, quote = chunk.start + start, chunk.text[start:end]
    return Citation(marker, chunk.id, chunk.source, place, chunk.start + end, quote, chunk.address(place), hit.hop)


def _format(statement: Statement) -> str:
    flag = "" if statement.verdict in ACCEPTED else f" ({statement.verdict})"
    markers = "".join(f"[{marker}]" for marker in statement.citations)
    return f"{statement.text}{flag} {markers}".rstrip()
