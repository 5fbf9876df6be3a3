"""Hops by reading on: question and passage are encoded together into the next query, beside the hops along links.

The query side of the embedder is a trained copy (`rag train hop`): from the question alone it gives the vector of where
to start, from `question [SEP] title + passage` that of what is missing after this passage. The index stays as it is. A
hop reads the `seeds` best new passages in one batch. Tree and ranking are those of `rag.hop.tree`; the same training
learns the weights of the ranking, and the file has them, too.

Related: MDR (arXiv 2009.12756), Baleen (arXiv 2101.00436); here only the query side is trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rag.errors import ConfigError
from rag.hop.score import ranking_weights
from rag.hop.tree import TreeHopper
from rag.models import deltas
from rag.stages import Tunable, component
from rag.types import Difference, Hit, Precision, Query, Vector, Vectors

SHIPPED = Path(__file__).parent / "weights" / "minilm-hop.safetensors"
KIND = "raghop hop encoder 2"
SEPARATOR = " [SEP] "
RANK = "rank"  # the tensor with the weights of the ranking
CACHED = 64  # readings kept, so that ranking does not read again what hopping read


@dataclass(frozen=True, slots=True)
class HopWeights:
    """A file of `rag train hop`: the `difference` to the embedder's tensors, and the ranking (7,) of `rag.hop.score`.

    Of the metadata, "embedder" is the fingerprint it fits, "max_tokens" what was read in training.
    """

    difference: Difference
    rank: Vector
    facts: Mapping[str, str]


@component
class EncoderHopper(TreeHopper):
    """Reads the best passages with the question, and follows links."""

    hops: Annotated[int, Field(ge=1, description="How many hops follow the first retrieval.")] = 1
    precision: Annotated[
        Precision, Field(description="Of its products; auto: int8, in half the time, where the processor has VNNI.")
    ] = "auto"

    @property
    def ranking(self) -> Vector:
        """Learned with the encoder."""
        return self._parts[0]

    def start_vector(self, question: Query) -> Vector:
        """The reading of the question alone."""
        vector: Vector = self._parts[1]((question.text,))[0]
        return vector

    def next_vectors(self, question: Query, hits: Sequence[Hit]) -> Vectors:
        """The reading of the question with each hit."""
        return self._parts[1](tuple(f"{question.text}{SEPARATOR}{hit.chunk.contextual}" for hit in hits))

    @cached_property
    def _parts(self) -> tuple[Vector, Callable[[tuple[str, ...]], Vectors]]:
        """The ranking, and what reads. Of the file nothing else is kept: its difference takes 29 MB."""
        if not isinstance(self.embedder, Tunable):
            raise ConfigError("hop: encoder needs an embedder with weights to exchange: use onnx, or hop: links.")
        file = load(Path(self.weights) if self.weights else SHIPPED)
        fingerprint, max_tokens = file.facts["embedder"], int(file.facts["max_tokens"])
        read = self.embedder.tune(
            file.difference, fingerprint=fingerprint, max_tokens=max_tokens, precision=self.precision
        )
        return file.rank, lru_cache(CACHED)(read)


def load(path: Path) -> HopWeights:
    """What a file of `rag train hop` holds. Raises ModelError naming what is wrong."""
    facts = {"embedder", "max_tokens"}
    file = deltas.load(path, kind=KIND, facts=facts, what="the weights of a hop encoder", command="rag train hop")
    rank = ranking_weights(file.tensors.get(RANK), f"{path}: the tensor {RANK!r}")
    return HopWeights(file.without(RANK), rank, file.facts)
