"""Why a document was found or not, stage by stage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag.answer.concepts import conceptual
from rag.cli import app
from rag.errors import InputError
from rag.explain import shared_words, tree_data
from rag.pipeline import Pipeline
from rag.types import Filter

QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture
def opened(notes: Path) -> Pipeline:
    pipeline = Pipeline.load("tiny.yaml")
    pipeline.ingest(["docs"])
    return pipeline


def narrow(pipeline: Pipeline, *, depth: int, hops: bool = True) -> Pipeline:
    config = replace(pipeline.config, settings=replace(pipeline.config.settings, depth=depth, k=1))
    stages = {name: options for name, options in config.stages.items() if hops or name != "hop"}
    return Pipeline(replace(config, stages=stages), pipeline.index)


def test_what_is_read_has_the_place_that_a_search_gives_it(opened: Pipeline) -> None:
    hits = opened.search(QUESTION)
    for place, hit in enumerate(hits, 1):
        found = opened.explain(QUESTION, passage=hit.chunk.id)
        assert found.lost_at is None and found.ranks[-1].place == place
        assert found.best.chunk.id == hit.chunk.id and found.best.cosine == pytest.approx(hit.cosine)
        assert [each.chunk.id for each in found.ranks[-1].ahead] == [each.chunk.id for each in hits[: place - 1]]


def test_what_no_search_reaches_is_lost_with_its_place_behind_those_that_go_on(opened: Pipeline) -> None:
    with narrow(opened, depth=1, hops=False) as pipeline:
        found = pipeline.explain("The router in building 4", source="docs/canteen.txt")
    assert found.lost_at is found.ranks[0] and found.ranks[0].stage == "retrieve"
    assert found.ranks[0].place is not None and found.ranks[0].place > found.ranks[0].limit == 1
    assert found.ranks[0].ahead[0].chunk.source == "docs/router.md"
    assert "lost at retrieve" in found.summary and "the first 1 go on" in found.summary
    assert [rank.stage for rank in found.ranks] == ["retrieve", "rank", "rerank", "read"]


def test_what_a_hop_found_is_shown_at_the_hop(opened: Pipeline) -> None:
    with narrow(opened, depth=1) as pipeline:
        found = pipeline.explain("The router in building 4", source="*lumen.md")
    first, second = found.ranks[:2]
    assert not first.goes_on
    assert second.stage == "hop" and second.hop == 1 and second.goes_on and second.hit
    assert second.hit.chunk.source == "docs/lumen.md" and second.hit.trail == (first.ahead[0].chunk.id,)
    assert found.lost_at and found.lost_at.stage in {"rank", "rerank"}  # k is 1


def test_words_name_a_passage_across_lines_and_case(opened: Pipeline) -> None:
    found = opened.explain(QUESTION, passage="HEAD office   in tarnvik")
    assert found.best.chunk.source == "docs/halvorsen.md"
    assert shared_words(QUESTION, found.best.chunk) == ("head", "office")


def test_what_may_not_be_found_is_as_if_it_were_not_there(opened: Pipeline) -> None:
    only = Filter(any_of={"source": ("docs/router.md",)})
    told = set()
    for asked in ("docs/lumen.md", "docs/nothing.md", opened.search("Lumen K2")[0].chunk.doc_id):
        with pytest.raises(InputError) as error:
            opened.explain(QUESTION, source=asked, within=only)
        told.add(str(error.value))
    with pytest.raises(InputError) as error:
        opened.explain(QUESTION, passage="It draws 40 watts", within=only)
    assert len({*told, str(error.value)}) == 1
    seen = opened.explain(QUESTION, source="docs/router.md", within=only)
    assert {hit.chunk.source for rank in seen.ranks for hit in rank.ahead} <= {"docs/router.md"}


def test_a_file_without_text_says_why(notes: Path) -> None:
    (notes / "docs" / "bad.pdf").write_bytes(b"no pdf at all")
    pipeline = Pipeline.load("tiny.yaml")
    pipeline.ingest(["docs"])
    with pytest.raises(InputError, match=r"docs/bad\.pdf: no text of it is indexed \(failed: .+\)"):
        pipeline.explain(QUESTION, source="docs/bad.pdf")
    with pytest.raises(InputError, match="name a source"):
        pipeline.explain(QUESTION)


def test_the_command_tells_the_same_to_people_and_programs(opened: Pipeline) -> None:
    opened.close()
    words = ["explain", QUESTION, "--source", "docs/canteen.txt", "-k", "1"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert data["summary"] in shown.output and data["passage"]["source"] == "docs/canteen.txt"
    assert data["lost_at"] == "rerank" and data["stages"][-1]["stage"] == "read"
    assert {"id", "address", "score", "words", "text"} <= set(data["stages"][0]["ahead"][0])


def test_the_tree_shows_what_led_to_what_is_read_and_by_which_keys(opened: Pipeline) -> None:
    with narrow(opened, depth=1) as pipeline:
        _, tree = pipeline.explore("The router in building 4")
    hits = tree[::-1]
    data = tree_data(QUESTION, hits, tree)
    nodes = {node["id"]: node for node in data["nodes"]}
    assert {node["id"]: node["place"] for node in data["nodes"] if node["place"]} == {
        hit.chunk.id: place for place, hit in enumerate(hits, 1)
    }
    assert all(node["parent"] is None or node["parent"] in nodes for node in data["nodes"])
    linked = [node for node in data["nodes"] if node["links"]]
    assert linked and all(node["hop"] and node["parent"] for node in linked)
    maker = next(node for node in linked if node["source"] == "docs/lumen.md")
    assert nodes[maker["parent"]]["source"] == "docs/router.md" and maker["links"] == ["lumen k2"]
    assert sum(hop["shown"] for hop in data["hops"]) == len(nodes)
    assert sum(hop["found"] for hop in data["hops"]) == len(tree)


def test_a_question_is_told_by_its_cosines_with_titles_and_headings(opened: Pipeline) -> None:
    """CES, arXiv 2209.00445: a text in the space of concepts is the vector of its cosines with their names."""
    assert conceptual(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])).tolist() == [[0.6, 0.8]]
    assert opened.explain(QUESTION, source="docs/router.md").concepts == ()
    found = opened.explain(QUESTION, source="docs/router.md", concepts=2)
    assert 2 <= len(found.concepts) <= 4 and len({one.name for one in found.concepts}) == len(found.concepts)
    vectors = opened.stages.embedder.embed_queries([QUESTION, *(one.name for one in found.concepts)]).dense
    assert vectors is not None
    for one, vector in zip(found.concepts, vectors[1:], strict=True):
        assert one.question == pytest.approx(float(vector @ vectors[0]), abs=1e-5)
    done = CliRunner().invoke(app, ["explain", QUESTION, "--source", "docs/router.md", "--concepts", "2"])
    assert "cosine with titles and headings" in done.output and found.concepts[0].name in done.output
    data = CliRunner().invoke(app, ["explain", QUESTION, "--source", "docs/router.md", "--concepts", "2", "--json"])
    assert json.loads(data.output)["concepts"][0]["name"] == found.concepts[0].name
