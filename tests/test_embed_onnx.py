"""The everyday embedder on its bundled model: no torch, order kept, nothing lost to odd texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embed.onnx import OnnxEmbedder
from rag.errors import ConfigError, MismatchError, ModelError
from rag.stages import TokenEmbedder
from rag.types import Chunk, Chunked, Document, Vectors

ONNX = OnnxEmbedder()
TEXTS = [
    "The router in building 4 is a Lumen K2.",
    "",
    "Soup is served until two in the afternoon. " * 60,  # longer than the model sees
    " \n\t",
    "broken \ud800 surrogate",
    "zażółć gęślą jaźń 東京 👩‍👩‍👧",
    "The Lumen K2 is a router made by Halvorsen Optik.",
]


def dense(embedder: OnnxEmbedder, texts: list[str]) -> Vectors:
    vectors = embedder.embed_queries(texts).dense
    assert vectors is not None
    return vectors


def test_the_default_pipelines_embedder_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from rag.embed.onnx import OnnxEmbedder; e = OnnxEmbedder(); e.fingerprint;"
        "light = 'onnxruntime' not in sys.modules; e.embed_queries(['x']); e.token_spans(['x']);"
        "print(light, {'torch', 'transformers', 'onnx'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True set()"


def test_any_text_gets_a_row_of_length_one_the_same_in_any_company() -> None:
    together = dense(ONNX, TEXTS)
    assert together.shape == (len(TEXTS), ONNX.dim)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    alone = np.concatenate([dense(ONNX, [text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-6
    small_batches = dense(OnnxEmbedder(batch_tokens=16), TEXTS)
    assert np.abs(together - small_batches).max() < 1e-6
    assert together[0] @ together[6] > together[0] @ together[2] + 0.2


def test_the_bundled_models_vectors_are_those_of_the_original() -> None:
    with np.load(Path(__file__).parent / "data" / "minilm.npz") as original:
        texts, before = original["texts"].tolist(), original["vectors"]
    after = dense(ONNX, texts)
    assert len(texts) == 20
    assert np.abs(after - before).max() < 2e-3
    assert (1 - (after.astype(np.float64) * before).sum(axis=1)).max() < 1e-5


def test_no_texts_give_no_rows() -> None:
    embeddings = OnnxEmbedder(tokens=True).embed_queries([])
    assert embeddings.dense is not None and embeddings.dense.shape == (0, 384)
    assert embeddings.tokens == []


def test_chunks_are_embedded_with_their_context_and_prefix_in_order() -> None:
    chunks = [Chunk(str(i), "d", f"text {i}", 0, 6, "s", context="Lumen" if i else "") for i in range(3)]
    batch = [Chunked(Document("d", "s", ""), tuple(part)) for part in (chunks[:1], [], chunks[1:])]
    vectors = OnnxEmbedder(document_prefix="passage: ", query_prefix="query: ").embed_chunks(batch).dense
    assert vectors is not None
    expected = dense(ONNX, ["passage: text 0", "passage: Lumen\ntext 1", "passage: Lumen\ntext 2"])
    assert np.abs(vectors - expected).max() < 1e-6
    assert np.abs(dense(OnnxEmbedder(query_prefix="query: "), ["x"]) - dense(ONNX, ["query: x"])).max() < 1e-6


def test_only_as_many_tokens_as_asked_for_are_seen() -> None:
    short = OnnxEmbedder(max_tokens=5)  # with the two special ones
    one, other, third = dense(short, ["red green blue black", "red green blue white", "red green white blue"])
    assert np.array_equal(one, other)
    assert not np.array_equal(one, third)


def test_truncated_vectors_are_the_first_columns_at_length_one() -> None:
    short, whole = OnnxEmbedder(truncate_dim=64), dense(ONNX, TEXTS)[:, :64]
    assert short.dim == 64 and short.fingerprint != ONNX.fingerprint
    assert np.abs(dense(short, TEXTS) - whole / np.linalg.norm(whole, axis=1, keepdims=True)).max() < 1e-6
    with pytest.raises(ConfigError, match=r"embed.truncate_dim: 385 is more than the 384 columns"):
        dense(OnnxEmbedder(truncate_dim=385), TEXTS)


def test_token_vectors_are_of_length_one_and_leave_special_tokens_out() -> None:
    assert isinstance(ONNX, TokenEmbedder)
    rows = OnnxEmbedder(tokens=True).embed_queries(TEXTS).tokens
    assert rows is not None
    direct = ONNX.token_vectors(TEXTS, query=True)
    spans = ONNX.token_spans(TEXTS)
    for text, row, same, span in zip(TEXTS, rows, direct, spans, strict=True):
        assert np.array_equal(row, same)
        assert np.linalg.norm(row, axis=1) == pytest.approx(np.ones(len(row)), abs=1e-5)
        expected = min(len(span), 254) if text.strip() else 2  # a text without tokens keeps the special ones
        assert row.shape == (expected, 384)
    assert ONNX.representations == {"dense"}
    assert OnnxEmbedder(tokens=True).representations == {"dense", "tokens"}


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    [spans] = ONNX.token_spans([text])
    assert spans.shape[1] == 2
    assert ((spans >= 0) & (spans <= len(text))).all()
    assert (spans[:, 0] <= spans[:, 1]).all()
    assert (np.diff(spans[:, 0]) >= 0).all()


def test_spans_are_those_of_the_words_pieces() -> None:
    text = "Lumen \ud800 K2-optics!"
    [spans] = ONNX.token_spans([text])
    assert [text[a:b] for a, b in spans] == ["Lu", "men", "K", "2", "-", "optics", "!"]
    assert len(ONNX.token_spans(["word " * 5000])[0]) == 5000


def test_the_cache_may_be_absent_or_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, fingerprint = dense(ONNX, TEXTS[:1]), OnnxEmbedder(layers=6).fingerprint

    def works() -> None:  # all six layers there are, but a network that no other embedder has loaded
        embedder = OnnxEmbedder(layers=6)
        assert embedder.fingerprint == fingerprint
        assert np.array_equal(dense(embedder, TEXTS[:1]), expected)

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "file" / "nowhere"))
    works()
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    works()
    entries = list((tmp_path / "cache").iterdir())
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:40])
    works()


def test_a_tuned_copy_is_the_model_with_the_difference_added() -> None:
    import torch
    from transformers import AutoTokenizer, BertModel

    from rag.hop.encoder import SHIPPED, load
    from rag.models.files import locate

    shipped = load(SHIPPED)
    facts, difference = shipped.facts, shipped.difference
    read = ONNX.tune(difference, fingerprint=facts["embedder"], max_tokens=int(facts["max_tokens"]))
    texts = ["Where was the maker of the Lumen K2 founded?", "Where? [SEP] Lumen K2\nIt is made by Halvorsen Optik."]
    folder = str(locate("bundled"))
    model = BertModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)  # in evaluation mode
    with torch.no_grad():
        for name, change in difference.items():
            model.get_parameter(name).add_(torch.from_numpy(change))
        batch = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
        mask = batch["attention_mask"][..., None]
        mean = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
        expected = torch.nn.functional.normalize(mean).numpy()
    assert np.abs(read(texts) - expected).max() < 1e-5
    assert np.abs(dense(ONNX, texts) - expected).max() > 0.01


def test_int8_is_near_but_another_embedder_which_trained_weights_fit_all_the_same() -> None:
    rounded = OnnxEmbedder(precision="int8")
    texts = ["Where was the maker of the Lumen K2 founded?", "Soup is served.", "Lumen " * 50]
    found = dense(rounded, texts)
    likeness = (found * dense(ONNX, texts)).sum(1)
    assert 0.99 < likeness.min() and likeness.max() < 1 - 1e-6
    assert np.abs(found - np.concatenate([dense(rounded, [text]) for text in texts])).max() < 1e-5
    assert rounded.fingerprint != ONNX.fingerprint == rounded.exact
    read = rounded.tune({}, fingerprint=ONNX.fingerprint, max_tokens=128, precision="int8")
    assert np.abs(read(texts) - found).max() < 1e-5


def test_a_difference_for_another_model_is_refused() -> None:
    with pytest.raises(MismatchError, match="rag train hop"):
        ONNX.tune({}, fingerprint="another", max_tokens=128)
    wrong = {"encoder.layer.0.output.dense.bias": np.zeros(3, np.float32)}
    with pytest.raises(ModelError, match="fit another model"):
        ONNX.tune(wrong, fingerprint=ONNX.fingerprint, max_tokens=128)
