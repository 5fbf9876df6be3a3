"""Embeddings that know the corpus: every text is read behind vectors of a sample of it (contextual embeddings, CDE).

What sets a document of this corpus apart is no longer what sets it apart from all texts. The sample is a file that the
user names, so that vectors depend on nothing that changes behind their back: another sample is another embedder, which
an index built with the first one refuses (exit code 4). `rag sample` makes one. For checkpoints of arXiv 2410.02525
whose backbone transformers knows itself, such as ModernBERT (cde-small-v2); their own code is never run.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from rag import cache
from rag.embed.sample import read_passages
from rag.errors import ConfigError, ModelError, extra
from rag.models.encoder import TextEncoder
from rag.models.files import locate, read_json, weights
from rag.models.spec import SHAPING, ModelSpec
from rag.stages import component
from rag.types import Chunked, Embeddings, Spans

SIZE, MAX_TOKENS = 512, 512  # vectors of the sample, and tokens of a text, where the model says nothing
_SUPPORTED: Mapping[str, tuple[Any, ...]] = {  # keys of config.json; the first value counts where there is none
    **dict.fromkeys(("autoregressive_backbone", "limit_layers", "limit_layers_first_stage"), (None, False)),
    "transductive_tokens_per_document": (1,),
    "pooling_strategy": ("mean",),
    "pool_ignore_contextual_tokens": (True,),
}
_RESIDUAL = {"DatasetTransformer": False, "ContextualDocumentEmbeddingTransformer": True}  # by architecture: v1, v2
_QUERY, _DOCUMENT = "search_query: ", "search_document: "


@component
class TwoStageEmbedder:
    """Reads every text behind a sample of the corpus: each text costs a run over itself and the whole sample.

    Take about as many passages into the sample as the model has places for (512).
    """

    model: Annotated[str, Field(description="A folder, or a name in the local Hugging Face cache.")]
    sample: Annotated[str, Field(description="A UTF-8 file with a passage of the documents on each line.")]
    backbone: Annotated[str, Field(description="Its architecture and tokenizer; default: as its config says.")] = ""
    device: Annotated[str | None, Field(description='A torch device such as "cuda:1"; default: the fastest.')] = None
    max_tokens: Annotated[int | None, Field(ge=3, description="Most tokens of a text; default: the model's.")] = None
    query_prefix: Annotated[str, Field(description="Text before every question.")] = _QUERY
    document_prefix: Annotated[str, Field(description="Text before every chunk.")] = _DOCUMENT
    batch_tokens: Annotated[int, Field(ge=1, description="Tokens that run at once, the sample included.")] = 8192
    representations: ClassVar[frozenset[str]] = frozenset({"dense"})

    @property
    def dim(self) -> int:
        return self._spec.dim

    @cached_property
    def fingerprint(self) -> str:
        """Of weights, sample, tokenizer, prefix and length."""
        files = [*weights(self._spec.folder), *(locate(self._backbone) / name for name in SHAPING)]
        sums = [cache.sha256(path) for path in files if path.is_file()]
        facts = ["two stages 1", sums, self._texts, self._size, self._spec.max_tokens, self.document_prefix]
        facts += [["residual", self._instructed]] if self._residual else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def longest(self) -> int:
        """What the model sees beside two special tokens."""
        return self._spec.max_tokens - 2

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text are cut off."""
        return self._encoder.count_unread(texts)

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of each text's tokens, special tokens left out, nothing cut off."""
        return self._encoder.token_spans(texts)

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """Context and text of every chunk, behind the sample and the document prefix."""
        return self._encoder.embed_chunks(batch, tokens=False)

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Every text behind the sample and the query prefix."""
        return self._encoder.embed_queries(texts, tokens=False)

    @cached_property
    def _config(self) -> dict[str, Any]:
        path = locate(self.model) / "config.json"
        config: dict[str, Any] = read_json(path, {})
        for key, values in _SUPPORTED.items():
            if config.get(key, values[0]) not in values:
                raise ModelError(f"{path}: {key}: {config[key]!r} is not supported.")
        return config

    @property
    def _residual(self) -> bool:
        """Whether what is projected is added to what was pooled, as the second version does."""
        names = self._config.get("architectures") or []
        if found := [_RESIDUAL[name] for name in names if name in _RESIDUAL]:
            return found[0]
        raise ModelError(
            f"{locate(self.model) / 'config.json'}: architectures is {names}; should name "
            f"{' (v1) or '.join(_RESIDUAL)} (v2), which compute different vectors."
        )

    @property
    def _instructed(self) -> bool:
        """Whether means leave out the instruction; the first version's code knows no such thing."""
        return self._residual and bool(self._config.get("pool_ignore_instruction_tokens"))

    @cached_property
    def _backbone(self) -> str:
        name = self.backbone or self._config.get("dataset_backbone") or self._config.get("embedder")
        if not name:
            raise ConfigError(f"embed.backbone: {self.model!r} does not say which model it is made of; name it.")
        return str(name)

    @cached_property
    def _spec(self) -> ModelSpec:
        config: dict[str, Any] = read_json(locate(self._backbone) / "config.json", {})
        width = int(config.get("hidden_size") or 0)
        if not width:
            raise ModelError(f"{self._backbone}: its config.json says no hidden_size; this is no encoder.")
        return ModelSpec(
            name=self.model,
            folder=locate(self.model),
            config=config,
            hidden=width,
            dim=width,
            max_tokens=self.max_tokens or int(self._config.get("max_seq_length") or MAX_TOKENS),
            query_prefix=self.query_prefix,
            document_prefix=self.document_prefix,
        )

    @property
    def _size(self) -> int:
        return int(self._config.get("transductive_corpus_size") or SIZE)

    @cached_property
    def _texts(self) -> list[str]:
        return read_passages(self.sample, self._size)

    @cached_property
    def _encoder(self) -> TextEncoder:
        with extra("models", "embed: two_stage"):
            from rag.models.torch_backend import best_device
            from rag.models.torch_two_stage import text_encoder  # torch and transformers take seconds to import

        return text_encoder(
            self._spec,
            self._texts,
            backbone=self._backbone,
            size=self._size,
            residual=self._residual,
            instructed=self._instructed,
            device=self.device or best_device(),
            batch_tokens=self.batch_tokens,
        )
