"""An index answers by what it keeps of its pipeline, and by that alone contacts no server and opens no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.config import build, from_facts, load, parse, presets, to_facts
from rag.config.options import schema
from rag.config.outside import SERVERS, WORDS, find_outside
from rag.errors import ConfigError
from rag.pipeline import Pipeline
from rag.registry import BUILTIN, find
from rag.stages import STAGES

STAGE = {
    "connector": "{use: files}", "chunk": "{use: structure, size: 60}", "embed": "{use: hashing, width: 64}",
    "store": "{use: edge}", "retrieve": "{use: search, by: dense}", "generate": "{use: extractive}",
}  # fmt: skip
LLM = "{use: openai, base_url: 'http://llm.example/v1', model: m, api_key_env: HOME, max_tokens: 9}"


def text(**stages: str) -> str:
    return "".join(f"{kind}: {stage}\n" for kind, stage in (STAGE | stages).items())


def kept(**stages: str) -> dict[str, str]:
    """The facts of an index, as whoever made it wrote them."""
    return {"pipeline": "/home/other/mine.yaml", "pipeline.yaml": text(**stages)}


def test_an_index_answers_without_the_file_it_was_made_with(notes: Path) -> None:
    with Pipeline.load("tiny.yaml", index=notes) as pipeline:
        pipeline.ingest(["docs"])
        before = pipeline.ask("Who makes the Lumen K2?")
    (notes / "tiny.yaml").unlink()
    with Pipeline.load(index=notes) as pipeline:
        assert pipeline.ask("Who makes the Lumen K2?").text == before.text
        assert pipeline.config.reference == str(notes / "tiny.yaml")
        assert not pipeline.ingest(["docs"]).published


def test_what_an_ingest_changes_in_the_pipeline_counts_from_then_on(notes: Path) -> None:
    for k in (2, 1):
        (notes / "mine.yaml").write_text((notes / "tiny.yaml").read_text().replace("k: 5", f"k: {k}"))
        with Pipeline.load("mine.yaml", index=notes) as pipeline:
            pipeline.ingest(["docs"])
        with Pipeline.load(index=notes) as pipeline:
            assert len(pipeline.search("router")) == k


@pytest.mark.parametrize("name", presets())
def test_a_shipped_pipeline_is_kept_by_its_name(name: str) -> None:
    facts = to_facts(load(name))
    assert facts == {"pipeline": name}
    kept = from_facts(facts, ".rag")
    assert kept.settings == load(name).settings and to_facts(kept) == facts


def test_servers_keys_and_options_of_plug_ins_are_not_kept() -> None:
    config = parse(text(generate=LLM, store="{use: qdrant, url: 'http://db.example'}"), name="x", origin="/x.yaml")
    facts = to_facts(config)
    assert not [word for word in ("example", "HOME", "http") if word in facts["pipeline.yaml"]]
    assert to_facts(from_facts(facts, ".rag")) == facts


@pytest.mark.parametrize(
    ("stages", "what"),
    [
        ({"store": "{use: qdrant}"}, "a server (store: qdrant)"),
        ({"embed": "{use: onnx, model: ./model}"}, "a file (embed.model)"),
        ({"embed": "{use: onnx, weights: //host/share}"}, "a file (embed.weights)"),
        ({"rerank": "{use: reader, weights: x}"}, "a file (rerank.weights)"),
        ({"hop": "{use: treehop, weights: x}"}, "a file (hop.weights)"),
        ({"chunk": "{use: other}"}, "a plug-in (chunk: other)"),
        ({"chunk": "{use: 'os:system'}"}, "a plug-in (chunk: os:system)"),
    ],
)
def test_what_only_an_index_names_is_refused_in_one_line(stages: dict[str, str], what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(from_facts(kept(**stages), ".rag"))
    assert what in str(caught.value) and "--pipeline /home/other/mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_generator_that_only_an_index_names_is_never_asked_and_may_be_exchanged() -> None:
    config = from_facts(kept(generate=LLM), ".rag")
    generator: Any = build(config).generator
    asks: list[Callable[[], Any]] = [lambda: generator.stream("?", []), lambda: generator.reply([])]
    asks.append(lambda: generator.model)
    for ask in asks:
        with pytest.raises(ConfigError, match=r"a server \(generate: openai\).*--pipeline /home/other/mine.yaml"):
            ask()
    assert build(config.with_stage("generate", {"use": "extractive"})).generator
    with pytest.raises(ConfigError, match="which uses a file"):
        build(from_facts(kept(generate="{use: withheld, reason: Run this.}"), ".rag")).generator.stream("?", [])


def test_a_path_in_an_index_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").write_text(text())
    with pytest.raises(ConfigError, match="whose text it does not hold"):
        from_facts({"pipeline": str(tmp_path / "evil.yaml")}, ".rag")


def test_the_name_of_a_pipeline_adds_no_lines_to_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        from_facts({"pipeline": "a\nrag: all is well"}, ".rag")
    assert "\n" not in str(caught.value)


def test_every_text_option_is_refused_or_known_to_be_harmless() -> None:
    refused = {"model", "weights", "query_model", "query_map", "token_model", "ocr_model", "sample", "backbone"}
    refused |= {"reason"}
    for kind in STAGES:
        for use in {**BUILTIN[kind], **({"files": ""} if kind == "connector" else {})}:
            if (kind, use) not in SERVERS:
                cls: Any = find(kind, use)
                given = {name: "./somewhere" for name in schema(cls, kind).model_fields}
                said = {what.partition(".")[2].rstrip(")") for what in find_outside(kind, {"use": use, **given})}
                assert said <= refused and not said & WORDS, (kind, use, said)
