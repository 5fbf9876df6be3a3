"""What each document answers, weighed: the candidates of each by itself, and the sides that they are on."""

from collections.abc import Callable, Sequence

from rag.reader.candidates import Candidate
from rag.reader.network import Passage
from rag.reader.sides import CREDIBLE, RIVAL, Side, SourceAnswer, find_sides, say_same

Estimate = Callable[[Sequence[Candidate]], tuple[Candidate, float] | None]  # the best, and how likely it is right


def find_contradictions(
    question: str,
    candidates: Sequence[Candidate],
    passages: Sequence[Passage],
    documents: Sequence[str],
    sources: Sequence[str],
    estimate: Estimate,
) -> tuple[Side, ...]:
    """The sides where documents contradict the best candidate, its own first; nothing where they do not.

    A single side is another answer, which the question itself or a clear majority chooses. `documents` names that of
    each passage, `sources` its independent source (`rag.reader.copies`). Yes and no are read from all passages
    together, so that none is weighed.
    """
    best = estimate(candidates)
    if best is None or best[0].yes_no:
        return ()
    answers = []
    for document in dict.fromkeys(documents):
        own = estimate([one for one in candidates if documents[one.span.passage] == document])
        if own is not None:
            (text, span), confidence = (own[0].text, own[0].span), own[1]
            context = "\n".join(passages[span.passage])
            answers.append(SourceAnswer(text, span.passage, sources[span.passage], confidence, context, span.start))
    sides = sorted(find_sides(question, answers), key=lambda side: not _says(side, best[0].text))
    beaten = best[1] >= max(CREDIBLE, RIVAL * sides[0].confidence)
    return tuple(sides) if len(sides) > 1 or (beaten and not _says(sides[0], best[0].text)) else ()


def _says(side: Side, text: str) -> bool:
    return any(say_same(answer.text, text) for answer in side.answers)
