"""ColBERT checkpoints: a vector for each token, by a projection that was trained for it.

A question is read as [CLS] [Q] words [SEP], filled up with [MASK] to a fixed length: the model puts there what might
have been asked, too (query expansion). Other tokens do not look at these unless the checkpoint says so. A passage is
read as [CLS] [D] words [SEP]; its punctuation gets no vectors. All vectors have length one.

Two layouts load: that of ColBERTv2 (`artifact.metadata`, with `linear.weight` among the weights) and that of PyLate
(Dense folders named in `modules.json`, markers and lengths in `config_sentence_transformers.json`).

Source: arXiv 2004.12832, section 3.2; stanford-futuredata/ColBERT, colbert/modeling/tokenization and colbert.py;
lightonai/pylate, pylate/models/colbert.py.
"""

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import cache
from rag.errors import ModelError
from rag.models.encoder import TextEncoder
from rag.models.files import inside, locate, read_json, refuse_code, weights
from rag.models.pooling import Hidden, Mask, Projection, normalize
from rag.models.spec import SHAPING, ModelSpec, first_position
from rag.models.tensors import mapped
from rag.types import Vectors

METADATA, HEAD = "artifact.metadata", "linear.weight"
PUNCTUATION = tuple(string.punctuation)


@dataclass(frozen=True, slots=True, eq=False)
class ColbertSpec:
    """A checkpoint as read. Lengths count markers and special tokens; tokens that are `skipped` get no vectors."""

    model: ModelSpec
    projections: tuple[Projection, ...]
    query_marker: str
    document_marker: str
    query_tokens: int
    mask: str
    skipped: tuple[str, ...] = PUNCTUATION
    expand: bool = True
    attend: bool = False

    @property
    def dim(self) -> int:
        """Columns of a token's vector."""
        return len(self.projections[-1].weight)

    @property
    def fingerprint(self) -> str:
        """Of everything that shapes a passage's vectors."""
        folder = self.model.folder
        files = [*weights(folder), *(folder / name for name in SHAPING)]
        sums = [[path.name, cache.sha256(path)] for path in files if path.is_file()]
        heads = [
            [sha256(np.ascontiguousarray(one.weight).tobytes()).hexdigest(), np.asarray(one.bias).tolist()]
            for one in self.projections
        ]
        facts = ["colbert 1", sums, heads, self.document_marker, self.model.max_tokens, self.skipped]
        return sha256(json.dumps(facts).encode()).hexdigest()


def read(model: str, *, max_tokens: int) -> ColbertSpec:
    """A checkpoint's files; passages are read up to `max_tokens`, its marker included. Raises ModelError."""
    root = locate(model)
    refuse_code(root)
    if (root / METADATA).is_file():
        return _read_colbert(model, root, max_tokens)
    modules: list[Any] = read_json(root / "modules.json", [])
    parts = [(str(one.get("type")), inside(root, str(one.get("path", "")))) for one in modules]
    heads = [folder for kind, folder in parts if kind.endswith(".Dense")]
    if not heads:
        raise ModelError(
            f"{root}: no ColBERT checkpoint: it has neither {METADATA} nor a modules.json that names a Dense folder. "
            "Leave out `embed.token_model`: `tokens: true` alone takes the token vectors of `model`."
        )
    facts: dict[str, Any] = read_json(root / "config_sentence_transformers.json", {})
    words = facts.get("skiplist_words")
    return ColbertSpec(
        _spec(model, parts[0][1], max_tokens),
        tuple(Projection.load(folder) for folder in heads),
        query_marker=str(facts.get("query_prefix", "[Q] ")),
        document_marker=str(facts.get("document_prefix", "[D] ")),
        query_tokens=int(facts.get("query_length") or 32),
        mask=_mask(parts[0][1]),
        skipped=PUNCTUATION if words is None else tuple(map(str, words)),
        expand=facts.get("do_query_expansion") is not False,
        attend=bool(facts.get("attend_to_expansion_tokens")),
    )


