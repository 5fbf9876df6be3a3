"""What a model's own files say about turning its token vectors into one: pooling, projections, length, prompts.

Reads the sentence-transformers files where they are present (modules.json, sentence_bert_config.json,
config_sentence_transformers.json); a plain encoder gets mean pooling and unit length. A module that is not understood
is an error, since leaving it out would give other vectors in silence.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag import cache
from rag.errors import ConfigError, ModelError
from rag.models.files import LEXICAL, MULTI, head, inside, locate, read_json, refuse_code, weights
from rag.models.pooling import POOLING, load_head
from rag.models.variant import AS_IS, Variant

# the files besides weights that decide which tokens a text has and what the network does with them
SHAPING = ("config.json", "tokenizer.json", "tokenizer.model", "sentencepiece.bpe.model", "spiece.model", "vocab.txt")
_LEGACY_POOLING = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")
_POSITIONS = ("max_position_embeddings", "n_positions", "max_sequence_length")
AFTER_PADDING = {"roberta", "xlm-roberta", "camembert", "mpnet"}  # their first position is the padding id + 1
TABLE = "embeddings.word_embeddings.weight"  # the vocabulary's vectors
_NO_TITLE, _TITLE = "title: none", "title: {}"  # EmbeddingGemma's slot for a title, in its prompt for documents
_NO_LIMIT = 1_000_000  # tokenizers write numbers like 1e30 for "none"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model folder as read.

    `hidden` is the width of a token vector, `dim` that of a text's, cut to its first columns where that was asked for;
    `max_tokens` counts special tokens; `lowercase` comes before the tokenizer's own rules.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    hidden: int
    dim: int
    max_tokens: int
    query_prefix: str
    document_prefix: str
    pooling: tuple[str, ...] = ("mean",)
    dense: tuple[Path, ...] = ()
    normalise: bool = True
    lowercase: bool = False
    variant: Variant = AS_IS
    query_suffix: str = ""
    document_suffix: str = ""

    @property
    def has_title_slot(self) -> bool:
        """Whether the document prefix holds a place for a title."""
        return _NO_TITLE in self.document_prefix

    def titled_prefix(self, title: str) -> str:
        """The document prefix, with the title in its slot if it has one."""
        return self.document_prefix.replace(_NO_TITLE, _TITLE.format(title), 1) if title else self.document_prefix

    @property
    def token_dim(self) -> int:
        """Columns of a token's vector for MaxSim: those of the model's head for them, if it has one."""
        found = load_head(self.folder, MULTI, self.hidden)
        return len(found.weight) if found else self.hidden

    @property
    def pad_id(self) -> int:
        """The id that fills a batch up."""
        return int(self.config.get("pad_token_id") or 0)

    def fingerprint(self, *, dtype: str = "float32", tokens: bool = False, sparse: bool = False) -> str:
        """Of everything that shapes a document's vectors; the same for every backend that computes them in `dtype`."""
        files = [*weights(self.folder), *(self.folder / name for name in SHAPING)]
        files += [file for folder in self.dense for file in (folder / "config.json", *weights(folder))]
        facts = [
            *([path.name, cache.sha256(path)] for path in files if path.is_file()),
            *(self.pooling, self.normalise, self.dim, self.max_tokens, self.lowercase, self.document_prefix, dtype),
            *self.variant.facts,
            *(["suffix", self.document_suffix] if self.document_suffix else []),
            *(["title slot"] if self.has_title_slot else []),
        ]
        for name in [MULTI] * tokens + [LEXICAL] * sparse:
            file = head(self.folder, name)
            facts.append([name, cache.sha256(file) if file else ""])
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def read(
    model: str,
    *,
    max_tokens: int | None = None,
    truncate_dim: int | None = None,
    query_prefix: str | None = None,
    document_prefix: str | None = None,
    query_suffix: str = "",
    document_suffix: str = "",
    variant: Variant = AS_IS,
) -> ModelSpec:
    """The model's files, with options that are not None in place of what they say. Raises ModelError, ConfigError."""
    root = locate(model)
    refuse_code(root)
    modules = _modules(root)
    folder = modules["Transformer"][0]
    config: dict[str, Any] = read_json(folder / "config.json", {})
    if not config:
        raise ModelError(f"{folder / 'config.json'}: absent or empty; this folder is not a transformers model.")
    weights(folder)
    hidden = _first(config, _WIDTHS)
    if not hidden:
        raise ModelError(f"{folder / 'config.json'}: none of {', '.join(_WIDTHS)} says how wide a token vector is.")
    bert = read_json(folder / "sentence_bert_config.json", {})
    if not variant.attention and config.get("is_causal") is False:
        variant = replace(variant, attention="bidirectional")
    limit, default = _lengths(folder, config, bert, variant.stretch)
    if max_tokens and max_tokens > limit:
        raise ConfigError(f"embed.max_tokens: {max_tokens} is more than the {limit} that {model!r} can see.")
    prompts = read_json(root / "config_sentence_transformers.json", {})
    pooling = _pooling(modules["Pooling"][0]) if "Pooling" in modules else ("mean",)
    dense = tuple(modules.get("Dense", ()))
    dim = _first(read_json(dense[-1] / "config.json", {}), ("out_features",)) if dense else hidden * len(pooling)
    if truncate_dim and truncate_dim > dim:
        raise ConfigError(f"embed.truncate_dim: {truncate_dim} is more than the {dim} columns that {model!r} gives.")
    return ModelSpec(
        name=model,
        folder=folder,
        config=variant.config(config, model),
        pooling=pooling,
        dense=dense,
        normalise="Normalize" in modules,
        hidden=hidden,
        dim=truncate_dim or dim,
        max_tokens=max_tokens or default,
        lowercase=bool(bert.get("do_lower_case")),
        query_prefix=_prompt(query_prefix, prompts, "query"),
        document_prefix=_prompt(document_prefix, prompts, "document", "passage", "corpus"),
        variant=variant,
        query_suffix=query_suffix,
        document_suffix=document_suffix,
    )


