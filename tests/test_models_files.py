"""Finding a model's files, refusing unsafe ones, and reading what they say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from rag import cache
from rag.errors import ConfigError, ModelError
from rag.models.files import locate
from rag.models.spec import read
from rag.models.tensors import mapped

BERT = {"model_type": "bert", "hidden_size": 8, "max_position_embeddings": 64, "pad_token_id": 0}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A plain encoder folder, as far as reading its files goes."""
    folder = tmp_path / "model"
    write(folder / "config.json", BERT)
    save_file({"w": np.ones((2, 3), np.float32)}, folder / "model.safetensors")
    return folder


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def modules(folder: Path, *kinds: str, path: str = "") -> None:
    places = {"Transformer": path, "Pooling": "1_Pooling", "Dense": "2_Dense"}
    listed = [{"type": f"sentence_transformers.models.{kind}", "path": places.get(kind, "x")} for kind in kinds]
    write(folder / "modules.json", listed)


def test_the_bundled_model_is_read_as_it_says() -> None:
    spec = read("bundled")
    assert (spec.dim, spec.max_tokens, spec.pooling, spec.normalise) == (384, 256, ("mean",), True)
    assert (spec.query_prefix, spec.document_prefix, spec.lowercase, spec.dense) == ("", "", False, ())


def test_a_name_is_found_in_the_hugging_face_cache(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    entry = tmp_path / "hub" / "models--lumen--small"
    (entry / "snapshots").mkdir(parents=True)
    os.rename(model, entry / "snapshots" / "abc")
    assert locate("lumen/small") == entry / "snapshots" / "abc"
    (entry / "snapshots" / "def").mkdir()
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text("def\n")
    assert locate("lumen/small") == entry / "snapshots" / "def"
    with pytest.raises(ModelError, match="hf download lumen/large"):
        locate("lumen/large")


def test_a_plain_encoder_gets_mean_pooling_and_unit_length(model: Path) -> None:
    spec = read(str(model))
    assert (spec.pooling, spec.normalise, spec.dim, spec.max_tokens) == (("mean",), True, 8, 64)


def test_sentence_transformers_files_are_taken_at_their_word(model: Path) -> None:
    modules(model, "Transformer", "Pooling", "Dense")
    write(model / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True})
    write(model / "2_Dense" / "config.json", {"in_features": 16, "out_features": 4})
    save_file({"linear.weight": np.ones((4, 16), np.float32)}, model / "2_Dense" / "model.safetensors")
    write(model / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": True})
    write(
        model / "config_sentence_transformers.json",
        {"prompts": {"ask": "q: ", "passage": "p: "}, "default_prompt_name": "ask"},
    )
    spec = read(str(model))
    assert (spec.pooling, spec.normalise, spec.dim) == (("cls", "max"), False, 4)
    assert (spec.max_tokens, spec.lowercase) == (32, True)
    assert (spec.query_prefix, spec.document_prefix) == ("q: ", "p: ")
    options = read(str(model), max_tokens=64, query_prefix="", document_prefix="d: ")
    assert (options.max_tokens, options.query_prefix, options.document_prefix) == (64, "", "d: ")


def test_a_model_cannot_be_told_to_see_more_than_it_can(model: Path) -> None:
    with pytest.raises(ConfigError, match="max_tokens: 65 is more than the 64"):
        read(str(model), max_tokens=65)


def test_positions_of_roberta_start_behind_the_padding(model: Path) -> None:
    write(model / "config.json", BERT | {"model_type": "roberta", "pad_token_id": 1})
    assert read(str(model)).max_tokens == 62


def test_unsafe_folders_are_refused(model: Path) -> None:
    (model / "modeling.py").write_text("")
    with pytest.raises(ModelError, match=r"modeling\.py: the model brings its own code"):
        read(str(model))
    (model / "modeling.py").unlink()
    write(model / "config.json", BERT | {"auto_map": {"AutoModel": "x--y.Z"}})
    with pytest.raises(ModelError, match="auto_map asks for code"):
        read(str(model))
    write(model / "config.json", BERT)
    os.rename(model / "model.safetensors", model / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \*\.safetensors"):
        read(str(model))


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([{"type": "elsewhere.Module", "path": ""}], "code from outside"),
        ([{"type": "sentence_transformers.models.Transformer", "path": "../../etc"}], "leaves the model's folder"),
        ([{"type": "sentence_transformers.models.WordWeights", "path": ""}], "understood are Transformer"),
    ],
)
def test_modules_that_are_not_understood_are_errors(model: Path, listed: list[dict[str, str]], message: str) -> None:
    write(model / "modules.json", listed)
    with pytest.raises(ModelError, match=message):
        read(str(model))


def test_unknown_pooling_is_an_error(model: Path) -> None:
    modules(model, "Transformer", "Pooling")
    write(model / "1_Pooling" / "config.json", {"pooling_mode": "attention"})
    with pytest.raises(ModelError, match="pooling attention is not known"):
        read(str(model))


def test_a_broken_config_names_its_file(model: Path) -> None:
    (model / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json: cannot be read"):
        read(str(model))


def test_the_fingerprint_follows_what_shapes_a_document_and_nothing_else(model: Path, tmp_path: Path) -> None:
    first = read(str(model)).fingerprint()
    assert read(str(model), query_prefix="query: ").fingerprint() == first
    assert read(str(model), document_prefix="passage: ").fingerprint() != first
    assert read(str(model), max_tokens=16).fingerprint() != first
    assert read(str(model)).fingerprint(dtype="float16") != first
    os.rename(model, tmp_path / "elsewhere")
    assert read(str(tmp_path / "elsewhere")).fingerprint() == first
    save_file({"w": np.zeros((2, 3), np.float32)}, tmp_path / "elsewhere" / "model.safetensors")
    assert read(str(tmp_path / "elsewhere")).fingerprint() != first


def test_tensors_are_read_in_every_precision_without_a_copy(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.0], [0.25, 3.0]], np.float32)
    path = tmp_path / "a.safetensors"
    save_file({"full": values, "half": values.astype(np.float16), "ids": np.arange(3)}, path)
    tensors = mapped(path)
    assert set(tensors) == {"full", "half"}
    assert np.array_equal(tensors["full"], values)
    assert np.array_equal(tensors["half"], values)
    assert not tensors["full"].flags.owndata
    brain = (values.view(np.uint32) >> 16).astype("<u2")  # these values are exact in bfloat16
    header = json.dumps({"b": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + brain.tobytes())
    assert np.array_equal(mapped(path)["b"], values)


@pytest.mark.parametrize("cut", [0, 4, 8, 40, -1])
def test_a_damaged_weights_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"w": np.ones((4, 4), np.float32)}, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"a\.safetensors: not a readable safetensors file"):
        mapped(path)


def test_the_cache_returns_what_was_saved_unless_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    assert cache.load("entry") is None
    cache.save("entry", b"data")
    assert cache.load("entry") == b"data"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["entry"]
    (tmp_path / "cache" / "entry").write_bytes((tmp_path / "cache" / "entry").read_bytes() + b"!")
    assert cache.load("entry") is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "file" / "cache"))
    cache.save("entry", b"data")
    assert cache.load("entry") is None
    assert cache.sha256(tmp_path / "file") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_a_checksum_is_remembered_and_notices_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = cache.sha256(path)

    def never(*_: object) -> None:
        raise AssertionError("hashed again")

    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", never)
        assert cache.sha256(path) == first
    path.write_bytes(b"two")
    assert cache.sha256(path) != first
