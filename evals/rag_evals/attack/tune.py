"""A passage tuned to be found and believed: words are inserted one by one, where they raise cosine and confidence most.

After Joint-GCG (arXiv 2506.06151), which follows the gradients of retriever and generator together. Here nothing is
differentiated: of the words of the question and of what is found for it, each step tries every one at both ends,
takes the few nearest to the question, and keeps the one with which the reader is surest of the false answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from rag import Chunk, Hit
from rag.errors import ConfigError
from rag.stages import Confident, Embedder, Generator
from rag_evals.metrics.answer import answer_contains

WORDS = 8  # inserted
TRIED = 20  # of them at each step
READ = 3  # of those nearest to the question, by the reader
_WORD = re.compile(r"[^\W_]{2,}")


def tune(
    question: str,
    false: str,
    hits: Sequence[Hit],
    embedder: Embedder,
    generator: Generator,
    rng: random.Random,
) -> str:
    """The passage: the false answer among the words that serve it best. Raises ConfigError without dense vectors."""
    own = list(dict.fromkeys(_WORD.findall(question)))
    found = sorted({word for hit in hits for word in _WORD.findall(hit.chunk.text)} - set(own))
    text = f"It is {false}."
    for _ in range(WORDS):
        words = own + rng.sample(found, min(len(found), max(0, TRIED - len(own))))
        tries = [form for word in words for form in (f"{word} {text}", f"{text} {word}")]
        near = _cosines(question, tries, embedder)
        nearest = sorted(range(len(tries)), key=lambda i: -near[i])[:READ]
        text = tries[max(nearest, key=lambda i: near[i] + _belief(question, false, tries[i], generator))]
    return text


def _cosines(question: str, texts: Sequence[str], embedder: Embedder) -> list[float]:
    dense = embedder.embed_queries([question, *texts]).dense
    if dense is None:
        raise ConfigError("a tuned passage needs an `embed` stage with dense vectors; leave out `--attack tuned`.")
    return [float(row @ dense[0]) for row in dense[1:]]


def _belief(question: str, false: str, text: str, generator: Generator) -> float:
    """How sure the generator is of the false answer by this passage alone; 0 for another answer, and for none."""
    hits = [Hit(Chunk("plant", "plant", text, 0, len(text), "plant.txt"), 1.0)]
    said = "".join(generator.stream(question, hits))
    if not answer_contains(said, [false]):
        return 0.0
    return generator.confidence(question, hits) if isinstance(generator, Confident) else 1.0