def _modules(root: Path) -> dict[str, list[Path]]:
    """Kind of module -> its folders, in order."""
    listed: list[Any] = read_json(root / "modules.json", [])
    if not listed:
        return {"Transformer": [root], "Normalize": [root]}
    found: dict[str, list[Path]] = {}
    try:
        for name, path in [(str(module["type"]), str(module["path"])) for module in listed]:
            if name.partition(".")[0] != "sentence_transformers":
                raise ModelError(f"{root / 'modules.json'}: {name} is code from outside, which raghop never runs.")
            found.setdefault(name.rpartition(".")[2], []).append(inside(root, path))
    except (KeyError, TypeError) as error:
        raise ModelError(f"{root / 'modules.json'}: every module needs a type and a path.") from error
    kinds = [str(module["type"]).rpartition(".")[2] for module in listed]
    if not re.fullmatch("Transformer Pooling( Dense)*( Normalize)*", " ".join(kinds)):
        raise ModelError(
            f"{root / 'modules.json'}: modules are {', '.join(kinds)}; understood are Transformer, Pooling, any number "
            "of Dense, Normalize, in this order."
        )
    return found


def _pooling(folder: Path) -> tuple[str, ...]:
    config: dict[str, Any] = read_json(folder / "config.json", {})
    modes = config.get("pooling_mode") or [name for key, name in _LEGACY_POOLING.items() if config.get(key)] or "mean"
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if unknown := set(modes) - POOLING:
        raise ModelError(f"{folder / 'config.json'}: pooling {', '.join(sorted(unknown))} is not known.")
    if config.get("include_prompt") is False:
        raise ModelError(f"{folder / 'config.json'}: include_prompt: false is not supported; use another model.")
    return modes


def first_position(config: Mapping[str, Any]) -> int:
    """The row of the first position in a table of learned ones."""
    return int(config.get("pad_token_id", 1)) + 1 if config.get("model_type") in AFTER_PADDING else 0


def _lengths(folder: Path, config: Mapping[str, Any], bert: Mapping[str, Any], stretch: float) -> tuple[int, int]:
    """The most tokens that the model can see, and its own default, `stretch` times each."""
    positions = (_first(config, _POSITIONS) or _NO_LIMIT) - first_position(config)
    tokenizer = read_json(folder / "tokenizer_config.json", {})
    default = bert.get("max_seq_length") or tokenizer.get("model_max_length") or positions
    return int(positions * stretch), int(min(default, positions, _NO_LIMIT) * stretch)


def _prompt(given: str | None, config: Mapping[str, Any], *names: str) -> str:
    """The option if it was given, else the first of the model's prompts there is, else its default prompt."""
    prompts = config.get("prompts") or {}
    texts = [given, *(prompts.get(name) for name in (*names, config.get("default_prompt_name")))]
    return next((str(text) for text in texts if text is not None), "")


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((int(config[name]) for name in names if config.get(name)), 0)
