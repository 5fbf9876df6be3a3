"""BGE-M3's three vectors from one pass, against the definition in torch; which files load; how the store counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file

from rag.config import build, parse
from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError, MismatchError, ModelError
from rag.models.encoder import TextEncoder
from rag.store.edge import EdgeStore
from rag.store.qdrant import QdrantStore
from rag.testing import EmbedderConformance, make_chain
from rag.types import Chunk, Chunked, Document, Query
from tests.test_models_backends import TEXTS, saved, xlm_roberta

BACKENDS = [OnnxEmbedder, TransformersEmbedder]


def m3(folder: Path, *, heads: str = "safetensors") -> dict[str, torch.nn.Linear]:
    """A model in BGE-M3's files; its heads, which are stored as the kind of file that is asked for."""
    saved(folder, xlm_roberta)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    torch.manual_seed(11)
    made = {"sparse_linear": torch.nn.Linear(16, 1), "colbert_linear": torch.nn.Linear(16, 16)}
    torch.nn.init.constant_(made["sparse_linear"].bias, 1)  # so that some weights are positive
    for name, head in made.items():
        state = {key: tensor.detach().half() for key, tensor in head.state_dict().items()}  # as published
        head.load_state_dict(state)
        if heads == "safetensors":
            save_file(state, folder / f"{name}.safetensors")
        else:
            torch.save(state, folder / f"{name}.pt")
    return made


def reference(folder: Path, text: str, heads: dict[str, torch.nn.Linear]) -> tuple[Any, dict[int, float], Any]:
    """FlagEmbedding's definition: the dense vector, the weight of each token id, the token vectors."""
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    with torch.inference_mode():
        encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        hidden = model(**encoded).last_hidden_state[0]
        weights = torch.relu(heads["sparse_linear"](hidden))[:, 0].tolist()
        tokens = torch.nn.functional.normalize(heads["colbert_linear"](hidden[1:]), dim=1).numpy()
        dense = torch.nn.functional.normalize(hidden[0], dim=0).numpy()
    unused = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id}
    lexical: dict[int, float] = {}
    for id, weight in zip(encoded["input_ids"][0].tolist(), weights, strict=True):
        if id not in unused and weight > 0:
            lexical[id] = max(weight, lexical.get(id, 0))
    return dense, lexical, tokens


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_vectors_of_one_pass_equal_their_definition(tmp_path: Path, backend: Any) -> None:
    heads = m3(tmp_path / "m3")
    embedder = backend(model=str(tmp_path / "m3"), tokens=True, sparse=True)
    texts = [*TEXTS, "soup router soup soup </s> unknown soup"]  # one token at several places; special ones in the text
    runs: list[int] = []
    encoder: TextEncoder = embedder._encoder
    forward = encoder.forward

    def counted(ids: Any, mask: Any) -> Any:
        runs.append(int(mask.sum()))
        return forward(ids, mask)

    object.__setattr__(encoder, "forward", counted)
    found = embedder.embed_queries(texts)
    assert sum(runs) == sum(len(encoding.ids) for encoding in encoder.tokenize(texts))  # every token once
    assert found.dense is not None and found.sparse is not None and found.tokens is not None
    compared = 0
    for text, dense, sparse, tokens in zip(texts, found.dense, found.sparse, found.tokens, strict=True):
        expected = reference(tmp_path / "m3", text, heads)
        assert np.abs(dense - expected[0]).max() < 1e-5
        assert dict(zip(sparse.indices.tolist(), sparse.values.tolist(), strict=True)) == pytest.approx(
            expected[1], abs=1e-5
        )
        assert tokens.shape == expected[2].shape and np.abs(tokens - expected[2]).max() < 1e-5
        compared += len(expected[1])
    assert compared > len(texts)  # there is something to compare
    one = embedder.token_vectors(texts[:1], query=True)[0]
    assert np.abs(one - found.tokens[0]).max() < 1e-5  # MaxSim's reranker has the same


