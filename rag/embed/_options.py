"""The options that the embedders `onnx` and `transformers` share, and which of them go together."""

from typing import Annotated, ClassVar

from pydantic import Field

from rag.errors import ConfigError
from rag.stages import component


@component
class EncoderOptions:
    """Raises ConfigError for options that do not go together."""

    model: Annotated[str, Field(description='"bundled" (MiniLM), a folder, or a cached Hugging Face name.')] = "bundled"
    weights: Annotated[str, Field(description="A file of `rag train embedder`, for documents only.")] = ""
    max_tokens: Annotated[int | None, Field(ge=3, description="Most tokens of a text; default: the model's.")] = None
    truncate_dim: Annotated[int | None, Field(ge=1, description="Keep so many first columns (Matryoshka).")] = None
    layers: Annotated[int | None, Field(ge=1, description="Run only this many layers of a model trained so.")] = None
    temperature: Annotated[float, Field(gt=0, le=1, description="Below 1, attention looks at fewer tokens.")] = 1.0
    stretch: Annotated[float, Field(ge=1, description="How many times its own window the model sees.")] = 1.0
    query_prefix: Annotated[str | None, Field(description="Text before a question; default: the model's own.")] = None
    document_prefix: Annotated[str | None, Field(description="Text before a chunk; default: the model's own.")] = None
    query_suffix: Annotated[str, Field(description="Text after a question, such as an end-of-text token.")] = ""
    document_suffix: Annotated[str, Field(description="Text after a chunk.")] = ""
    query_model: Annotated[str | None, Field(description="Another model for questions, of the same space.")] = None
    query_map: Annotated[str, Field(description="A file of `rag train map`: `query_model` is of another space.")] = ""
    tokens: Annotated[bool, Field(description="Add token vectors for MaxSim: some hundred times the space.")] = False
    token_model: Annotated[
        str | None, Field(description="A ColBERT checkpoint that makes them in place of the model.")
    ] = None
    pool_factor: Annotated[int, Field(ge=1, description="Keep one token vector in this many; near ones merge.")] = 1
    sparse: Annotated[bool, Field(description="Add the model's token weights (BGE-M3) in place of `sparse:`.")] = False
    late: Annotated[float, Field(ge=0, le=1, description="Share of the late-chunked vector; the rest is plain.")] = 0.0
    overlap: Annotated[int, Field(ge=0, description="Tokens that two windows of late chunking share.")] = 16
    late_separator: Annotated[
        str, Field(description="What joins chunks in a window, as [SEP] for InSeNT's models.")
    ] = ""
    situated: Annotated[float, Field(ge=0, le=1, description="Share of the vector in context, if trained so.")] = 0.0
    around: Annotated[int, Field(ge=1, description="Sentences before and after the chunk that `situated` reads.")] = 5
    separator: Annotated[str, Field(description="What stands between the chunk and the text around it.")] = "\n\n"
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once, padding included.")]
    idf: ClassVar[bool] = False  # a model's token weights know already how much a word says

    def __post_init__(self) -> None:
        if self.late and self.situated:
            raise ConfigError("a chunk is read late or situated, not both: leave out `late` or `situated`.")
        if self.query_map and not self.query_model:
            raise ConfigError("embed.query_map is about another model's questions: name that model as `query_model`.")
        if self.pool_factor > 1 and not self.tokens:
            raise ConfigError("embed.pool_factor is about token vectors: say `tokens: true`, or leave it out.")
        if self.token_model and not self.tokens:
            raise ConfigError("embed.token_model makes token vectors: say `tokens: true`, or leave it out.")
        if (self.late or self.situated or self.query_model) and (self.tokens or self.sparse):
            raise ConfigError(
                "leave out `tokens`, `sparse`: they are of a chunk read by itself, by one model, and do not go with "
                "`late`, `situated` or `query_model`."
            )
