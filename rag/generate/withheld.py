"""Takes the place of a language model that only an index speaks of: says why nothing is asked of it.

So such an index can be searched, brought up to date and repaired all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from rag.errors import ConfigError
from rag.stages import component
from rag.types import Hit


@component
class WithheldGenerator:
    """Writes nothing: whatever is asked of it raises ConfigError."""

    reason: Annotated[str, Field(description="What the error says.")]

    @property
    def model(self) -> str:
        """Raises ConfigError."""
        raise ConfigError(self.reason)

    def stream(self, question: str, hits: Sequence[Hit]) -> Iterator[str]:
        """Raises ConfigError."""
        raise ConfigError(self.reason)

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """Raises ConfigError."""
        raise ConfigError(self.reason)
