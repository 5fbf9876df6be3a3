"""A language model orders the passages: it sees a window of them at once and writes their numbers, the best first.

Windows slide from the end of the list to its start and overlap by half, so that a good passage found last can climb to
the front. The model is the pipeline's own generator. A reply is read as far as it can be: numbers that are no passage
and repetitions are skipped, passages it leaves out follow in their order; a reply without any number changes nothing.
All hits are moved, those of later hops too: the model sees what leads to what.
Source: RankGPT (arXiv 2304.09542).
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from rag.errors import ConfigError
from rag.llm.prompts import RANKED, build
from rag.llm.token_count import counter
from rag.rerank.order import score_by_place
from rag.stages import Generator, LanguageModel, component
from rag.types import Hit

_NUMBER = re.compile(r"\d+")
_THOUGHT = re.compile(r"\s*<think>.*?(</think>|$)", re.DOTALL)


@component
class ListwiseReranker:
    """Asks the pipeline's language model for the order."""

    generator: Generator
    top: Annotated[int, Field(ge=1, description="How many hits are reordered.")] = 30
    window: Annotated[int, Field(ge=2, description="How many passages a prompt holds.")] = 20
    context: Annotated[int, Field(ge=512, description="Most tokens of a prompt.")] = 7168

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place. Raises GeneratorError, and ConfigError without a language model."""
        if not isinstance(self.generator, LanguageModel):
            raise ConfigError("rerank: listwise needs a `generate` stage with a language model, such as openai.")
        model = self.generator
        reranked = []
        for question, found in zip(questions, hits, strict=True):
            order = list(found)
            for start, end in windows(min(self.top, len(order)), self.window):
                order[start:end] = self._reorder(model, question, order[start:end])
            reranked.append(score_by_place(order))
        return reranked

    def _reorder(self, model: LanguageModel, question: str, hits: Sequence[Hit]) -> list[Hit]:
        prompt = build(question, hits, budget=self.context, count=counter(), task=RANKED)
        reply = _THOUGHT.sub("", "".join(model.reply(prompt.messages)), count=1)
        return [hits[i] for i in permutation(reply, len(hits))]


def windows(n: int, size: int) -> list[tuple[int, int]]:
    """Spans of at most `size` of n places, from the last to the first; each overlaps the next by half; [] below two."""
    if n < 2:
        return []
    ends = [end for end in range(n, 0, -(size // 2)) if end >= size] or [n]
    if ends[-1] > size:
        ends.append(size)
    return [(max(0, end - size), end) for end in ends]


def permutation(reply: str, n: int) -> list[int]:
    """The order a reply names, as indexes from 0; what it does not name follows."""
    numbers = [int(number) - 1 for number in _NUMBER.findall(reply)]
    return list(dict.fromkeys([i for i in numbers if 0 <= i < n] + list(range(n))))