def test_chunks_get_what_questions_get(tmp_path: Path) -> None:
    m3(tmp_path / "m3")
    embedder = OnnxEmbedder(model=str(tmp_path / "m3"), tokens=True, sparse=True)
    text = TEXTS[0]
    one = Chunked(Document("d", "d", text), (Chunk("c", "d", text, 0, len(text), "d"),))
    chunks, questions = embedder.embed_chunks([one]), embedder.embed_queries([text])
    assert chunks.sparse and questions.sparse and chunks.tokens and questions.tokens
    assert np.array_equal(chunks.sparse[0].indices, questions.sparse[0].indices)
    assert np.array_equal(chunks.sparse[0].values, questions.sparse[0].values)
    assert np.array_equal(chunks.tokens[0], questions.tokens[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_pickled_heads_are_refused_and_the_advice_works(tmp_path: Path, backend: Any) -> None:
    folder = tmp_path / "m3"
    m3(folder, heads="pt")
    embedder = backend(model=str(folder), tokens=True, sparse=True)
    with pytest.raises(ModelError, match=r"colbert_linear\.pt: a pickle.*make colbert_linear\.safetensors"):
        _ = embedder.fingerprint
    with pytest.raises(ModelError, match=r"colbert_linear\.pt: a pickle"):
        embedder.token_vectors(["soup"])
    with pytest.raises(ModelError, match=r"sparse_linear\.pt: a pickle") as caught:
        backend(model=str(folder), sparse=True).embed_queries(["soup"])
    assert backend(model=str(folder)).embed_queries(["soup"]).dense.shape == (1, 16)  # which needs no head

    [code] = str(caught.value).split('"')[1::2]  # what the message says to run in the folder
    for name in ("sparse_linear", "colbert_linear"):
        exec(code.replace("sparse_linear", str(folder / name)), {})
    m3(tmp_path / "other")
    texts = TEXTS[:3]
    converted, other = (
        one.embed_queries(texts) for one in (embedder, backend(model=str(tmp_path / "other"), tokens=True, sparse=True))
    )
    assert all(np.array_equal(a, b) for a, b in zip(converted.tokens, other.tokens, strict=True))


def test_a_model_without_heads_says_what_to_use(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", xlm_roberta)
    with pytest.raises(ModelError, match=r"embed\.sparse: .* has no sparse_linear\.safetensors.*use: bm25"):
        OnnxEmbedder(model=str(folder), sparse=True).embed_queries(["soup"])
    save_file({"weight": torch.zeros(1, 8), "bias": torch.zeros(1)}, folder / "sparse_linear.safetensors")
    with pytest.raises(ModelError, match=r"sparse_linear\.safetensors: weight \(1, 8\) .* no head of .* 16 columns"):
        OnnxEmbedder(model=str(folder), sparse=True).embed_queries(["soup"])
    wrongs: list[dict[str, Any]] = [{"late": 0.5}, {"query_model": "bundled"}]
    for wrong in wrongs:
        with pytest.raises(ConfigError, match="leave out `tokens`, `sparse`"):
            OnnxEmbedder(model=str(folder), sparse=True, **wrong)


def test_heads_count_for_the_fingerprint_where_they_are_used(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    m3(one)
    m3(other)
    save_file({"weight": torch.ones(1, 16), "bias": torch.zeros(1)}, other / "sparse_linear.safetensors")
    uses: list[dict[str, Any]] = [{}, {"tokens": True}, {"sparse": True}, {"tokens": True, "sparse": True}]
    assert len({OnnxEmbedder(model=str(one), **use).fingerprint for use in uses}) == 4
    changed = [
        OnnxEmbedder(model=str(one), **use).fingerprint != OnnxEmbedder(model=str(other), **use).fingerprint
        for use in uses
    ]
    assert changed == [False, False, True, True]
    assert (
        TransformersEmbedder(model=str(one), sparse=True).fingerprint
        == OnnxEmbedder(model=str(one), sparse=True).fingerprint
    )


def test_learned_weights_are_not_multiplied_by_idf(tmp_path: Path) -> None:
    folder = tmp_path / "m3"
    m3(folder)
    embed = f"embed: {{use: onnx, model: {folder}, sparse: true}}"
    text = (
        (Path(__file__).parent / "tiny.yaml")
        .read_text()
        .replace("size: 60", "size: 20, context: none")
        .replace("embed: {use: hashing}", embed)
    )
    with pytest.raises(ConfigError, match=r"sparse: embed makes sparse vectors itself"):
        build(parse(text, name="p", origin="p.yaml"))
    config = parse(text.replace("sparse: {use: bm25}\n", ""), name="p", origin="p.yaml")
    stages = build(config, path=str(tmp_path / "index"), readonly=False)
    batch = make_chain()
    embeddings = stages.embedder.embed_chunks(batch)
    chunks = [chunk for item in batch for chunk in item.chunks]
    stages.store.write(chunks, embeddings)
    stages.store.flush()
    assert embeddings.sparse is not None
    asked = next(one for one in embeddings.sparse if len(one.indices))
    [hits] = stages.store.search([Query("q", sparse=asked)], k=len(chunks), using="sparse")
    by_id = {chunk.id: sparse for chunk, sparse in zip(chunks, embeddings.sparse, strict=True)}
    assert hits
    for hit in hits:  # the dot product as it is
        own = by_id[hit.chunk.id]
        _, a, b = np.intersect1d(asked.indices, own.indices, return_indices=True)
        assert hit.score == pytest.approx(float(asked.values[a] @ own.values[b]), abs=1e-5)


@pytest.mark.parametrize("engine", ["edge", "qdrant"])
def test_how_sparse_values_count_is_a_property_of_the_index(tmp_path: Path, engine: str) -> None:
    def store(idf: bool) -> Any:
        return (
            EdgeStore(path=str(tmp_path), dim=4, idf=idf)
            if engine == "edge"
            else QdrantStore(in_memory=True, dim=4, idf=idf)
        )

    first = store(False)
    first.ids()
    if engine == "qdrant":
        other = store(True)
        other.__dict__["_door"] = first._door  # the same server
        with pytest.raises(MismatchError, match=r"'sparse': 'as given'\}, this pipeline needs .*'with idf'"):
            other.ids()
        return
    first.close()
    with pytest.raises(MismatchError, match=r"'sparse': 'as given'\}, this pipeline needs .*'with idf'"):
        store(True).ids()
    assert store(False).ids() == set()


def test_what_a_pipeline_builds_follows_the_embedder() -> None:
    assert Bm25().idf and HybridEmbedder(dense=OnnxEmbedder(), sparse=Bm25()).idf
    assert not HybridEmbedder(dense=OnnxEmbedder(), sparse=OnnxEmbedder(sparse=True)).idf


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, tmp_path: Path) -> OnnxEmbedder:
        m3(tmp_path / "m3")
        return OnnxEmbedder(model=str(tmp_path / "m3"), tokens=True, sparse=True)
