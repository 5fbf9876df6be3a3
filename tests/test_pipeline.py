"""The answer graph end to end on a pipeline without a model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag.config import load
from rag.conversation import Conversation
from rag.errors import IndexMissing, InputError
from rag.index.folder import Index
from rag.pipeline import Pipeline
from rag.types import AnswerSide, Filter, Hit, Query
from rag.walk import Event, State, rank, walk

QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture
def opened(notes: Path) -> Pipeline:
    pipeline = Pipeline.load("tiny.yaml")
    pipeline.ingest(["docs"])
    return pipeline


def test_the_second_hop_finds_what_the_first_cannot_reach(opened: Pipeline) -> None:
    config = replace(opened.config, settings=replace(opened.config.settings, depth=1))
    flat = replace(config, stages={k: v for k, v in config.stages.items() if k != "hop"})
    question = "The router in building 4"
    sources = {}
    for name, each in {"flat": flat, "hops": config}.items():
        with Pipeline(each, opened.index) as pipeline:
            sources[name] = {hit.chunk.source: hit for hit in pipeline.explore(question, k=1)[1]}
    assert set(sources["flat"]) == {"docs/router.md"}
    assert "docs/lumen.md" in sources["hops"]
    hit = sources["hops"]["docs/lumen.md"]
    assert hit.hop == 1 and hit.trail == (sources["hops"]["docs/router.md"].chunk.id,)


def test_without_hops_equal_hits_go_by_id(opened: Pipeline) -> None:
    stages = replace(opened.stages, hopper=None)
    equals = [replace(hit, score=1.0) for hit in opened.search(QUESTION)]
    for tree in (equals, equals[::-1]):
        ranked = rank({"question": QUESTION, "root": Query(QUESTION), "k": 9, "tree": tree}, stages)["hits"]
        assert [hit.chunk.id for hit in ranked] == sorted(hit.chunk.id for hit in equals)


def test_every_citation_is_byte_exact_and_the_last_event_is_the_answer(opened: Pipeline, notes: Path) -> None:
    events = list(opened.stream(QUESTION))
    answer = events[-1].data
    assert [event.kind for event in events].count("answer") == 1
    steps = [event.data["step"] for event in events if event.kind == "step"]
    assert steps[0] == "retrieve" and steps[-1] == "verify" and "hop" in steps
    assert [step["step"] for step in answer.trace] == steps
    assert not answer.abstained and answer.citations
    assert "".join(event.data for event in events if event.kind == "text") == answer.text
    assert {event.kind for event in events} == {"step", "text", "answer"}  # nothing unchecked is told
    for c in answer.citations:
        assert (notes / c.source).read_text()[c.start : c.end] == c.quote
        assert c.address.startswith(c.source)


def test_exploring_gives_the_search_and_the_tree_it_chose_from(opened: Pipeline) -> None:
    hits, tree = opened.explore(QUESTION, k=1)
    assert [hit.chunk.id for hit in hits] == [hit.chunk.id for hit in opened.search(QUESTION, k=1)]
    found = [hit.chunk.id for hit in tree]
    assert len(set(found)) == len(found) > 1 and hits[0].chunk.id in found
    assert all(set(hit.trail) <= set(found[:place]) for place, hit in enumerate(tree))


def test_a_filter_narrows_every_hop(opened: Pipeline) -> None:
    only = Filter(any_of={"source": ("docs/router.md", "docs/canteen.txt")})
    found = {hit.chunk.source for hit in opened.search(QUESTION, filter=only)}
    assert found and found <= {"docs/router.md", "docs/canteen.txt"}


def test_nothing_to_say_is_an_abstention(opened: Pipeline) -> None:
    answer = opened.ask("zzyzx qwfpgj", filter=Filter(any_of={"title": ("none",)}))
    assert answer.abstained and not answer.citations and not answer.hits


def test_asking_without_an_index_says_how_to_make_one(notes: Path) -> None:
    with pytest.raises(IndexMissing, match="rag ingest PATH"), Pipeline.load("tiny.yaml") as pipeline:
        pipeline.ask("anything")


def test_the_graph_is_drawn_and_has_no_hop_without_a_hopper(notes: Path) -> None:
    text = Pipeline(load("default"), Index.at()).mermaid()
    assert "hop" in text and "verify" in text
    config = load("default")
    flat = replace(config, stages={k: v for k, v in config.stages.items() if k != "hop"})
    assert "hop" not in Pipeline(flat, Index.at()).mermaid()


@pytest.mark.parametrize("hops", [True, False])
def test_the_graph_walks_as_the_plain_steps_do(notes: Path, hops: bool) -> None:
    from rag.graph import walk_graph

    def record(events: Iterable[tuple[Event, State]]) -> tuple[list[Event], str]:
        told, states = zip(*events, strict=True)
        last = {**states[-1], "trace": [_untimed(step) for step in states[-1]["trace"]]}
        return [_untimed(event) for event in told if event], str(sorted(last.items()))

    config = load("tiny.yaml")
    stages = {name: stage for name, stage in config.stages.items() if hops or name != "hop"}
    with Pipeline(replace(config, stages=stages), Index.at()) as pipeline:
        pipeline.ingest(["docs"])
        for question in (QUESTION, "Who makes the Lumen K2?", "xyzzy"):
            given = pipeline._input(question, None, None, None)
            plain, graph = record(walk(given, pipeline.stages)), record(walk_graph(given, pipeline.stages))
            assert plain == graph
            assert [event["step"]["step"] for event in plain[0] if "step" in event][-2:] == ["generate", "verify"]


def _untimed(data: Event) -> Event:
    if "step" in data and isinstance(data["step"], dict):
        return {"step": _untimed(data["step"])}
    return {key: value for key, value in data.items() if key != "seconds"}


def test_no_tracing_of_the_environment_hears_of_passages(opened: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.graph import walk_graph

    told: list[object] = []
    start = "langchain_core.tracers.langchain.LangChainTracer.on_chain_start"
    monkeypatch.setattr(start, lambda *words, **more: told.append(words))
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "key")
    assert opened.search("router") and opened.ask("Who makes the Lumen K2?")
    assert list(walk_graph(opened._input("router", None, None, None), opened.stages))
    with Conversation(opened) as talk:
        talk.ask("Who makes the Lumen K2?")
    assert not told


def test_the_index_remembers_its_pipeline(opened: Pipeline) -> None:
    with Pipeline.load() as again:
        assert again.config.name == "tiny"
        assert again.search("router")


def test_an_answer_says_what_its_generator_says_it_cost(opened: Pipeline) -> None:
    class Metered:
        def stream(self, question: str, hits: Sequence[Hit]) -> Generator[str, None, dict[str, int]]:
            yield "The router in building 4 is a Lumen K2 [1]."
            return {"llm_calls": 1, "prompt_tokens": 7}

    assert opened.ask(QUESTION).usage == {}
    opened._stages = replace(opened.stages, generator=Metered())
    assert opened.ask(QUESTION).usage == {"llm_calls": 1, "prompt_tokens": 7}


def test_more_passages_than_a_search_is_deep_are_found(notes: Path) -> None:
    for n in range(40):
        (notes / "docs" / f"pump{n}.txt").write_text(f"Pump {n} stands in hall {n}.\n")
    with Pipeline.load("tiny.yaml") as pipeline:  # depth: 10
        pipeline.ingest(["docs"])
        assert len(pipeline.search("pump", k=40)) == 40
        assert len(pipeline.search("pump", k=99)) == 44
        for k in (0, -1):
            with pytest.raises(InputError, match=f"k: {k} is no number"):
                pipeline.search("pump", k=k)


def test_a_pipeline_that_was_used_works_in_a_forked_process(opened: Pipeline, notes: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    code = """
import os
from rag.pipeline import Pipeline
with Pipeline.load("tiny.yaml", index=".") as pipeline:
    before = pipeline.search("Lumen K2")
    child = os.fork()
    if not child:
        same = pipeline.search("Lumen K2") == before
        pipeline.close()
        os._exit(7 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert pipeline.search("Lumen K2") == before
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=notes, check=True, timeout=120)


