"""Questions for the reader made of passages alone: what a sentence says, with a name or number taken out.

The name stands in another sentence of the same passage, where it is to be found; the sentence that asks is left out of
the text. A network that was made to embed sentences learns from these to look for spans before it sees the questions
of people, of which there are few. Recurring span selection (Splinter, arXiv 2101.00438) in the reader's own layout;
some are asked of other passages, which do not answer them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rag.text.sentences import sentence_spans
from rag.text.stopwords import STOP_WORDS
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.questions import Part, ReaderQuestion

EACH = 2  # questions of a passage
OTHERS = 3  # passages that are read beside the one, at most
ALONE, ELSEWHERE = 0.6, 0.15  # shares: read by itself; read without the passage that answers
WORDS = range(5, 60)  # of a sentence that asks
_NAME = r"[A-Z][\w'’-]+(?: (?:of |the |and |de |von |van |in )?[A-Z][\w'’-]+)*"
_SPAN = re.compile(rf"\b(?:{_NAME}|\d[\d,.]*\d)\b")
ASKS = {True: ("when", "how many", "what", "[MASK]"), False: ("what", "which", "who", "[MASK]")}  # numbers, names


def clozes(passages: Sequence[tuple[str, str]], rng: np.random.Generator) -> list[ReaderQuestion]:
    """At most EACH questions of every (title, text)."""
    made = [_asked(title, text, rng) for title, text in passages for _ in range(EACH)]
    found = [one for one in made if one]
    return list({(one.question, one.golds[0].text): one for one in found}.values())


def readings(questions: Sequence[ReaderQuestion], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """The readings of one epoch: half of the questions, each with its passage, with others, or with others alone."""
    for i in rng.permutation(len(questions))[: len(questions) // EACH]:
        one = questions[i]
        (part,) = one.golds
        answer = part.text[slice(*(part.answer or (0, 0)))]
        drawn = rng.integers(len(questions), size=int(rng.integers(1, OTHERS + 1)))
        others = [replace(found, answer=None, facts=(), relevant=False) for n in drawn for found in questions[n].golds]
        others = [other for other in others if answer not in other.text]
        turn = rng.random()
        whole = turn >= ELSEWHERE or not others
        parts = ([part] if whole else []) + (others if not whole or turn >= ELSEWHERE + ALONE else [])
        yield ReaderInput(one.question, tuple(parts[n] for n in rng.permutation(len(parts))), whole=whole)


def _asked(title: str, text: str, rng: np.random.Generator) -> ReaderQuestion | None:
    """A question of the passage without the sentence it was made of; None where nothing is said twice."""
    sentences = sentence_spans(text)
    found = [_SPAN.finditer(text, *span) for span in sentences]
    named = [{m.group(): m.span() for m in matches if m.group().lower() not in STOP_WORDS} for matches in found]
    often = Counter(name for names in named for name in names)
    open_ = [
        (n, name)
        for n, names in enumerate(named)
        for name in names
        if often[name] > 1 and len(text[slice(*sentences[n])].split()) in WORDS
    ]
    if not open_:
        return None
    n, name = open_[int(rng.integers(len(open_)))]
    start, end = sentences[n]
    asks = ASKS[name[0].isdigit()]
    word = asks[int(rng.integers(len(asks)))]
    question = re.sub(rf"\b{re.escape(name)}\b", word, text[start:end]).rstrip(" .") + "?"
    after = sentences[n + 1][0] if n + 1 < len(sentences) else len(text)
    places = [spans[name] for i, spans in enumerate(named) if i != n and name in spans]
    low, high = places[int(rng.integers(len(places)))]
    gone = after - start if low >= after else 0
    left = text[:start] + text[after:]
    fact = next((a, b) for a, b in sentences if a <= low < b)
    part = Part(title, left, (low - gone, high - gone), ((fact[0] - gone, fact[1] - gone),), relevant=True)
    return ReaderQuestion(question, (part,), (), 0, answerable=True)
