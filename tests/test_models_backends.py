"""Two backends, one embedder: small random models of every kind, run by both and by the libraries they follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError, ModelError
from rag.models.files import locate
from rag.models.onnx_backend import text_encoder
from rag.models.spec import TABLE, read
from rag.models.variant import Variant
from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Vectors

WORDS = "lumen router halvorsen optik makes soup in tarnvik the a of building query passage :".split()
TEXTS = ["lumen makes the router", "", "soup", "the soup of tarnvik in a building of halvorsen optik", "unknown"]
SIZES: dict[str, Any] = {
    "vocab_size": 4 + len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
    "initializer_range": 0.5,  # large, so that texts differ much
}
SMALL_DISTILBERT = {
    "vocab_size": SIZES["vocab_size"],
    "dim": 16,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 24,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
    "initializer_range": 0.5,
}


def bert() -> Any:
    return transformers.BertModel(transformers.BertConfig(**SIZES))


def headed_roberta() -> Any:
    return transformers.RobertaForMaskedLM(transformers.RobertaConfig(**SIZES))


def xlm_roberta() -> Any:
    return transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**SIZES))


def distilbert() -> Any:
    return transformers.DistilBertModel(transformers.DistilBertConfig(**SMALL_DISTILBERT))


def qwen() -> Any:
    return transformers.Qwen2Model(transformers.Qwen2Config(**SIZES, num_key_value_heads=2))


def t5() -> Any:
    config = transformers.T5Config(
        vocab_size=SIZES["vocab_size"], d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4, pad_token_id=1
    )
    return transformers.T5ForConditionalGeneration(config)


def saved(folder: Path, make: Callable[[], Any]) -> Path:
    """A random model and a word tokenizer, as `save_pretrained` writes them."""
    torch.manual_seed(7)
    make().save_pretrained(folder)
    vocabulary = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
    rules = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    rules.pre_tokenizer = pre_tokenizers.Whitespace()
    rules.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    fast: Any = transformers.PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=rules, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    tokenizer.save_pretrained(folder)
    return folder


def dense(embedder: Embedder, texts: list[str]) -> Vectors:
    vectors = embedder.embed_queries(texts).dense
    assert vectors is not None
    return vectors


@pytest.mark.parametrize("backend", [OnnxEmbedder, TransformersEmbedder])
def test_a_small_model_reads_questions_for_the_documents_of_a_large_one(tmp_path: Path, backend: Any) -> None:
    large, small = str(saved(tmp_path / "large", bert)), str(saved(tmp_path / "small", distilbert))
    pair = backend(model=large, query_model=small)
    assert np.array_equal(dense(pair, TEXTS), dense(backend(model=small), TEXTS))
    text = Chunked(Document("d", "d", TEXTS[0]), (Chunk("c", "d", TEXTS[0], 0, len(TEXTS[0]), "d"),))
    alone = backend(model=large)
    assert np.array_equal(pair.embed_chunks([text]).dense, alone.embed_chunks([text]).dense)
    assert pair.fingerprint == alone.fingerprint  # so that the index stays
    with pytest.raises(ConfigError, match="query_model: 'bundled' gives 384 columns"):
        backend(model=large, query_model="bundled").embed_queries(TEXTS)


@pytest.mark.parametrize("make", [bert, headed_roberta, xlm_roberta, distilbert])
def test_both_backends_give_the_same_vectors(tmp_path: Path, make: Callable[[], Any]) -> None:
    folder = str(saved(tmp_path / "model", make))
    ours, torchs = OnnxEmbedder(model=folder), TransformersEmbedder(model=folder, device="cpu")
    assert np.abs(dense(ours, TEXTS) - dense(torchs, TEXTS)).max() < 1e-5
    for one, other in zip(ours.token_vectors(TEXTS), torchs.token_vectors(TEXTS), strict=True):
        assert np.abs(one - other).max() < 1e-5
    assert ours.fingerprint == torchs.fingerprint
    similar = dense(ours, TEXTS) @ dense(ours, TEXTS).T
    assert similar.min() < 0.9  # the texts are told apart


@pytest.mark.parametrize("make", [qwen, t5])
def test_other_architectures_say_which_backend_runs_them(tmp_path: Path, make: Callable[[], Any]) -> None:
    folder = str(saved(tmp_path / "model", make))
    with pytest.raises(ModelError, match=r"its architecture is (qwen2|t5).*use: transformers"):
        dense(OnnxEmbedder(model=folder), TEXTS)
    assert dense(TransformersEmbedder(model=folder, device="cpu"), TEXTS).shape == (len(TEXTS), 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"num_hidden_layers": 1}, "layer.1.* is one too many"),
        ({"num_hidden_layers": 3}, "layer.2.* is missing"),
    ],
)
def test_a_model_the_graph_would_compute_otherwise_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = saved(tmp_path / "model", bert)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=message):
        dense(OnnxEmbedder(model=str(folder)), TEXTS)


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", bert)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ModelError, match=r"its weights lack encoder\.layer\.2"):
        dense(TransformersEmbedder(model=str(folder), device="cpu"), TEXTS)


def sentence_transformer(folder: Path, make: Callable[[], Any]) -> Path:
    """The model with pooling, projection, unit length and prompts in sentence-transformers' files."""
    saved(folder, make)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense", "Normalize": "3_Normalize"}
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds.items())
    ]
    pooling = {"word_embedding_dimension": 16, "pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": True}
    projection = {
        "in_features": 32,
        "out_features": 6,
        "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }
    prompts = {"prompts": {"query": "query : ", "document": "passage : "}, "default_prompt_name": None}
    files = {
        "modules.json": listed,
        "1_Pooling/config.json": pooling,
        "2_Dense/config.json": projection,
        "sentence_bert_config.json": {"max_seq_length": 10, "do_lower_case": True},
        "config_sentence_transformers.json": prompts,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    (folder / "3_Normalize").mkdir()
    random = np.random.default_rng(7)
    weight = random.normal(size=(6, 32)).astype(np.float32)
    save_file({"linear.weight": weight, "linear.bias": weight[:, 0].copy()}, folder / "2_Dense" / "model.safetensors")
    return folder


def test_last_token_pooling_takes_the_last_real_token(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", qwen)
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"type": "sentence_transformers.models.Transformer", "path": ""},
                {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
            ]
        )
    )
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "lasttoken"}))
    ours = dense(TransformersEmbedder(model=str(folder), device="cpu"), TEXTS)
    model = transformers.AutoModel.from_pretrained(folder)
    tokenizer = transformers.TokenizersBackend.from_pretrained(folder)
    for text, row in zip(TEXTS, ours, strict=True):
        with torch.inference_mode():
            alone = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state
        assert np.abs(alone[0, -1].numpy() - row).max() < 1e-5


