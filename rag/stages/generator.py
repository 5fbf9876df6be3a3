"""The generator, and what it may offer besides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from rag.types import AnswerSide, Hit


@runtime_checkable
class Generator(Protocol):
    """Writes the answer from evidence."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """Text in pieces; claims carry markers [n], counted from 1, that name `hits[n - 1]`.

        An answer that the evidence does not hold is the empty text. A generator function may return what the answer
        cost, {"llm_calls", "prompt_tokens", "completion_tokens"}: `Answer.usage`. Raises GeneratorError.
        """


@runtime_checkable
class Confident(Protocol):
    """A generator that knows how likely its answer is right."""

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """From 0 to 1, for the answer it gives or would give to the same question and hits."""


class Finder(Protocol):
    """What a generator may look up while it writes. Every passage it was given has a number: a marker names it."""

    @property
    def hits(self) -> Sequence[Hit]:
        """The passages so far; number n is `hits[n - 1]`."""

    def search(self, query: str) -> list[int]:
        """The numbers of the best passages for a query, best first."""

    def hop(self, number: int) -> list[int]:
        """The numbers of passages that this one leads to; none where it leads nowhere, or has no such number."""


@runtime_checkable
class Exploring(Protocol):
    """A generator that may look up more while it writes, where its options allow it."""

    @property
    def search(self) -> int:
        """How many times; 0 for never."""

    def explore(self, question: str, finder: Finder) -> Iterator[str]:
        """As `Generator.stream`, over `finder.hits`, which grow."""


@runtime_checkable
class Weighing(Protocol):
    """A generator that sees where its sources disagree."""

    def sides(self, question: str, hits: Sequence[Hit]) -> tuple[AnswerSide, ...]:
        """What each side says, of the same question and hits; nothing where they agree."""


@runtime_checkable
class LanguageBound(Protocol):
    """A generator that gives short answers in some languages only, as two-letter codes; elsewhere it quotes."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Those it was trained for."""


@runtime_checkable
class LanguageModel(Protocol):
    """A generator that has a language model also replies to messages of any content."""

    @property
    def model(self) -> str:
        """The name of the model: what it wrote is kept under it."""

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The model's own words in pieces; messages have a "role" and a "content". Raises GeneratorError."""
