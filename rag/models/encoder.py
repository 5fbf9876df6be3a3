"""Texts to vectors, whatever runs the network: tokenise, batch, run, pool.

A backend is one function from token ids and their mask to token vectors; all else is the same for every backend, so
two backends of one model differ by rounding only. Everything given in one call is tokenised at once and sorted by
length. Lone surrogates, which no tokenizer takes, count as U+FFFD.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer, normalizers

from rag.errors import ConfigError, ModelError
from rag.models.batching import Forward, Output, run_batches
from rag.models.files import LEXICAL, MULTI
from rag.models.pooling import Mask, Projection, load_head, normalize, pool, sparse_vector
from rag.models.spec import ModelSpec
from rag.types import Chunked, Embeddings, Spans, Sparse, Vectors

Wrapped = tuple[str, str, str]  # what stands before a text, the text, what stands after it
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """A model ready to run: `forward` gives a batch its token vectors, `workers` batches at a time.

    `tokenizer` makes a new copy of the model's own at every call; this class sets how it pads and truncates.
    `projections` follow pooling in a model without Dense modules, and are added to what they get where `residual`;
    `before` counts the vectors before every text. Pooling leaves out what stands before the first token `colon`, and
    itself, where that is not None: the instruction.
    """

    spec: ModelSpec
    tokenizer: Callable[[], Tokenizer]
    forward: Forward
    batch_tokens: int
    workers: int = 1
    projections: Sequence[Projection] = ()
    residual: bool = False
    before: int = 0
    colon: int | None = None

    def embed_chunks(self, batch: Sequence[Chunked], *, tokens: bool, sparse: bool = False) -> Embeddings:
        """Context and text of every chunk, behind the document prefix; token vectors, token weights if asked for."""
        return self._embed(self._documents(batch), tokens=tokens, sparse=sparse)

    def embed_queries(self, texts: Sequence[str], *, tokens: bool, sparse: bool = False) -> Embeddings:
        """Every text behind the query prefix; token vectors, token weights if asked for."""
        return self._embed(self._wrap(texts, query=True), tokens=tokens, sparse=sparse)

    def vectors(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """The dense vectors (n, dim) of texts, each behind the document prefix or that of a query."""
        return _dense(self._embed(self._wrap(texts, query=query)))

    def vectors_of(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """The dense vectors (n, dim) of rows of token ids, which are read as they are.

        Raises ConfigError for one that is longer than the model sees.
        """
        if (longest := max(map(len, ids), default=0)) > self.spec.max_tokens:
            raise ConfigError(
                f"embed: a prompt of {longest} tokens is more than the {self.spec.max_tokens} that {self.spec.name!r} "
                "sees; show it fewer passages (`feedback`), or raise `embed: {max_tokens: ...}`."
            )
        dense = np.empty((len(ids), self.spec.dim), dtype=np.float32)
        for batch, hidden, mask in self.hidden(ids):
            dense[batch] = self.finish(pool(hidden, mask, self.spec.pooling))
        return dense

    def mix(self, vectors: Vectors, batch: Sequence[Chunked], *, weight: float) -> Embeddings:
        """The chunks' `vectors` by another reading, with this weight, and their plain ones with the rest of it."""
        if weight == 1:
            return Embeddings(dense=vectors)
        plain = _dense(self._embed(self._documents(batch)))
        return Embeddings(dense=normalize(weight * normalize(vectors) + (1 - weight) * normalize(plain)))

    def token_vectors(self, texts: Sequence[str], *, query: bool) -> list[Vectors]:
        """Unit-length vectors (tokens, width) of each text's tokens, those of its prefix included.

        Special tokens are left out unless a text has no other; a model with a head for token vectors has its own way.
        """
        return list(self._embed(self._wrap(texts, query=query), tokens=True).tokens or ())

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        """Character spans (n, 2) of the tokens of each whole text, special tokens left out."""
        found = self.whole_tokenizer.encode_batch(_valid(texts), add_special_tokens=False)
        return [np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) for encoding in found]

    def count_unread(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text, behind the document prefix, are cut off."""
        found = self.whole_tokenizer.encode_batch_fast(_valid(["".join(parts) for parts in self._wrap(texts)]))
        return [max(0, len(encoding) - self.spec.max_tokens) for encoding in found]

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Each text's tokens with special ones, nothing cut off."""
        found: list[Encoding] = self.whole_tokenizer.encode_batch(_valid(texts))
        return found

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's tokens with special ones, behind the document prefix, cut at the model's length."""
        return [encoding.ids for encoding in self._encode(self._wrap(texts))]

    def _wrap(self, texts: Sequence[str], *, query: bool = False) -> list[Wrapped]:
        spec = self.spec
        before, after = (
            (spec.query_prefix, spec.query_suffix) if query else (spec.document_prefix, spec.document_suffix)
        )
        return [(before, text, after) for text in texts]

    def _documents(self, batch: Sequence[Chunked]) -> list[Wrapped]:
        """Context and text of every chunk, its title in the prefix where that has a place for it."""
        prefix, suffix = self.spec.titled_prefix, self.spec.document_suffix
        return [(prefix(chunk.title), chunk.contextual, suffix) for item in batch for chunk in item.chunks]

    def _embed(self, texts: Sequence[Wrapped], *, tokens: bool = False, sparse: bool = False) -> Embeddings:
        """Everything from one pass of the model."""
        dense = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        rows = [np.empty((0, self.spec.hidden), dtype=np.float32)] * len(texts)
        weights = [Sparse(np.empty(0, np.int64), np.empty(0, np.float32))] * len(texts)
        encodings = self._encode(texts)
        for batch, hidden, mask in self.hidden([encoding.ids for encoding in encodings]):
            taken = self._uninstructed(mask, [encodings[i].ids for i in batch])
            dense[batch] = self.finish(pool(hidden, taken, self.spec.pooling))
            for i, padded, real in zip(batch, hidden, mask, strict=True):
                if tokens:
                    rows[i] = self._token_rows(padded[real], encodings[i])
                if sparse:
                    weight = self._lexical(padded[real])[:, 0]
                    weights[i] = sparse_vector(encodings[i].ids, weight, self._special)
        return Embeddings(dense=dense, tokens=rows if tokens else None, sparse=weights if sparse else None)

    def _token_rows(self, vectors: Vectors, encoding: Encoding) -> Vectors:
        """A text's token vectors; a head for them takes all but the first, special ones included."""
        if self._multi:
            return normalize(self._multi(vectors[1:]))
        text = np.array(encoding.special_tokens_mask) == 0
        return normalize(vectors[text] if text.any() else vectors)

    def finish(self, pooled: Vectors) -> Vectors:
        """What the model does after pooling: projection, truncation to `dim` columns, unit length."""
        given = pooled
        for project in self.projections or self._dense:
            pooled = project(pooled)
        if self.residual:
            pooled = pooled + given
        pooled = pooled[:, : self.spec.dim]
        return normalize(pooled) if self.spec.normalise else pooled

    def _uninstructed(self, mask: Mask, ids: Sequence[Sequence[int]]) -> Mask:
        """The mask without each text's instruction; a text that is nothing else keeps its tokens."""
        if self.colon is None:
            return mask
        taken = mask.copy()
        for row, tokens in zip(taken, ids, strict=True):
            end = next((i for i, token in enumerate(tokens) if i and token == self.colon), 0)
            if row[end + 1 :].any():
                row[: end + 1 if end else 0] = False
        return taken

    def _encode(self, texts: Sequence[Wrapped]) -> list[Encoding]:
        valid = _valid(["".join(parts) for parts in texts])
        found: list[Encoding] = self.whole_tokenizer.encode_batch_fast(valid)
        long = [i for i, encoding in enumerate(found) if len(encoding) > self.spec.max_tokens]
        if long:
            short = [self._shorten(*texts[i]) if texts[i][2] else valid[i] for i in long]
            for i, encoding in zip(long, self._cut.encode_batch_fast(short), strict=True):
                found[i] = encoding
        return found

    def _shorten(self, before: str, text: str, after: str) -> str:
        """As much of a text as leaves room for what stands before and after it."""
        [before, text, after] = _valid([before, text, after])
        while text and (excess := len(self.whole_tokenizer.encode(before + text + after)) - self.spec.max_tokens) > 0:
            [spans] = self.token_spans([text])
            text = text[: spans[-excess][0]] if excess < len(spans) else ""
        return before + text + after

    def hidden(self, ids: Sequence[Sequence[int]], *, budget: int | None = None) -> Iterator[Output]:
        """The token vectors of rows of ids, in batches of similar lengths, with the mask of padding."""
        size = budget or self.batch_tokens
        yield from run_batches(
            self.forward, ids, budget=size, pad_id=self.spec.pad_id, workers=self.workers, before=self.before
        )

    @cached_property
    def _dense(self) -> list[Projection]:
        return [Projection.load(folder) for folder in self.spec.dense]

    @cached_property
    def _multi(self) -> Projection | None:
        return load_head(self.spec.folder, MULTI, self.spec.hidden)

    @cached_property
    def _lexical(self) -> Projection:
        if head := load_head(self.spec.folder, LEXICAL, self.spec.hidden):
            return head
        raise ModelError(
            f"embed.sparse: {self.spec.folder} has no {LEXICAL}.safetensors, so {self.spec.name!r} makes no sparse "
            "vectors; leave out `sparse`, and say `sparse: {use: bm25}` beside `embed`."
        )

    @cached_property
    def _special(self) -> NDArray[np.int64]:
        """Ids of tokens that stand for no text."""
        added = self.whole_tokenizer.get_added_tokens_decoder()
        return np.array([id for id, token in added.items() if token.special], np.int64)

    @cached_property
    def whole_tokenizer(self) -> Tokenizer:
        """Neither pads nor truncates. Encoders share it: it must not be changed."""
        return _shared_tokenizer(self.tokenizer, self.spec.lowercase)

    @cached_property
    def _cut(self) -> Tokenizer:
        """Truncates at the model's length."""
        tokenizer = _plain_tokenizer(self.tokenizer, self.spec.lowercase)
        tokenizer.enable_truncation(self.spec.max_tokens)
        return tokenizer


def _plain_tokenizer(make: Callable[[], Tokenizer], lowercase: bool) -> Tokenizer:
    tokenizer = make()
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if lowercase:
        rules = [normalizers.Lowercase(), *([tokenizer.normalizer] if tokenizer.normalizer else [])]
        tokenizer.normalizer = normalizers.Sequence(rules)
    return tokenizer


_shared_tokenizer = lru_cache(4)(_plain_tokenizer)  # one of 30,000 words takes 20 ms to load


def _dense(found: Embeddings) -> Vectors:
    assert found.dense is not None  # a text encoder makes them always
    return found.dense


def _valid(texts: Sequence[str]) -> list[str]:
    return [_SURROGATES.sub("\ufffd", text) for text in texts]
