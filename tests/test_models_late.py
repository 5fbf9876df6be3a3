"""Late chunking against a direct computation in torch, and what must hold for any text and any cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.embed.bm25 import Bm25
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError
from rag.stages import WindowEmbedder
from rag.testing import EmbedderConformance
from rag.types import Chunk, Chunked, Document, Vectors
from tests.test_models_backends import bert, qwen, saved

TEXT = "lumen makes the router . soup of tarnvik in a building . the query of halvorsen optik makes soup"
SPANS = [(0, 24), (25, 56), (57, len(TEXT))]
Spans = Sequence[tuple[int, int]]


def cut(text: str, spans: Spans, *, context: str = "", title: str = "") -> Chunked:
    chunks = (Chunk(f"{a}:{b}", "d", text[a:b], a, b, "s", title, context) for a, b in spans)
    return Chunked(Document("d", "s", text, title), tuple(chunks))


def late(embedder: OnnxEmbedder | TransformersEmbedder, *batch: Chunked) -> Vectors:
    vectors = embedder.embed_chunks(batch).dense
    assert vectors is not None
    return vectors


def pooled_by(folder: Path, mode: str) -> str:
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": mode}))
    return str(folder)


def reference(folder: str, text: str, spans: Spans, tokens: Callable[[Any, int, int], list[int]]) -> Vectors:
    """One run of the model over the whole text; of each span the mean of the token vectors named by `tokens`."""
    model: Any = transformers.AutoModel.from_pretrained(folder)
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, return_tensors="pt")
    with torch.inference_mode():
        ids, mask = encoded["input_ids"], encoded["attention_mask"]
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state[0]
    rows = [hidden[tokens(encoded, *span)].mean(0) for span in spans]
    return np.stack([torch.nn.functional.normalize(row, dim=0).numpy() for row in rows])


def own(encoded: Any, start: int, end: int) -> list[int]:
    """The tokens of a span, as algorithm 1 of arXiv 2409.04701 takes them."""
    facts = zip(encoded["offset_mapping"][0].tolist(), encoded["special_tokens_mask"][0].tolist(), strict=True)
    return [i for i, ((a, b), special) in enumerate(facts) if not special and a < end and b > start]


def last(encoded: Any, start: int, end: int) -> list[int]:
    """The last token of a span; of the text's last span, that of the text."""
    text = own(encoded, 0, len(TEXT))
    found = max(i for i in own(encoded, start, end) if i in text)
    return [found + 1 if found == max(text) else found]


@pytest.mark.parametrize("backend", [OnnxEmbedder, TransformersEmbedder])
@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_spans_get_the_mean_of_their_tokens_in_the_whole_text(tmp_path: Path, backend: Any, mode: str) -> None:
    folder = pooled_by(saved(tmp_path / "model", bert), mode)
    expected = reference(folder, TEXT, SPANS, own)
    assert np.abs(late(backend(model=folder, late=1), cut(TEXT, SPANS)) - expected).max() < 1e-5
    alone = late(backend(model=folder), cut(TEXT, SPANS))
    assert (expected * alone).sum(axis=1).max() < 0.999  # context makes a difference


def test_a_causal_models_span_has_its_last_token(tmp_path: Path) -> None:
    folder = pooled_by(saved(tmp_path / "model", qwen), "lasttoken")
    embedder = TransformersEmbedder(model=folder, device="cpu", late=1)
    assert np.abs(late(embedder, cut(TEXT, SPANS)) - reference(folder, TEXT, SPANS, last)).max() < 1e-5
    longer = cut(TEXT + " a a", SPANS)  # what follows has not been read
    assert np.abs(late(embedder, longer)[:2] - late(embedder, cut(TEXT, SPANS))[:2]).max() < 1e-6