def test_lower_precision_is_near_and_another_fingerprint(tmp_path: Path) -> None:
    folder = str(saved(tmp_path / "model", bert))
    full, half = (
        TransformersEmbedder(model=folder, device="cpu"),
        TransformersEmbedder(model=folder, device="cpu", dtype="bfloat16"),
    )
    assert 0 < np.abs(dense(full, TEXTS) - dense(half, TEXTS)).max() < 0.1
    assert full.fingerprint != half.fingerprint


@pytest.mark.parametrize("make", [bert, headed_roberta])
def test_half_precision_weights_are_computed_with_in_full(tmp_path: Path, make: Callable[[], Any]) -> None:
    full, half = str(saved(tmp_path / "full", lambda: make().half().float())), str(tmp_path / "half")
    saved(tmp_path / "half", lambda: make().half())
    assert np.array_equal(dense(OnnxEmbedder(model=full), TEXTS), dense(OnnxEmbedder(model=half), TEXTS))
    one, other = (dense(TransformersEmbedder(model=folder, device="cpu"), TEXTS) for folder in (full, half))
    assert np.array_equal(one, other)
    assert np.abs(one - dense(OnnxEmbedder(model=full), TEXTS)).max() < 1e-5


def test_encoders_of_one_model_share_its_network_unless_something_is_otherwise(tmp_path: Path) -> None:
    folder = str(saved(tmp_path / "model", bert))
    shared, again = (text_encoder(read(folder, max_tokens=n), batch_tokens=64) for n in (8, 16))
    assert shared.forward is again.forward
    change = {TABLE: np.zeros((SIZES["vocab_size"], 16), np.float32)}
    assert text_encoder(read(folder), batch_tokens=64, difference=change).forward is not shared.forward
    assert text_encoder(read(folder, variant=Variant(layers=1)), batch_tokens=64).forward is not shared.forward
    embedder = OnnxEmbedder(model=folder)
    before = dense(embedder, TEXTS)
    torch.manual_seed(8)
    bert().save_pretrained(tmp_path / "model")  # replaced, not overwritten: what is loaded stays as it is
    assert np.array_equal(dense(embedder, TEXTS), before)
    assert not np.allclose(dense(OnnxEmbedder(model=folder), TEXTS), before)


