"""Pipelines as YAML: what is refused, and what the message says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import build, json_schema, load, parse, presets
from rag.errors import ConfigError
from rag.registry import BUILTIN, find, names

TINY = (Path(__file__).parent / "tiny.yaml").read_text()


def read(text: str) -> None:
    parse(text, name="p", origin="p.yaml")


def test_shipped_pipelines_build_without_loading_a_model() -> None:
    assert set(presets()) >= {"default", "fast", "local-llm", "server"}
    for name in presets():
        config = load(name)
        assert config.settings.description
        build(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size: 60", "sise: 60"), "p.yaml:3: chunk.sise: unknown option. Did you mean size?"),
        (("size: 60", "size: many"), "p.yaml:3: chunk.size: "),
        (("use: structure", "use: structur"), "chunk.use: there is no 'structur'. Did you mean structure?"),
        (("k: 5", "kk: 5"), "p.yaml:10: kk: unknown key."),
        (("embed: {use: hashing}", ""), "embed: missing"),
        (("embed: {use: hashing}", "embed: hashing"), "embed: needs `use: NAME`"),
        (("k: 5", "k: 5\nk: 6"), "k appears twice"),
        (("k: 5", "k: !!python/object:os.system x"), "not valid YAML"),
        (("k: 5", "k: [unclosed"), "not valid YAML"),
        (("{use: links}", "{use: links, embedder: x}"), "hop.embedder: unknown option"),
    ],
)
def test_errors_name_file_line_key_and_a_suggestion(change: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(TINY.replace(*change))
    assert message in str(caught.value)
    assert "p.yaml" in str(caught.value)


def test_aliases_are_refused() -> None:
    with pytest.raises(ConfigError, match="aliases are not allowed"):
        read("a: &a [1]\nb: [*a, *a]\n")


@given(st.text())
def test_any_text_is_a_pipeline_or_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        read(text)


def test_a_missing_file_or_name_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean default"):
        load("defalt")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(tmp_path / "none.yaml"))


def test_the_schema_describes_every_component() -> None:
    schema = json_schema()
    json.dumps(schema)
    uses = {v["properties"]["use"]["const"] for v in schema["properties"]["generate"]["oneOf"]}
    assert uses == set(names("generate"))


def test_every_registered_name_resolves_and_none_vanished() -> None:
    golden = {
        "connector": {"files"},
        "chunk": {"tokens", "sentences", "structure"},
        "embed": {"onnx", "transformers", "muvera", "two_stage", "hashing"},
        "sparse": {"bm25"},
        "store": {"edge", "qdrant"},
        "retrieve": {"search"},
        "hop": {"links", "encoder", "gate", "treehop"},
        "rerank": {"none", "maxsim", "reader", "paths", "e2rank", "cross_encoder", "qwen3", "listwise", "diverse"},
        "generate": {"extractive", "openai", "transformers"},
    }
    for kind, expected in golden.items():
        assert set(names(kind)) >= expected
        for name in expected:
            assert find(kind, name).__doc__
    assert set(golden) == set(BUILTIN)
