"""A new model's questions over an old index: the three formulas, what it changes, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from typer.testing import CliRunner

from rag.cli import app
from rag.config import load as load_pipeline
from rag.embed import query_map
from rag.embed.onnx import OnnxEmbedder
from rag.embed.query_map import QueryMap
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError, InputError, MismatchError, ModelError
from rag.index.folder import Index
from rag.pipeline import Pipeline
from rag.train.map.fit import MapExamples, fit_orthogonal, fit_ridge, fit_shift
from rag.train.map.run import train_map
from rag.types import Vectors
from tests.test_cli import rag
from tests.test_models_backends import SIZES, TEXTS, WORDS, bert, dense, saved

PIPELINE = """
connector: {{use: files}}
chunk: {{use: structure, size: 24, context: none}}
embed: {{use: onnx, model: "{model}"{more}}}
sparse: {{use: bm25}}
store: {{use: edge}}
retrieve: {{use: search, by: dense}}
generate: {{use: extractive}}
"""


def wide() -> Any:
    return transformers.BertModel(transformers.BertConfig(**{**SIZES, "hidden_size": 24}))


def random(*shape: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def unit(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def test_shift_takes_the_mean_drift_of_questions_away() -> None:
    """Query Drift Compensation, arXiv 2506.00037: q' = f_new(q) - mean over Q of (f_new(q) - f_old(q))."""
    old, new = random(5, 4), random(5, 4, seed=1)
    drift = sum(b - a for a, b in zip(old, new, strict=True)) / 5
    asked = random(3, 4, seed=2)
    found = fit_shift(MapExamples(old, new, old, new))(asked)
    assert np.abs(found - unit(asked - drift)).max() < 1e-6
    with pytest.raises(ConfigError, match="4 columns and the new model 3"):
        fit_shift(MapExamples(old, new[:, :3], old, new[:, :3]))


def test_ridge_gives_the_new_models_scores_where_its_passages_follow_from_the_old_ones() -> None:
    old, asked = random(40, 6), random(7, 4, seed=1)
    new = old @ random(6, 4, seed=2) + random(4, seed=3)  # other columns, and a mean of its own
    found = fit_ridge(MapExamples(old, new, old, new), penalty=1e-9)
    assert found.matrix is not None
    scores, wanted = (asked @ found.matrix + found.shift) @ old.T, (asked - new.mean(0)) @ new.T
    apart = scores - wanted  # the same for all passages of a question
    assert np.abs(apart - apart[:, :1]).max() < 1e-3
    assert np.array_equal(np.argsort(-found(asked) @ old.T, axis=1), np.argsort(-wanted, axis=1))
    tight = fit_ridge(MapExamples(old, new, old, new), penalty=10.0)
    centred = old - old.mean(0), new - new.mean(0)
    price = 10.0 * np.trace(centred[0].T @ centred[0]) / 6 * np.eye(6)
    expected = np.linalg.inv(centred[0].T @ centred[0] + price) @ centred[0].T @ centred[1]
    assert tight.matrix is not None and np.abs(tight.matrix - expected.T).max() < 1e-5


def test_orthogonal_finds_the_rotation_between_two_spaces() -> None:
    turn = np.linalg.qr(random(5, 5, seed=4))[0].astype(np.float32)
    old = random(30, 5)
    new = old @ turn.T + 3
    found = fit_orthogonal(MapExamples(old, new, old, new))
    assert found.matrix is not None and np.abs(found.matrix - turn).max() < 1e-4
    wide = fit_orthogonal(MapExamples(old, random(30, 8, seed=5), old, random(30, 8, seed=5)))
    assert wide.matrix is not None and wide.matrix.shape == (8, 5)
    assert np.abs(wide.matrix.T @ wide.matrix - np.eye(5)).max() < 1e-5


@pytest.mark.parametrize("backend", [OnnxEmbedder, TransformersEmbedder])
def test_an_embedder_moves_the_new_models_questions_and_nothing_else(tmp_path: Path, backend: Any) -> None:
    folder, other = str(saved(tmp_path / "old", bert)), str(saved(tmp_path / "new", wide))
    old, new = backend(model=folder), backend(model=other)
    path = tmp_path / "map.safetensors"
    mapped = QueryMap(random(24, 16), random(16, seed=1))
    query_map.write(path, mapped, index=old.fingerprint, queries=new.query_fingerprint)
    both = backend(model=folder, query_model=other, query_map=str(path))
    assert both.fingerprint == old.fingerprint and both.dim == 16
    assert np.array_equal(dense(both, TEXTS), mapped(dense(new, TEXTS)))
    assert np.abs(np.linalg.norm(dense(both, TEXTS), axis=1) - 1).max() < 1e-5