def test_title_prefix_and_special_tokens_are_seen_and_not_pooled(tmp_path: Path) -> None:
    folder = str(saved(tmp_path / "model", bert))
    head = "passage : tarnvik\n"
    spans = [(a + len(head), b + len(head)) for a, b in SPANS]
    expected = reference(folder, head + TEXT, spans, own)
    embedder = OnnxEmbedder(model=folder, late=1, document_prefix="passage : ")
    found = late(embedder, cut(TEXT, SPANS, context="tarnvik", title="tarnvik"))
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("prefix", ["", "passage : "])
def test_chunks_joined_by_a_token_are_pooled_as_insent_does(tmp_path: Path, prefix: str) -> None:
    """`_late_chunking_pooling` of illuin-tech/contextual-embeddings, long_context_model.py."""
    folder = str(saved(tmp_path / "model", bert))
    texts = [TEXT[a:b] for a, b in SPANS]
    model: Any = transformers.AutoModel.from_pretrained(folder)
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    with torch.inference_mode():
        ids = tokenizer(prefix + "</s>".join(texts), return_tensors="pt")["input_ids"]
        hidden = model(input_ids=ids).last_hidden_state[0]
    skipped = 1 + len(prefix.split()) if prefix else 0
    ends = [i for i, id in enumerate(ids[0].tolist()) if id == tokenizer.eos_token_id]
    starts = [skipped, *(end + 1 for end in ends[:-1])]
    rows = [hidden[a:b].mean(0) for a, b in zip(starts, ends, strict=True)]
    expected = np.stack([torch.nn.functional.normalize(row, dim=0).numpy() for row in rows])
    embedder = OnnxEmbedder(model=folder, late=1, late_separator="</s>", document_prefix=prefix)
    joined = cut(TEXT, SPANS)
    assert np.abs(late(embedder, joined) - expected).max() < 1e-5
    [window] = embedder.windows([joined])
    some = Chunked(window.document, window.chunks[1:], window=True)
    assert np.abs(late(embedder, some) - expected[1:]).max() < 1e-5
    assert embedder.fingerprint != OnnxEmbedder(model=folder, late=1, document_prefix=prefix).fingerprint


@pytest.mark.parametrize(("make", "mode"), [(qwen, "lasttoken")])
def test_a_chunk_that_is_the_whole_text_gets_the_plain_vector(
    tmp_path: Path, make: Callable[[], Any], mode: str
) -> None:
    folder = pooled_by(saved(tmp_path / "model", make), mode)
    options: dict[str, Any] = {"model": folder, "device": "cpu", "document_prefix": "passage : "}
    for title in ("", "tarnvik"):
        whole = cut(TEXT, [(0, len(TEXT))], context=title, title=title)
        plain = late(TransformersEmbedder(**options), whole)
        assert np.abs(late(TransformersEmbedder(**options, late=1), whole) - plain).max() < 1e-5
    untitled = cut(TEXT, [(0, len(TEXT))])
    plain = late(TransformersEmbedder(**options), untitled)
    assert np.abs(late(TransformersEmbedder(**options, late=0.4), untitled) - plain).max() < 1e-5


def test_pooling_without_a_meaning_for_spans_is_refused(tmp_path: Path) -> None:
    for mode in ("max", "weightedmean"):
        folder = pooled_by(saved(tmp_path / mode, bert), mode)
        with pytest.raises(ConfigError, match=f"embed.late: .* pools by {mode}, which has no meaning"):
            late(OnnxEmbedder(model=folder, late=1), cut(TEXT, SPANS))
    with pytest.raises(ConfigError, match="leave out `tokens`"):
        OnnxEmbedder(late=0.5, tokens=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved(tmp_path_factory.mktemp("models") / "model", bert))


WORDS = st.lists(st.sampled_from("lumen router soup tarnvik . optik \u200b \ud800 unknown".split()), max_size=120)