def test_a_question_about_one_part_is_answered_from_what_speaks_of_it(notes: Path) -> None:
    for n in range(20):
        sheet = f"Data sheet of the spare part XJ-{900 + n}/2B. The part fits the gate of hall {n}. Store it dry.\n"
        (notes / "docs" / f"part{n:02}.txt").write_text(sheet)
    with Pipeline.load("tiny.yaml") as pipeline:
        pipeline.ingest(["docs"])
        for n in (3, 13):
            answer = pipeline.ask(f"Which gate does the spare part XJ-{900 + n}/2B fit?")
            assert {citation.source for citation in answer.citations} == {f"docs/part{n:02}.txt"}
            assert all(answer.hits[c.marker - 1].chunk.id == c.chunk_id for c in answer.citations)
            assert pipeline.search(f"xj{900 + n}/2b")[0].chunk.source == f"docs/part{n:02}.txt"
        nothing = pipeline.ask("Which gate does the spare part XJ-999/2B fit?")
    assert nothing.abstained and nothing.hits and nothing.missing == ("XJ-999/2B",)


class Disagreeing:
    """Quotes the first two passages, of which only the second gives its date."""

    def stream(self, question: str, hits: Sequence[Hit]) -> Generator[str, None, None]:
        yield "\n".join(f"“{hit.chunk.text.splitlines()[0]}” [{n}]" for n, hit in enumerate(hits[:2], 1))

    def sides(self, question: str, hits: Sequence[Hit]) -> tuple[AnswerSide, ...]:
        return AnswerSide("two", 1), AnswerSide("five", 2, "May 2020")


def test_sides_are_told_with_the_documents_date_or_that_of_the_file(
    opened: Pipeline, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened.search(QUESTION)[0].chunk.source
    os.utime(notes / first, (1_714_700_000, 1_714_700_000))
    opened.ingest(["docs"])
    monkeypatch.setattr(opened, "_stages", replace(opened.stages, generator=Disagreeing()))
    answer = opened.ask(QUESTION)
    assert answer.level == "evidence" and [c.marker for c in answer.citations] == [1, 2]
    assert answer.sides == (AnswerSide("two", 1, "2024-05-03"), AnswerSide("five", 2, "May 2020"))
