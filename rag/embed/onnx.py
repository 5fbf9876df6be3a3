"""The everyday embedder: BERT-like sentence encoders on the CPU by onnxruntime, without torch or transformers.

The default is the bundled MiniLM (Wang et al., arXiv 2002.10957). Its vectors equal sentence-transformers' within 1e-5.
Other architectures, and GPUs, are the business of `transformers`.
"""

from typing import Annotated, Literal

from pydantic import Field

from rag.embed._encoder import EncoderEmbedder
from rag.models.encoder import TextEncoder
from rag.models.spec import ModelSpec
from rag.stages import component
from rag.types import Difference

WINDOW = 256  # tokens of windows that run at once: of four, attention's scores leave the processor's cache (5 % slower)


@component
class OnnxEmbedder(EncoderEmbedder):
    """Runs BERT-like models on the CPU; docs/guides/models.md and context.md say more."""

    precision: Annotated[
        Literal["float32", "int8"], Field(description="int8: half the CPU time with VNNI, other vectors (cosine 0.99).")
    ] = "float32"
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once on a core, padding included.")] = 1024

    @property
    def _window_tokens(self) -> int:
        return min(self.batch_tokens, WINDOW)

    @property
    def dtype(self) -> str:
        """In which the network computes."""
        return self.precision

    def _load(
        self, spec: ModelSpec, *, batch_tokens: int, difference: Difference | None = None, int8: bool = False
    ) -> TextEncoder:
        from rag.models.onnx_backend import text_encoder  # onnxruntime: not for a command that only reads the pipeline

        int8 = int8 or self.precision == "int8"
        return text_encoder(spec, batch_tokens=batch_tokens, difference=difference, int8=int8)