def test_a_map_of_other_models_is_refused(tmp_path: Path) -> None:
    folder, other = str(saved(tmp_path / "old", bert)), str(saved(tmp_path / "new", wide))
    old, new = OnnxEmbedder(model=folder), OnnxEmbedder(model=other)
    path = tmp_path / "map.safetensors"
    given: dict[str, Any] = {"model": folder, "query_model": other, "query_map": str(path)}
    right = {"index": old.fingerprint, "queries": new.query_fingerprint}
    with pytest.raises(ModelError, match="train one with `rag train map`"):
        OnnxEmbedder(**given).embed_queries(TEXTS)
    query_map.write(path, QueryMap(random(24, 16), random(16)), **{**right, "index": "another"})
    with pytest.raises(MismatchError, match="another `model`"):
        OnnxEmbedder(**given).embed_queries(TEXTS)
    query_map.write(path, QueryMap(random(24, 16), random(16)), **right)
    with pytest.raises(MismatchError, match="another `query_model`"):
        OnnxEmbedder(**given, query_prefix="query: ").embed_queries(TEXTS)
    query_map.write(path, QueryMap(None, random(16)), **right)
    with pytest.raises(ModelError, match="does not lead from 24 columns to 16"):
        OnnxEmbedder(**given).embed_queries(TEXTS)
    with pytest.raises(ConfigError, match=r"embed\.query_map is about another model's questions"):
        OnnxEmbedder(query_map=str(path))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an index by a tiny model, and another tiny model's folder."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "old", bert)
    saved(tmp_path / "new", wide)
    rng = np.random.default_rng(0)
    (tmp_path / "docs").mkdir()
    for i in range(24):
        text = " ".join(rng.choice(WORDS[:-2], 12)) + ". " + " ".join(rng.choice(WORDS[:-2], 8)) + "."
        (tmp_path / "docs" / f"{i:02}.txt").write_text(text)
    (tmp_path / "old.yaml").write_text(PIPELINE.format(model="old", more=""))
    more = ", query_model: new, query_map: map.safetensors"
    (tmp_path / "mapped.yaml").write_text(PIPELINE.format(model="old", more=more))
    with Pipeline.load("old.yaml", index=tmp_path) as pipeline:
        pipeline.ingest(["docs"])
    return tmp_path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Of all files of an index but locks and what SQLite shares between those who read."""
    files = (p for p in (folder / ".rag").rglob("*") if p.is_file() and not p.name.endswith((".lock", "-shm", "-wal")))
    return {str(p): p.read_bytes() for p in files}


def test_the_command_maps_and_the_index_stays_as_it_is(home: Path) -> None:
    before = bytes_of(home)
    done = CliRunner().invoke(
        app, ["train", "map", "--query-model", "new", "--out", "map.safetensors", "--pipeline", "old.yaml"]
    )
    assert done.exit_code == 0, done.output
    assert "24 passages read; of the ten nearest" in done.output
    with Pipeline.load("mapped.yaml", index=home) as pipeline:
        hits = pipeline.search("lumen makes the router", k=24)
        stages = pipeline.stages
        [asked] = stages.retriever.prepare(["lumen makes the router"])
    assert len(hits) == 24 and bytes_of(home) == before
    assert (
        asked.dense is not None
        and hits[0].vector is not None
        and np.abs(hits[0].vector @ asked.dense - hits[0].score) < 1e-5
    )
    with Pipeline.load("mapped.yaml", index=home) as pipeline:
        report = pipeline.ingest(["docs"])
    assert report.embedded == 0  # and the index goes on as before


def test_what_cannot_be_mapped_is_said(home: Path) -> None:
    index = Index.at(home)
    options: dict[str, Any] = {"way": "ridge", "most": 100, "questions": (), "seed": 0}
    (home / "hashing.yaml").write_text(PIPELINE.format(model="old", more="").replace('onnx, model: "old"', "hashing"))
    with pytest.raises(ConfigError, match="hashing takes no `query_model`"):
        train_map(index, load_pipeline("hashing.yaml"), "new", home / "m", **options)
    with pytest.raises(InputError, match="8 passages"):
        train_map(index, load_pipeline("old.yaml"), "new", home / "m", **{**options, "most": 8})
    (home / "prefix.yaml").write_text(PIPELINE.format(model="old", more=", document_prefix: 'the '"))
    with pytest.raises(MismatchError, match="the embedding model differ"):
        train_map(index, load_pipeline("prefix.yaml"), "new", home / "m", **options)
    asked = ("ask", "who", "--pipeline", "mapped.yaml", "--index", str(home))
    assert "train one with `rag train map`" in rag(*asked, code=1).stderr
    train_map(index, load_pipeline("old.yaml"), "old", home / "map.safetensors", **options)
    assert "another `query_model`" in rag(*asked, code=4).stderr
