"""Reranks by paths: the hop encoder's ranking (`rag.hop.score`) of what was found, without searching again.

The encoder reads the best `seeds` direct hits with the question, and every hit is scored by its own worth and by the
best path to it from one of these. It is what `hop: encoder` ranks by, for pipelines whose search must stay one step,
or goes along links alone. What it does not do: find a passage that the search did not.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated

from pydantic import Field

from rag.hop.encoder import EncoderHopper
from rag.stages import Embedder, component
from rag.types import Hit, Precision, Query


@component
class PathReranker:
    """Scores passages and the paths among them with the hop encoder."""

    embedder: Embedder
    weights: Annotated[str, Field(description='A file of `rag train hop`; "" means the shipped one.')] = ""
    seeds: Annotated[int, Field(ge=1, description="How many direct hits the encoder reads.")] = 3
    precision: Annotated[Precision, Field(description="Of its products, as the hopper `encoder` has it.")] = "auto"
    links: Annotated[bool, Field(description="Let links count, too.")] = True

    def rerank(self, questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """The same hits, scored 1 / place.

        Raises ConfigError where hits carry no dense vectors, MismatchError for another embedder's weights.
        """
        pairs = zip(questions, hits, strict=True)
        return [self._hopper.rank(Query(question), found, k=len(found)) for question, found in pairs]

    @cached_property
    def _hopper(self) -> EncoderHopper:
        return EncoderHopper(
            embedder=self.embedder, weights=self.weights, seeds=self.seeds, links=self.links, precision=self.precision
        )
