"""ColBERT checkpoints of both layouts against the reference's steps in torch; their width in the stores."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError, ModelError
from rag.rerank.maxsim import MaxSimReranker, maxsim
from rag.stages import Store
from rag.store.edge import EdgeStore
from rag.store.qdrant import QdrantStore
from rag.testing import make_chain, make_chunks
from rag.types import Embeddings, Hit, Query, Vectors
from tests.test_models_backends import TEXTS, bert, saved

WIDTH, LENGTH = 6, 12
QUESTIONS = [
    "the query : of halvorsen",
    "soup",
    "",
    "unknown soup",
    "a router of the building in tarnvik makes soup in a building",
]


def checkpoint(folder: Path, layout: str, **facts: Any) -> str:
    """A random BERT with a projection, a question's marker "query", a passage's "passage", filled up with "<unk>"."""
    saved(folder, bert)
    torch.manual_seed(3)
    weight = torch.nn.Linear(16, WIDTH, bias=False).weight.detach()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"mask_token": "<unk>"}))
    if layout == "colbert":
        save_file(load_file(folder / "model.safetensors") | {"linear.weight": weight}, folder / "model.safetensors")
        known = {"query_token_id": "query", "doc_token_id": "passage", "query_maxlen": LENGTH}
        (folder / "artifact.metadata").write_text(json.dumps(known | facts))
        return str(folder)
    (folder / "1_Dense").mkdir()
    save_file({"linear.weight": weight}, folder / "1_Dense" / "model.safetensors")
    dense = {"in_features": 16, "out_features": WIDTH, "activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "1_Dense" / "config.json").write_text(json.dumps(dense))
    kinds = {"": "sentence_transformers.models.Transformer", "1_Dense": "pylate.models.Dense.Dense"}
    modules = [{"path": path, "type": kind} for path, kind in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    known = {"query_prefix": "query", "document_prefix": "passage", "query_length": LENGTH}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(known | facts))
    return str(folder)


def by_reference(folder: str, text: str, *, query: bool, attend: bool = False) -> Vectors:
    """stanford-futuredata/ColBERT: `QueryTokenizer` and `DocTokenizer.tensorize`, `ColBERT.query` and `.doc`."""
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    torch.manual_seed(3)
    linear = torch.nn.Linear(16, WIDTH, bias=False)
    length = LENGTH if query else 100
    ids = tokenizer(f". {text}", truncation=True, max_length=length)["input_ids"]  # "." keeps a place for the marker
    ids[1] = tokenizer.convert_tokens_to_ids("query" if query else "passage")
    missing = LENGTH - len(ids) if query else 0
    mask = [1] * len(ids) + [int(attend)] * missing
    ids = ids + [tokenizer.convert_tokens_to_ids("<unk>")] * missing
    with torch.inference_mode():
        hidden = model(input_ids=torch.tensor([ids]), attention_mask=torch.tensor([mask])).last_hidden_state[0]
        vectors = torch.nn.functional.normalize(linear(hidden), dim=1).numpy()
    marks = set(tokenizer.convert_tokens_to_ids(list(string.punctuation))) - {tokenizer.unk_token_id}
    found: Vectors = vectors[[query or id not in marks for id in ids]]
    return found


@pytest.mark.parametrize("backend", [OnnxEmbedder, TransformersEmbedder])
@pytest.mark.parametrize("layout", ["colbert", "pylate"])
def test_vectors_equal_the_reference(tmp_path: Path, layout: str, backend: Any) -> None:
    folder = checkpoint(tmp_path / "model", layout)
    embedder = backend(tokens=True, token_model=folder)
    for texts, query in ((QUESTIONS, True), ([*TEXTS, "soup : the soup"], False)):
        found = embedder.token_vectors(texts, query=query)
        for text, vectors in zip(texts, found, strict=True):
            expected = by_reference(folder, text, query=query)
            assert vectors.shape == expected.shape and np.abs(vectors - expected).max() < 1e-5, text
    assert {len(one) for one in embedder.token_vectors(QUESTIONS, query=True)} == {LENGTH}
    assert len(embedder.token_vectors([":"])[0]) == 3  # no vector for punctuation


def test_a_checkpoint_says_whether_questions_are_filled_up_and_seen(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "seen", "colbert", attend_to_mask_tokens=True)
    [seen] = OnnxEmbedder(tokens=True, token_model=folder).token_vectors(["soup"], query=True)
    assert np.abs(seen - by_reference(folder, "soup", query=True, attend=True)).max() < 1e-5
    assert np.abs(seen - by_reference(folder, "soup", query=True)).max() > 1e-3
    short = checkpoint(tmp_path / "short", "pylate", do_query_expansion=False, skiplist_words=[])
    embedder = OnnxEmbedder(tokens=True, token_model=short)
    assert len(embedder.token_vectors(["soup"], query=True)[0]) == 4 and len(embedder.token_vectors([":"])[0]) == 4


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    plain = str(saved(tmp_path / "plain", bert))
    with pytest.raises(ModelError, match=r"no ColBERT checkpoint.*Leave out `embed\.token_model`"):
        _ = OnnxEmbedder(tokens=True, token_model=plain).fingerprint
    with pytest.raises(ModelError, match=r"no token '\[Q\]', which marks"):
        folder = checkpoint(tmp_path / "unmarked", "colbert", query_token_id="[Q]")
        OnnxEmbedder(tokens=True, token_model=folder).token_vectors(["soup"], query=True)
    with pytest.raises(ConfigError, match="say `tokens: true`"):
        OnnxEmbedder(token_model=plain)


@pytest.mark.parametrize("engine", ["edge", "qdrant"])
def test_stores_keep_tokens_of_their_own_width_and_maxsim_reads_them(tmp_path: Path, engine: str) -> None:
    model = str(saved(tmp_path / "dense", bert))
    embedder = OnnxEmbedder(model=model, tokens=True, token_model=checkpoint(tmp_path / "tokens", "colbert"))
    assert (embedder.dim, embedder.token_dim) == (16, WIDTH)
    kinds: dict[str, Any] = {"dim": 16, "tokens": True, "token_dim": embedder.token_dim, "sparse": False}
    make: dict[str, Callable[[], Store]] = {
        "edge": lambda: EdgeStore(path=str(tmp_path / "i"), **kinds),
        "qdrant": lambda: QdrantStore(in_memory=True, **kinds),
    }
    store = make[engine]()
    given = embedder.embed_chunks(make_chain())
    assert given.dense is not None and given.tokens is not None and given.tokens[0].shape[1] == WIDTH
    store.write(make_chunks(), Embeddings(given.dense, tokens=given.tokens))
    store.flush()
    question = "the router in tarnvik"
    [tokens] = embedder.token_vectors([question], query=True)
    [found] = store.search([Query(question, tokens=tokens)], k=8, using="tokens")
    by_hand = {c.id: maxsim(tokens, vectors) for c, vectors in zip(make_chunks(), given.tokens, strict=True)}
    assert [hit.score / LENGTH for hit in found] == pytest.approx([by_hand[hit.chunk.id] for hit in found], abs=1e-5)

    hits = [[Hit(chunk, 1.0, hop=i % 3) for i, chunk in enumerate(make_chunks())], [], [Hit(make_chunks()[3], 1.0)]]
    asked = [question, "nothing", "soup"]
    anew = MaxSimReranker(embedder=embedder, weight=9).rerank(asked, hits)
    read: list[int] = []
    encode = OnnxEmbedder.token_vectors

    def counted(self: OnnxEmbedder, texts: Sequence[str], *, query: bool = False) -> list[Vectors]:
        read.extend([len(texts)] * (not query))
        return encode(self, texts, query=query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxEmbedder, "token_vectors", counted)
        stored = MaxSimReranker(embedder=embedder, store=store, weight=9).rerank(asked, hits)
        assert stored == anew and not read  # no passage is read again
        store.delete([make_chunks()[0].id])
        assert MaxSimReranker(embedder=embedder, store=store, weight=9).rerank(asked, hits) == anew and read == [3]