def _read_colbert(model: str, root: Path, max_tokens: int) -> ColbertSpec:
    facts: dict[str, Any] = read_json(root / METADATA, {})
    tensors = mapped(weights(root)[0])
    if HEAD not in tensors:
        raise ModelError(f"{root}: no tensor {HEAD}, the projection of a ColBERT checkpoint; fetch it again.")
    return ColbertSpec(
        _spec(model, root, max_tokens),
        (Projection(tensors[HEAD].astype(np.float32), np.float32(0), "Identity"),),
        query_marker=str(facts.get("query_token_id") or "[unused0]"),
        document_marker=str(facts.get("doc_token_id") or "[unused1]"),
        query_tokens=int(facts.get("query_maxlen") or 32),
        mask=_mask(root),
        skipped=PUNCTUATION if facts.get("mask_punctuation", True) else (),
        attend=bool(facts.get("attend_to_mask_tokens")),
    )


def _spec(name: str, folder: Path, max_tokens: int) -> ModelSpec:
    config: dict[str, Any] = read_json(folder / "config.json", {})
    hidden = int(config.get("hidden_size") or config.get("dim") or 0)
    if not hidden:
        raise ModelError(f"{folder / 'config.json'}: no hidden_size; this is no encoder.")
    positions = int(config.get("max_position_embeddings") or max_tokens) - first_position(config)
    return ModelSpec(
        name=name, folder=folder, config=config, hidden=hidden, dim=hidden, max_tokens=min(max_tokens, positions),
        query_prefix="", document_prefix="",
    )  # fmt: skip


def _mask(folder: Path) -> str:
    """The token that fills a question up."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        found = read_json(folder / name, {}).get("mask_token")
        if found := found.get("content") if isinstance(found, dict) else found:
            return str(found)
    raise ModelError(f"{folder / 'tokenizer_config.json'}: no mask_token, with which questions are filled up.")


@dataclass(frozen=True, eq=False)
class ColbertEncoder:
    """A checkpoint ready to run; `encoder` gives its token vectors before the projection."""

    spec: ColbertSpec
    encoder: TextEncoder

    def vectors(self, texts: Sequence[str], *, query: bool) -> list[Vectors]:
        """Of each text the vectors (tokens, dim) that MaxSim compares, in order."""
        spec = self.spec
        marker = spec.query_marker if query else spec.document_marker
        limit = spec.query_tokens if query else spec.model.max_tokens
        rows = [self._row(encoding.ids, marker, limit) for encoding in self.encoder.tokenize(texts)]
        if query and spec.expand:
            rows = [row + [self._id(spec.mask)] * (limit - len(row)) for row in rows]
        found: list[Vectors] = [np.empty((0, spec.dim), np.float32)] * len(rows)
        for batch, hidden, mask in replace(self.encoder, forward=self._forward).hidden(rows):
            for i, padded, real in zip(batch, hidden, mask, strict=True):
                vectors = padded[real][[query or id not in self._skipped for id in rows[i]]]
                for project in spec.projections:
                    vectors = project(vectors)
                found[i] = normalize(vectors)
        return found

    def _row(self, ids: Sequence[int], marker: str, limit: int) -> list[int]:
        """A text's tokens with its marker behind the first, cut before the last."""
        row = [ids[0], *([self._id(marker)] if marker else []), *ids[1:]]
        return row if len(row) <= limit else [*row[: limit - 1], ids[-1]]

    def _forward(self, ids: NDArray[np.int64], mask: Mask) -> Hidden:
        """The model, in which no token looks at what fills a question up: it stands behind the last one."""
        if self.spec.attend:
            return self.encoder.forward(ids, mask)
        filled = (ids == self._id(self.spec.mask)) | ~mask
        behind = np.logical_and.accumulate(filled[:, ::-1], axis=1)[:, ::-1]
        return self.encoder.forward(ids, ~behind)

    def _id(self, token: str) -> int:
        found: int | None = self.encoder.whole_tokenizer.token_to_id(token)
        if found is None:
            raise ModelError(f"{self.spec.model.folder}: its tokenizer has no token {token!r}, which marks its texts.")
        return found

    @cached_property
    def _skipped(self) -> frozenset[int]:
        ids = map(self.encoder.whole_tokenizer.token_to_id, self.spec.skipped)
        return frozenset(id for id in ids if id is not None)
