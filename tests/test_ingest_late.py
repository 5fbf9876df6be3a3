"""Ingest with late chunking: an edit embeds again what its windows changed, nothing else, and leaves no trace."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rag.config import build, load
from rag.index.folder import Index
from rag.ingest.report import Report
from rag.ingest.run import ingest
from rag.types import Chunked

PARAGRAPHS = [
    f"The lock at mile {i} of the Tarn canal was built of brick and oak. It is {i} feet deep." for i in range(60)
]


@pytest.fixture
def canal(notes: Path) -> Path:
    """The folder of notes with one long document besides, and a pipeline with late chunking."""
    text = (notes / "tiny.yaml").read_text()
    text = text.replace("size: 60", "size: 24").replace("{use: hashing}", "{use: onnx, late: 1, max_tokens: 128}")
    (notes / "late.yaml").write_text(text)
    write(notes, PARAGRAPHS)
    return notes


def write(folder: Path, paragraphs: list[str]) -> None:
    (folder / "docs" / "canal.txt").write_text("\n\n".join(paragraphs))


def run(folder: Path) -> Report:
    return ingest(Index.at(folder), load(str(folder / "late.yaml")), [str(folder / "docs")])


def stored(folder: Path) -> dict[str, np.ndarray]:
    manifest = Index.at(folder).read_manifest()
    chunks, embeddings = manifest.chunks(manifest.chunk_ids())
    manifest.close()
    assert embeddings.dense is not None
    return {chunk.id: row for chunk, row in zip(chunks, embeddings.dense, strict=True)}


def windows(folder: Path) -> list[Chunked]:
    stages = build(load(str(folder / "late.yaml")))
    manifest = Index.at(folder).read_manifest()
    documents = manifest.documents("docs/canal.txt")
    manifest.close()
    found: list[Chunked] = stages.embedder.windows(stages.chunker.chunk(documents))  # type: ignore[attr-defined]
    return found


def test_an_edit_embeds_the_chunks_of_its_windows_again_and_equals_a_fresh_build(
    canal: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = run(canal)
    before = windows(canal)
    assert len(before) > 5 and first.embedded > 60
    write(canal, [*PARAGRAPHS[:30], PARAGRAPHS[30].replace("brick", "stone"), *PARAGRAPHS[31:]])
    second = run(canal)
    texts = {window.document.text for window in before}
    changed = [window for window in windows(canal) if window.document.text not in texts]
    assert 1 <= len(changed) <= 3  # the window of the edit, and its neighbours where they see it in their margins
    assert second.embedded == sum(len(window.chunks) for window in changed) < first.embedded / 3

    fresh = tmp_path_factory.mktemp("fresh")
    (canal / "docs").rename(fresh / "docs")
    (canal / "late.yaml").rename(fresh / "late.yaml")
    run(fresh)
    ours, theirs = stored(canal), stored(fresh)
    assert ours.keys() == theirs.keys()
    assert max(float(np.abs(ours[id] - theirs[id]).max()) for id in ours) < 1e-5


def test_a_new_name_or_a_copy_embeds_nothing(canal: Path) -> None:
    run(canal)
    os.rename(canal / "docs" / "canal.txt", canal / "docs" / "waterway.txt")
    (canal / "docs" / "copy.txt").write_text("\n\n".join(PARAGRAPHS))
    report = run(canal)
    assert report.embedded == 0 and report.count("added") == 2


def test_the_same_passage_in_other_company_has_another_vector(canal: Path) -> None:
    (canal / "docs" / "other.txt").write_text("\n\n".join([PARAGRAPHS[5], "Soup is served at noon in the canteen."]))
    run(canal)
    manifest = Index.at(canal).read_manifest()
    chunks, embeddings = manifest.chunks(manifest.chunk_ids())
    manifest.close()
    assert embeddings.dense is not None
    texts = [chunk.text for chunk in chunks]
    twice = next(text for text in texts if texts.count(text) == 2)
    rows = [row for text, row in zip(texts, embeddings.dense, strict=True) if text == twice]
    assert float(rows[0] @ rows[1]) < 0.999
