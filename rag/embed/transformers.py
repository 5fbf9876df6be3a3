"""Any transformers encoder or decoder, by torch: the embedder for other models and GPUs.

From a local folder or the local Hugging Face cache, safetensors only, remote code never.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from rag.embed._encoder import EncoderEmbedder
from rag.errors import ConfigError, extra
from rag.models.encoder import TextEncoder
from rag.models.spec import ModelSpec
from rag.stages import component
from rag.types import Difference, Vectors


@component
class TransformersEmbedder(EncoderEmbedder):
    """Runs any architecture that transformers knows, on any device; docs/guides/models.md and context.md say more."""

    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once, padding included.")] = 8192
    device: Annotated[str | None, Field(description='A torch device such as "cuda:1"; default: the fastest.')] = None
    dtype: Annotated[Literal["float32", "float16", "bfloat16"], Field(description="Precision.")] = "float32"
    attention: Annotated[
        Literal["bidirectional", "causal"] | None,
        Field(description="Whether a decoder's tokens see those after them; default: as its config says."),
    ] = None

    first_last: Annotated[bool, Field(description="Token vectors are the mean of the first and the last layer's.")] = (
        False
    )

    neighbours: Annotated[
        int,
        Field(ge=0, description="With stretch: farther tokens share positions (SelfExtend); 0: a larger rotary base."),
    ] = 0

    def embed_messages(self, texts: Sequence[str]) -> Vectors:
        """The vectors (n, dim) of texts, each as a user's message in the model's chat template, ready for its reply.

        Raises ModelError for a model without one, ConfigError for a text that is longer than the model sees.
        """
        with extra("models", "embed: transformers"):
            from rag.models.torch_backend import chat_tokens

        vectors = self._queries.vectors_of(chat_tokens(self._queries.spec.folder, texts))
        return self._map(vectors) if self._map else vectors

    @property
    def _attention(self) -> str:
        return self.attention or ""

    @property
    def _first_last(self) -> bool:
        return self.first_last

    @property
    def _neighbours(self) -> int:
        if self.neighbours and self.stretch == 1:
            raise ConfigError("embed.neighbours is a way to stretch a window: say `stretch: 2`, or leave it out.")
        return self.neighbours

    def _load(
        self, spec: ModelSpec, *, batch_tokens: int, difference: Difference | None = None, int8: bool = False
    ) -> TextEncoder:
        with extra("models", "embed: transformers"):
            from rag.models.torch_backend import text_encoder  # torch and transformers take seconds to import

        return text_encoder(spec, self.device, self.dtype, batch_tokens=batch_tokens, difference=difference)
