"""Questions for the reader made of passages alone: what a sentence says, with a name or number taken out.

The name stands in another sentence of the same passage, where it is to be found; the sentence that asks is left out of
the text. A network that was made to embed sentences learns from these to look for spans before it sees the questions
of people, of which there are few. Recurring span selection (Splinter, arXiv 2101.00438) in the reader's own layout;
some are asked of other passages, which do not answer them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rag.text.sentences import sentence_spans
from rag.text.stopwords import STOP_WORDS
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.questions import ReaderPassage, ReaderQuestion

PER_PASSAGE = 2  # questions of a passage
MAX_OTHERS = 3  # passages that are read beside the one, at most
ALONE, ELSEWHERE = 0.6, 0.15  # shares: read by itself; read without the passage that answers
WORDS = range(5, 60)  # of a sentence that asks
_NAME = r"[A-Z][\w'’-]+(?: (?:of |the |and |de |von |van |in )?[A-Z][\w'’-]+)*"
_SPAN = re.compile(rf"\b(?:{_NAME}|\d[\d,.]*\d)\b")
# Of numbers, and of names.
QUESTION_WORDS = {True: ("when", "how many", "what", "[MASK]"), False: ("what", "which", "who", "[MASK]")}


def make_questions(passages: Sequence[tuple[str, str]], rng: np.random.Generator) -> list[ReaderQuestion]:
    """At most PER_PASSAGE questions of every (title, text)."""
    questions = [_question(title, text, rng) for title, text in passages for _ in range(PER_PASSAGE)]
    return list({(one.text, one.gold[0].text): one for one in questions if one}.values())


def draw_inputs(questions: Sequence[ReaderQuestion], rng: np.random.Generator) -> Iterator[ReaderInput]:
    """The inputs of one epoch: half of the questions, each with its passage, with others, or with others alone."""
    for i in rng.permutation(len(questions))[: len(questions) // PER_PASSAGE]:
        one = questions[i]
        (passage,) = one.gold
        answer = passage.text[slice(*(passage.answer or (0, 0)))]
        numbers = rng.integers(len(questions), size=int(rng.integers(1, MAX_OTHERS + 1)))
        others = [replace(p, answer=None, evidence=(), relevant=False) for n in numbers for p in questions[n].gold]
        others = [other for other in others if answer not in other.text]
        turn = rng.random()
        complete = turn >= ELSEWHERE or not others
        passages = ([passage] if complete else []) + (others if not complete or turn >= ELSEWHERE + ALONE else [])
        yield ReaderInput(one.text, tuple(passages[n] for n in rng.permutation(len(passages))), complete=complete)


def _question(title: str, text: str, rng: np.random.Generator) -> ReaderQuestion | None:
    """A question of the passage without the sentence it was made of; None where nothing is said twice."""
    sentences = sentence_spans(text)
    matches = [_SPAN.finditer(text, *span) for span in sentences]
    named = [{m.group(): m.span() for m in some if m.group().lower() not in STOP_WORDS} for some in matches]
    counts = Counter(name for names in named for name in names)
    repeated = [
        (n, name)
        for n, names in enumerate(named)
        for name in names
        if counts[name] > 1 and len(text[slice(*sentences[n])].split()) in WORDS
    ]
    if not repeated:
        return None
    n, name = repeated[int(rng.integers(len(repeated)))]
    start, end = sentences[n]
    words = QUESTION_WORDS[name[0].isdigit()]
    word = words[int(rng.integers(len(words)))]
    question = re.sub(rf"\b{re.escape(name)}\b", word, text[start:end]).rstrip(" .") + "?"
    after = sentences[n + 1][0] if n + 1 < len(sentences) else len(text)
    places = [spans[name] for i, spans in enumerate(named) if i != n and name in spans]
    low, high = places[int(rng.integers(len(places)))]
    shift = after - start if low >= after else 0
    rest = text[:start] + text[after:]
    sentence = next((a, b) for a, b in sentences if a <= low < b)
    passage = ReaderPassage(
        title, rest, (low - shift, high - shift), ((sentence[0] - shift, sentence[1] - shift),), True
    )
    return ReaderQuestion(question, (passage,), (), 0, answerable=True)