def test_a_difference_to_the_vocabulary_fits_half_precision_weights(tmp_path: Path) -> None:
    embedder = OnnxEmbedder(model=str(saved(tmp_path / "model", lambda: bert().half())))
    change = {TABLE: np.zeros((SIZES["vocab_size"], 16), np.float32)}
    change[TABLE][4, 0] = 1  # "lumen", which is in the first text
    tuned = embedder.tune(change, fingerprint=embedder.fingerprint, max_tokens=40)
    moved = np.abs(tuned(TEXTS) - dense(embedder, TEXTS)).max(axis=1)
    assert moved[0] > 1e-3 and moved[1:].max() < 1e-6


def test_a_device_that_is_not_there_is_an_option_error(tmp_path: Path) -> None:
    folder = str(saved(tmp_path / "model", bert))
    with pytest.raises(ConfigError, match=r"embed\.device: 'abacus'"):
        dense(TransformersEmbedder(model=folder, device="abacus"), TEXTS)


def test_a_damaged_weights_file_is_a_model_error(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", bert)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-64])
    for embedder in (OnnxEmbedder(model=str(folder)), TransformersEmbedder(model=str(folder), device="cpu")):
        with pytest.raises(ModelError, match="model"):
            dense(embedder, TEXTS)


def test_the_bundled_model_is_the_same_in_both() -> None:
    texts = ["The router in building 4 is a Lumen K2.", "", "soup " * 400]
    assert np.abs(dense(OnnxEmbedder(), texts) - dense(TransformersEmbedder(device="cpu"), texts)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_vectors_equal_those_of_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [f"{text} {n}" * n for n, text in enumerate([*TEXTS, "Ünïcode 東京 \U0001f469", "\t"], 1)] + ["soup " * 400]
    full = {"dtype": torch.float32}
    reference = SentenceTransformer(str(locate("bundled")), device="cpu", model_kwargs=full).encode(texts)
    assert np.abs(dense(OnnxEmbedder(), texts) - reference).max() < 1e-5
    assert np.abs(dense(TransformersEmbedder(device="cpu"), texts) - reference).max() < 1e-5

    for make in (bert, headed_roberta):
        folder = str(sentence_transformer(tmp_path / make.__name__, make))
        model = SentenceTransformer(folder, device="cpu")
        for embedder in (OnnxEmbedder(model=folder), TransformersEmbedder(model=folder, device="cpu")):
            assert embedder.dim == 6
            assert np.abs(dense(embedder, texts) - model.encode_query(texts)).max() < 1e-5
            passages = OnnxEmbedder(model=folder, query_prefix="passage : ")
            assert np.abs(dense(passages, texts) - model.encode_document(texts)).max() < 1e-5
