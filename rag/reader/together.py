"""The reading of the strongest passages together, so that they compete for the answer.

Where the best of them says little by itself, an answer is rarely said: of each the sentences around its best span are
read, which costs half as much. Else they are read whole. What was measured is in docs/research/answers.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rag.reader.network import MAX_PASSAGES, Passage, ReaderModel, ReaderOutput
from rag.text.sentences import sentence_spans

WEAK = 4.0  # score of the best span and relevance of its passage, logits: of seven answers that are said, six have more
WINDOW_TOKENS = 320  # of weak passages, shared alike


def read_together(
    question: str,
    passages: Sequence[Passage],
    outputs: Sequence[ReaderOutput],
    strength: Sequence[float],
    reader: ReaderModel,
) -> tuple[tuple[int, ...], ReaderOutput]:
    """The places of the passages that are read, the strongest ones, and the reading; its spans are in `passages`.

    `outputs` are of each passage alone, `strength` says how much that is.
    """
    order = sort_strongest(strength)
    weak = max(strength) < WEAK
    most = MAX_PASSAGES if weak else reader.count_fitting(question, [passages[n] for n in order])
    places = tuple(sorted(order[:most]))
    room = WINDOW_TOKENS // len(places)
    windows = [
        find_window(passages[n][1], outputs[n], room, reader.count) if weak else (0, len(passages[n][1]))
        for n in places
    ]
    cuts = [(passages[n][0], passages[n][1][start:end]) for n, (start, end) in zip(places, windows, strict=True)]
    (joint,) = reader.read(question, [cuts])
    at = [start for start, _ in windows]
    spans, evidence = (
        tuple(
            replace(one, passage=places[one.passage], start=one.start + at[one.passage], end=one.end + at[one.passage])
            for one in some
        )
        for some in (joint.spans, joint.evidence)
    )
    return places, replace(joint, spans=spans, evidence=evidence)


def sort_strongest(strength: Sequence[float]) -> list[int]:
    """The places of some passages, the strongest first."""
    return [int(n) for n in np.argsort(-np.array(strength), kind="stable")]


def find_window(text: str, output: ReaderOutput, room: int, count: Callable[[str], int]) -> tuple[int, int]:
    """Where the sentences around a text's best span start and end: it, and of those beside it the most supporting ones.

    Together they have `room` tokens, or the one that holds the span is longer.
    """
    sentences = sentence_spans(text)
    if not sentences:
        return 0, len(text)
    best = output.spans[0].start if output.spans else 0
    support = {one.start: one.score for one in output.evidence}
    first = last = next((n for n, (start, end) in enumerate(sentences) if start <= best < end), 0)
    left = room - count(text[slice(*sentences[first])])
    while True:
        sizes = {n: count(text[slice(*sentences[n])]) for n in (first - 1, last + 1) if 0 <= n < len(sentences)}
        fitting = [n for n, size in sizes.items() if size <= left]
        if not fitting:
            return sentences[first][0], sentences[last][1]
        beside = max(fitting, key=lambda n: support.get(sentences[n][0], float("-inf")))
        first, last, left = min(first, beside), max(last, beside), left - sizes[beside]
