"""Pipelines as YAML: what is refused, and what the message says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import Settings, build, check, json_schema, load, parse, presets, schema
from rag.errors import ConfigError, MissingExtra, ModelMissing
from rag.registry import BUILTIN, find, names
from rag.stages import STAGES

TINY = (Path(__file__).parent / "tiny.yaml").read_text()


def read(text: str) -> None:
    check(parse(text, name="p", origin="p.yaml"))


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_shipped_pipelines_build_without_loading_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert set(presets()) >= {"default", "fast", "local-llm", "server"}
    for name in presets():
        config = load(name)
        assert config.settings.description
        if name == "multilingual":
            with pytest.raises(ModelMissing, match=r"fetch it once with `hf download intfloat/multilingual-e5-small`"):
                build(config)
        else:
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
        (("k: 5", "k: 0"), "p.yaml:10: k: should be greater than or equal to 1, not 0."),
        (
            ("k: 5", "unsupported: flagg"),
            "unsupported: should be 'drop', 'flag' or 'fail', not 'flagg'. Did you mean flag?",
        ),
        (("k: 5", "k: 2001-99-99"), "p.yaml:10: not valid YAML: 2001-99-99 is no number or date"),
        (("k: 5", f"k: {'9' * 5000}"), "p.yaml:10: not valid YAML: 99999999999999999999 is no number"),
        (("k: 5", f"k: 0x{'f' * 5000}"), "p.yaml:10: not valid YAML: 0xffffffffffffffffff is no number"),
        (("chunk:", "chunks:"), "p.yaml:3: chunks: unknown key. Did you mean chunk? Known: "),
        (("{use: links}", "{use: treehop}"), "p.yaml:8: hop.weights: missing; TreeHop cannot do without it."),
    ],
)
def test_errors_name_file_line_key_and_a_suggestion(change: tuple[str, str], message: str) -> None:
    said = refused(TINY.replace(*change))
    assert message in said
    assert said.startswith("p.yaml") and "\n" not in said


def test_all_problems_of_a_file_are_named_at_once_by_line() -> None:
    text = TINY.replace("size: 60", "sise: 60, context: heading").replace("hashing", "onxx").replace("{use: edge}", "x")
    text = text.replace("links", "treehop").replace("k: 5", "k: 0\nk: 0\nkk: 1").replace("connector: {use: files}", "")
    first, *rest = refused(text).splitlines()
    assert first == "p.yaml: 9 problems:"
    assert [line.strip().rpartition(" Known:")[0] or line.strip() for line in rest] == [
        "p.yaml: connector: missing; every pipeline needs connector, chunk, embed, store, retrieve, generate.",
        "p.yaml:3: chunk.context: should be 'title', 'headings', 'summary', 'llm' or 'none', not 'heading'. "
        "Did you mean headings?",
        "p.yaml:3: chunk.sise: unknown option. Did you mean size?",
        "p.yaml:4: embed.use: there is no 'onxx'. Did you mean onnx?",
        "p.yaml:6: store: needs `use: NAME`, one of edge, qdrant.",
        "p.yaml:8: hop.weights: missing; TreeHop cannot do without it.",
        "p.yaml:11: k: k appears twice; remove one.",
        "p.yaml:11: k: should be greater than or equal to 1, not 0.",
        "p.yaml:12: kk: unknown key. Did you mean k?",
    ]


def test_what_a_component_refuses_names_the_file_too() -> None:
    text = TINY.replace("structure, size: 60", "tokens, size: 60, overlap: 40")
    with pytest.raises(ConfigError, match=r"^p.yaml:3: chunk: overlap: 40 is more than half of size"):
        build(parse(text, name="p", origin="p.yaml"))


def test_reading_a_pipeline_imports_no_component() -> None:
    code = (
        "import sys\nfrom rag.config import load, presets\nfor name in presets():\n    load(name)\n"
        "stages = ('rag.chunk', 'rag.embed', 'rag.store', 'rag.retrieve', 'rag.hop', 'rag.rerank', 'rag.generate')\n"
        "print(sorted(name for name in sys.modules if name.startswith((*stages, 'rag_connectors'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_component_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    monkeypatch.delitem(sys.modules, "rag.store.qdrant", raising=False)
    message = 'qdrant needs qdrant_client, which is not installed: pip install "raghop[qdrant]"'
    with pytest.raises(MissingExtra) as caught:
        find("store", "qdrant")
    assert str(caught.value) == f"store: {message}"
    with pytest.raises(MissingExtra) as caught:
        check(load("server"))
    assert str(caught.value).endswith(f"server.yaml:7: store.use: {message}")
    assert [v["properties"]["use"]["const"] for v in json_schema()["properties"]["store"]["oneOf"]] == ["edge"]


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


@pytest.mark.parametrize("kind", STAGES)
def test_every_option_has_a_description(kind: str) -> None:
    for name in names(kind):
        component: Any = find(kind, name)
        for option, field in schema(component, kind).model_fields.items():
            assert field.description, f"{kind}: {name}: {option}"


def test_every_setting_has_a_description() -> None:
    settings: Any = Settings
    assert all(field.description for field in schema(settings).model_fields.values())


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
        "ingest": {"processes", "dask", "ray"},
    }
    for kind, expected in golden.items():
        assert set(names(kind)) >= expected
        for name in expected:
            assert find(kind, name).__doc__
    assert set(golden) == set(BUILTIN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparse: {use: bm25}\n": ""}, r"p.yaml:6: retrieve.by: .*sparse vectors.*`embed`.*`sparse: {use: bm25}`"),
        ({"by: hybrid": "by: tokens"}, r"p.yaml:7: retrieve.by: .*tokens vectors.*`tokens: true`"),
        ({"by: hybrid": "by: sparse", "{use: links}": "{use: gate}"}, r"retrieve.by: `hop: {use: gate}` asks by dense"),
        ({"by: hybrid": "by: sparse", "{use: links}": "{use: encoder}"}, r"retrieve.by: `hop: {use: encoder}`"),
        ({"hashing": "onnx", "size: 60": "size: 207"}, r"p.yaml:3: chunk: size: 207 .* 254 .*`embed`.* at most 206\."),
        ({"hashing": "onnx, max_tokens: 100"}, r"chunk: size: 60 .* 98 "),
        ({"hashing": "muvera", "size: 60": "size: 5000, context: none"}, r"chunk: size: 5000 tokens are .*at most 254"),
        ({"hashing": "onnx", "structure, size: 60": "tokens, size: 5000"}, r"chunk: size: 5000"),
    ],
)
def test_stages_that_do_not_fit_each_other_are_refused_by_key(changes: dict[str, str], message: str) -> None:
    text = TINY
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigError, match=message):
        build(parse(text, name="p", origin="p.yaml"))


@pytest.mark.parametrize(
    "changes",
    [
        {"by: hybrid": "by: sparse"},
        {"by: hybrid": "by: dense", "sparse: {use: bm25}\n": ""},
        {"hashing": "onnx", "size: 60": "size: 206"},
        {"hashing": "onnx, late: 1", "size: 60": "size: 5000"},
        {"hashing": "onnx, tokens: true", "by: hybrid": "by: tokens"},
        {"size: 60": "size: 5000"},
    ],
)
def test_stages_that_fit_each_other_are_built(changes: dict[str, str]) -> None:
    text = TINY
    for old, new in changes.items():
        text = text.replace(old, new)
    build(parse(text, name="p", origin="p.yaml"))
