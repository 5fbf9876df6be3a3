"""Situated embedding: a chunk's vector is the model's for chunk, separator and the sentences around it, no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.config import Stages, build, parse
from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError
from rag.ingest.vectorize import content_key
from rag.models.situated import Situated
from rag.stages import WindowEmbedder
from rag.testing import EmbedderConformance
from rag.types import Chunk, Chunked, Document, Vectors
from tests.test_models_backends import bert, dense, qwen, saved

SENTENCES = ["Soup makes the router.", "Tarnvik is a building.", "It makes soup.", "Lumen is in the soup.", "A query."]
TEXT = " ".join(SENTENCES)
SPANS = [(TEXT.index(one), TEXT.index(one) + len(one)) for one in SENTENCES]


def cut(spans: list[tuple[int, int]], text: str = TEXT, context: str = "") -> Chunked:
    chunks = (Chunk(f"{a}:{b}", "d", text[a:b], a, b, "s", "", context) for a, b in spans)
    return Chunked(Document("d", "s", text), tuple(chunks))


def vectors(embedder: Any, *batch: Chunked) -> Vectors:
    found: Vectors = embedder.embed_chunks(batch).dense
    return found


@pytest.mark.parametrize(
    ("backend", "make"), [(OnnxEmbedder, bert), (TransformersEmbedder, bert), (TransformersEmbedder, qwen)]
)
def test_the_model_reads_chunk_separator_and_context(tmp_path: Path, backend: Any, make: Callable[[], Any]) -> None:
    folder = str(saved(tmp_path / "model", make))
    told: dict[str, Any] = {"model": folder, "document_prefix": "passage : ", "separator": " the </s> "}
    expected = [
        f"passage : optik\n{SENTENCES[0]} the </s> {' '.join(SENTENCES[:2])}",
        f"passage : optik\n{SENTENCES[2]} the </s> {' '.join(SENTENCES[1:4])}",
        f"passage : optik\n{SENTENCES[4]} the </s> {' '.join(SENTENCES[3:])}",
    ]
    chunks = cut([SPANS[0], SPANS[2], SPANS[4]], context="optik")
    situated = vectors(backend(**told, situated=1, around=1), chunks)
    assert np.abs(situated - dense(backend(model=folder, query_prefix=""), expected)).max() < 1e-5
    alone = vectors(backend(**told), chunks)
    mixed = 0.3 * situated + 0.7 * alone
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    assert np.abs(vectors(backend(**told, situated=0.3, around=1), chunks) - mixed).max() < 1e-5
    assert np.abs(situated - alone).max() > 1e-2


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((SPANS[1][0], SPANS[2][1]), (0, SPANS[3][1])),  # two sentences
        ((SPANS[1][0] + 3, SPANS[1][1] - 3), (0, SPANS[2][1])),  # a part of one
        ((SPANS[1][0] + 3, SPANS[2][0] + 2), (0, SPANS[3][1])),  # parts of two
        ((0, len(TEXT)), (0, len(TEXT))),
    ],
)
def test_the_context_has_whole_sentences_on_each_side(span: tuple[int, int], expected: tuple[int, int]) -> None:
    embedder = OnnxEmbedder(situated=1, around=1)
    assert isinstance(embedder, WindowEmbedder)
    [window] = embedder.windows([cut([span])])
    [chunk] = window.chunks
    assert window.document.text == TEXT[slice(*expected)]
    assert window.document.text[chunk.start : chunk.end] == chunk.text == TEXT[slice(*span)]
    assert embedder.windows([window]) == [window]


def test_texts_without_sentences_have_windows(tmp_path: Path) -> None:
    for text in ("", " \n ", "soup", "\u200b", "\ud800"):
        item = cut([(0, len(text))], text)
        [window] = OnnxEmbedder(situated=1).windows([item])
        assert window.document.text == text
        assert np.isfinite(vectors(OnnxEmbedder(situated=1), item)).all()


def stages(folder: str) -> Stages:
    text = (Path(__file__).parent / "tiny.yaml").read_text().replace("size: 60", "size: 20, context: none")
    embed = f"embed: {{use: onnx, model: {folder}, situated: 1, around: 1}}"
    return build(parse(text.replace("embed: {use: hashing}", embed), name="p", origin="p.yaml"))


def test_only_chunks_that_see_an_edit_are_embedded_again(tmp_path: Path) -> None:
    built = stages(str(saved(tmp_path / "model", bert)))
    assert isinstance(built.embedder, WindowEmbedder)

    def keys(text: str) -> list[str]:
        item = cut(SPANS, text)
        parts = built.embedder.windows([replace(item, document=replace(item.document, text=text))])  # type: ignore[attr-defined]
        return [content_key(built, part, chunk) for part in parts for chunk in part.chunks]

    before, after = keys(TEXT), keys(TEXT.replace("A query.", "A qUery."))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, True, False, False]


def test_what_shapes_vectors_is_in_the_fingerprint_and_nothing_else() -> None:
    assert OnnxEmbedder(around=9, separator="x").fingerprint == OnnxEmbedder().fingerprint
    different = [
        OnnxEmbedder(),
        OnnxEmbedder(late=1),
        OnnxEmbedder(situated=1),
        OnnxEmbedder(situated=0.5),
        OnnxEmbedder(situated=1, around=2),
    ]
    different.append(OnnxEmbedder(situated=1, separator="</s>"))
    assert len({embedder.fingerprint for embedder in different}) == len(different)
    assert TransformersEmbedder(situated=1).fingerprint == OnnxEmbedder(situated=1).fingerprint
    with pytest.raises(ConfigError, match="late or situated, not both"):
        OnnxEmbedder(late=0.5, situated=0.5)
    with pytest.raises(ConfigError, match="leave out `tokens`, `sparse`"):
        OnnxEmbedder(situated=0.5, tokens=True)
    assert isinstance(OnnxEmbedder(situated=1)._in_text, Situated)


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self) -> OnnxEmbedder:
        return OnnxEmbedder(situated=0.5, max_tokens=64)