@settings(max_examples=30, deadline=None)
@given(WORDS, st.lists(st.integers(0, 700), max_size=12), st.integers(5, 40), st.integers(0, 20), st.booleans())
def test_any_text_cut_anywhere_gets_a_vector_for_every_chunk(
    tiny: str, words: list[str], cuts: list[int], window: int, overlap: int, titled: bool
) -> None:
    text = " ".join(words)
    borders = sorted({0, len(text), *(c for c in cuts if c < len(text))})
    spans = [(a, b) for a, b in pairwise(borders) if text[a:b].strip()]
    one = cut(text, spans, context="soup" if titled else "", title="soup" if titled else "")
    embedder = OnnxEmbedder(model=tiny, max_tokens=window, overlap=overlap, late=1)
    vectors = late(embedder, one)
    assert vectors.shape == (len(spans), 16)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max(initial=0) < 1e-5
    windows = embedder.windows([one])
    assert [chunk.id for w in windows for chunk in w.chunks] == [chunk.id for chunk in one.chunks]
    assert all(w.document.text[c.start : c.end] == c.text for w in windows for c in w.chunks)
    assert embedder.windows(windows) == windows
    np.testing.assert_allclose(late(embedder, *windows), vectors, atol=1e-5)
    if vectors.size:  # a window gives its chunks the same vectors when only some are asked for
        some = Chunked(windows[0].document, windows[0].chunks[-1:], window=True)
        np.testing.assert_allclose(late(embedder, some)[0], vectors[len(windows[0].chunks) - 1], atol=1e-5)


def test_a_chunk_longer_than_the_window_is_read_whole(tiny: str) -> None:
    text = "soup " * 100 + "lumen router optik halvorsen"
    embedder = OnnxEmbedder(model=tiny, max_tokens=20, late=1)
    whole, other = late(embedder, cut(text, [(0, len(text))])), late(embedder, cut("soup " * 104, [(0, 520)]))
    assert np.abs(whole - other).max() > 1e-3  # the plain embedding is cut off long before the difference


def test_a_prefix_that_fills_the_window_is_an_option_error(tiny: str) -> None:
    with pytest.raises(ConfigError, match="no room for text in max_tokens: 5"):
        late(OnnxEmbedder(model=tiny, max_tokens=5, document_prefix="passage : the ", late=1), cut(TEXT, SPANS))


def test_the_title_is_read_where_chunks_have_a_context(tiny: str) -> None:
    embedder = OnnxEmbedder(model=tiny, late=1)
    plain, untold = cut(TEXT, SPANS), cut(TEXT, SPANS, title="tarnvik")
    told = cut(TEXT, SPANS, title="tarnvik", context="tarnvik")
    assert np.array_equal(late(embedder, plain), late(embedder, untold))
    assert np.abs(late(embedder, told) - late(embedder, plain)).max() > 1e-3
    assert [w.document.title for w in embedder.windows([told, untold])] == ["tarnvik", ""]


def test_mixed_vectors_lie_between_the_two(tiny: str) -> None:
    one = cut(TEXT, SPANS)
    ends, mixed = (
        [late(OnnxEmbedder(model=tiny, late=share), one) for share in (0, 1)],
        late(OnnxEmbedder(model=tiny, late=0.3), one),
    )
    expected = 0.7 * ends[0] + 0.3 * ends[1]
    assert np.abs(mixed - expected / np.linalg.norm(expected, axis=1, keepdims=True)).max() < 1e-6


def test_what_shapes_vectors_is_in_the_fingerprint_and_nothing_else() -> None:
    assert OnnxEmbedder(overlap=64).fingerprint == OnnxEmbedder().fingerprint  # has no part without late chunking
    different = [
        OnnxEmbedder(),
        OnnxEmbedder(late=1),
        OnnxEmbedder(late=0.5),
        OnnxEmbedder(late=1, overlap=64),
        OnnxEmbedder(late=1, max_tokens=128),
    ]
    assert len({embedder.fingerprint for embedder in different}) == len(different)
    assert TransformersEmbedder(late=0.5).fingerprint == OnnxEmbedder(late=0.5).fingerprint


def test_two_embedders_behind_one_have_the_windows_of_the_dense_one() -> None:
    long = cut("soup " * 300, [(i, i + 50) for i in range(0, 1500, 50)])
    joint = HybridEmbedder(dense=OnnxEmbedder(late=1), sparse=Bm25())
    assert isinstance(joint, WindowEmbedder)
    windows = joint.windows([long])
    assert len(windows) == 2 and windows == OnnxEmbedder(late=1).windows([long])
    assert joint.embed_chunks(windows).sparse is not None
    assert HybridEmbedder(dense=OnnxEmbedder(), sparse=Bm25()).windows([long]) == [long]


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> OnnxEmbedder:
        return OnnxEmbedder(late=0.5, max_tokens=64)
