"""Which sentences of a chunk show what a statement says: the fewest that hold most of its terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.answer.terms import Term, read
from rag.text.sentences import sentence_spans
from rag.types import Chunk

SPANS = 3  # sentences quoted from one chunk, at most
HEADINGS = ("heading", "code")  # kinds of sections whose labels say what a chunk is about


@dataclass(frozen=True)
class Evidence:
    """A piece of evidence as what can be looked up in it. `start` and `end` are offsets in the chunk's text."""

    text: str
    start: int = 0
    end: int = 0

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(term.key for term in read(self.text))

    @cached_property
    def beginnings(self) -> frozenset[str]:
        terms = read(self.text)
        return frozenset(
            part for term in terms for part in (term.root, term.root if term.kind == "name" else term.stem)
        )

    def has(self, term: Term) -> bool:
        if term.kind in ("number", "unit"):
            return term.key in self.keys
        if term.kind == "name":  # whole, but for a plural's s
            return not self.keys.isdisjoint((term.key, f"{term.key}s", term.key.removesuffix("s")))
        return term.root in self.beginnings or (term.kind == "word" and term.stem in self.beginnings)


def find_evidence(claim: Sequence[Term], missing: set[int], chunk: Chunk) -> tuple[set[int], list[tuple[int, int]]]:
    """Which terms a chunk holds, and the fewest sentences that show them: the best one, then what adds to it."""
    frame = Evidence("\n".join(frame_texts(chunk)))
    sentences = [Evidence(chunk.text[start:end], start, end) for start, end in sentence_spans(chunk.text)]
    content = find_content(claim)
    inside = {sentence: {i for i in content if sentence.has(claim[i])} for sentence in sentences}
    numbers = {i for i in content if claim[i].kind in ("number", "unit")}
    if not sentences or not any(inside.values()):
        return set(), []
    words = {sentence: inside[sentence] - numbers for sentence in sentences}
    anchor = max(sentences, key=lambda s: (len(words[s] & missing), len(words[s]), len(inside[s])))
    covered = inside[anchor] | {i for i in content if frame.has(claim[i])}
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


def frame_texts(chunk: Chunk) -> list[str]:
    """What stands above a chunk in its document: title, headings, a table's header. A model's note is not of them."""
    headings = [section.label for section in chunk.sections if section.kind in HEADINGS]
    header = chunk.context.partition("\n")[2]  # its first line may be a note
    return [part for part in (chunk.title, *headings, *chunk.about, header) if part]


def find_content(claim: Sequence[Term]) -> list[int]:
    """Which terms have to be found."""
    return [i for i, term in enumerate(claim) if term.kind not in ("turn", "not")]
