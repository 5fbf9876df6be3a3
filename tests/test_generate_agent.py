"""A language model with tools, against a scripted server: what it finds, cites, costs, and that it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.config import load
from rag.errors import GeneratorError
from rag.generate.openai import OpenAIGenerator
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.pipeline import Pipeline
from rag.stages import Exploring
from rag.types import Answer, Filter
from tests.conftest import NOTES, TINY
from tests.scripted import Handler, Script, Server, delta, raw, serving, status, stream

QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agent")
    (folder / "tiny.yaml").write_text(TINY)
    for name, text in NOTES.items():
        (folder / name).write_text(text)
    (folder / "XJ-913.md").write_text("# XJ-913/2B\n\nThe pump XJ-913/2B lifts 40 litres.\n")
    (folder / "XJ-914.md").write_text("# XJ-914/2B\n\nThe pump XJ-914/2B lifts 60 litres.\n")
    ingest(Index.at(folder), load(str(folder / "tiny.yaml")), [str(folder)])
    return folder


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def calls(*made: tuple[str, Any], text: str | None = None) -> Script:
    """A reply that calls tools, each in two pieces."""
    events = [delta(text, role="assistant")]
    for n, (name, arguments) in enumerate(made):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        half = len(written) // 2
        first = {
            "index": n,
            "id": f"id{n}",
            "type": "function",
            "function": {"name": name, "arguments": written[:half]},
        }
        events.append(delta(tool_calls=[first]))
        events.append(delta(tool_calls=[{"index": n, "function": {"arguments": written[half:]}}]))
    return stream(*events, delta(reason="tool_calls"), "[DONE]")


def says(text: str) -> Script:
    return stream(*(delta(word + " ") for word in text.split()), delta(reason="stop"), "[DONE]")


Run = Callable[..., Answer]


@pytest.fixture
def run(index: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Asks with a model that plays these scripts in turn; one passage is found to begin with."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def run(
        *scripts: Script, question: str = QUESTION, filter: Filter | None = None, k: int = 1, **options: Any
    ) -> Answer:
        server.scripts = list(scripts)
        stage = {"use": "openai", "base_url": server.url, "model": "tiny", "search": 3, **options}
        plain = load(str(index / "tiny.yaml")).with_stage("generate", stage)
        with Pipeline(plain, Index.at(index)) as pipeline:
            return pipeline.ask(question, k=k, filter=filter)

    return run


def sources(answer: Answer) -> list[str]:
    return [hit.chunk.source for hit in answer.hits]


def results(server: Server) -> list[str]:
    return [message["content"] for message in server.seen[-1].body["messages"] if message["role"] == "tool"]


def test_a_model_that_may_explore_says_so() -> None:
    made = OpenAIGenerator(base_url="http://localhost/v1", model="m", search=2)
    assert isinstance(made, Exploring) and made.search == 2
    assert OpenAIGenerator(base_url="http://localhost/v1", model="m").search == 0


def test_it_searches_and_cites_what_it_found(run: Run, server: Server) -> None:
    said = "The Lumen K2 is made by Halvorsen Optik [2]. Halvorsen Optik has its head office in Tarnvik [3]."
    answer = run(
        calls(("search", {"query": "Lumen K2 made by"}), text="Let me look."),
        calls(("search", {"query": "Halvorsen Optik head office"})),
        says(said),
    )
    assert sources(answer) == ["router.md", "lumen.md", "halvorsen.md"]
    assert [statement.verdict for statement in answer.statements] == ["supported", "supported"]
    assert [(c.marker, c.source) for c in answer.citations] == [(2, "lumen.md"), (3, "halvorsen.md")]
    assert "Let me look" not in answer.text and answer.level == "answer"
    assert (answer.usage["llm_calls"], answer.usage["tool_calls"]) == (3, 2)
    assert answer.usage["prompt_tokens"] > 3 * 100 and answer.usage["completion_tokens"] > 20
    (step,) = [step for step in answer.trace if step["step"] == "generate"]
    assert step["calls"] == [
        {"tool": "search", "asked": "Lumen K2 made by", "passages": [2]},
        {"tool": "search", "asked": "Halvorsen Optik head office", "passages": [3]},
    ]
    first, second, third = (handler.body for handler in server.seen)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["search", "hop"]
    assert first["tool_choice"] == third["tool_choice"] == "auto"
    assert [message["role"] for message in third["messages"]] == ["system", "user"] + ["assistant", "tool"] * 2
    assert second["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"query": "Lumen K2 made by"}'
    assert second["messages"][3]["tool_call_id"] == second["messages"][2]["tool_calls"][0]["id"] == "id0"


def test_what_it_finds_stands_in_the_fence_of_its_prompt(run: Run, server: Server) -> None:
    run(calls(("search", {"query": "Lumen K2 made by"})), says("INSUFFICIENT EVIDENCE"))
    mark = server.seen[0].body["messages"][1]["content"].split()[0]
    (result,) = results(server)
    assert result.startswith(f"{mark} passage [2] | lumen.md") and result.endswith(f"{mark} end of passage [2]")
    assert mark in server.seen[0].body["messages"][0]["content"]


def test_it_hops_from_a_passage(run: Run, server: Server) -> None:
    answer = run(calls(("hop", {"passage": 1})), says("The Lumen K2 is made by Halvorsen Optik [2]."), k=1)
    assert "lumen.md" in sources(answer) and answer.hits[1].hop == 1
    assert answer.statements[0].verdict == "supported"


def test_a_passage_that_is_found_again_keeps_its_number(run: Run, server: Server) -> None:
    search = ("search", {"query": "router in building 4"})
    answer = run(calls(search, search), says("The router in building 4 is a Lumen K2 [1]."))
    assert len(answer.hits) == 1 and [text.count("passage [1]") for text in results(server)] == [2, 2]


def test_claims_are_checked_against_what_it_saw(run: Run) -> None:
    answer = run(
        calls(("search", {"query": "Halvorsen Optik head office"})),
        says("Halvorsen Optik has its head office in Oslo [2]. It has 40 offices [9]. It moved in 1990."),
    )
    assert answer.level != "answer" and not any(word in answer.text for word in ("Oslo", "40", "1990"))
    assert all(said.verdict in ("contradicted", "unsupported") for said in answer.statements[:3])


@pytest.mark.parametrize("search", [1, 3])
def test_endless_calls_end(run: Run, server: Server, search: int) -> None:
    with pytest.raises(GeneratorError, match=rf"beyond the {search} that `search` allows"):
        run(calls(("search", {"query": "more"})), search=search)
    assert [handler.body["tool_choice"] for handler in server.seen] == ["auto"] * search + ["none"]


def test_more_calls_at_once_than_are_left_are_refused_in_words(run: Run, server: Server) -> None:
    five = [("search", {"query": name}) for name in ("router", "Lumen", "Halvorsen", "canteen", "soup")]
    answer = run(calls(*five), says("The router in building 4 is a Lumen K2 [1]."))
    assert answer.usage["tool_calls"] == 3 and answer.level == "answer"
    assert [text.startswith("No calls are left") for text in results(server)] == [False] * 3 + [True] * 2
    assert server.seen[1].body["tool_choice"] == "none"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("delete", {"query": "router"}),
        ("search", {"passage": 1}),
        ("search", {"query": 7}),
        ("search", "{broken"),
        ("search", "[" * 100_000),
        ("search", "[]"),
        ("search", ""),
        ("hop", {"passage": "1"}),
        ("hop", {"passage": True}),
    ],
)
def test_a_call_that_makes_no_sense_is_answered_in_words_and_counts(
    run: Run, server: Server, name: str, arguments: Any
) -> None:
    answer = run(calls((name, arguments)), says("The router in building 4 is a Lumen K2 [1]."), search=1)
    assert answer.level == "answer" and answer.usage["tool_calls"] == 1
    assert results(server)[0].startswith("This call cannot be answered")
    json.loads(server.seen[1].body["messages"][2]["tool_calls"][0]["function"]["arguments"])


@pytest.mark.parametrize("call", [("hop", {"passage": 99}), ("hop", {"passage": 0}), ("search", {"query": "  "})])
def test_a_call_that_finds_nothing_says_so(run: Run, server: Server, call: tuple[str, Any]) -> None:
    run(calls(call), says("INSUFFICIENT EVIDENCE"))
    assert results(server) == ["Nothing was found."]


@pytest.mark.parametrize(
    "refusal", [status(400, "tiny does not support tools"), status(500, "tools param requires --jinja flag")]
)
def test_a_server_without_tools_is_asked_without(run: Run, server: Server, refusal: Script) -> None:
    answer = run(refusal, says("The router in building 4 is a Lumen K2 [1]."))
    assert answer.level == "answer" and answer.usage["tool_calls"] == 0
    assert ["tools" in handler.body for handler in server.seen] == [True, False]
    assert "tool_choice" not in server.seen[1].body


def test_a_model_that_knows_no_tools_answers(run: Run, server: Server) -> None:
    answer = run(says("The router in building 4 is a Lumen K2 [1]."))
    assert answer.level == "answer" and (answer.usage["llm_calls"], len(server.seen)) == (1, 1)
    assert not any("calls" in step for step in answer.trace)


def test_statements_in_json_go_with_tools(run: Run, server: Server) -> None:
    said = json.dumps({"statements": [{"text": "The Lumen K2 is made by Halvorsen Optik.", "passages": [2]}]})
    answer = run(calls(("search", {"query": "Lumen K2 made by"})), says(said), structured=True)
    assert answer.text == "The Lumen K2 is made by Halvorsen Optik. [2]"
    assert all("response_format" in handler.body and "tools" in handler.body for handler in server.seen)


def test_calls_in_a_reply_that_is_no_stream_are_read(run: Run, server: Server) -> None:
    call = {"id": "", "type": "function", "function": {"name": "search", "arguments": '{"query": "Lumen K2 made by"}'}}
    whole = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    answer = run(raw(json.dumps(whole).encode(), "application/json"), says("It is made by Halvorsen Optik [2]."))
    assert answer.level == "answer" and server.seen[1].body["messages"][3]["tool_call_id"] == "call_0"


@pytest.mark.parametrize(
    "part", [7, {"index": -1}, {"index": 9}, {"index": "0"}, {"function": 3}, {"function": {"name": 3}}]
)
def test_parts_of_calls_that_cannot_be_read_are_an_error(run: Run, part: Any) -> None:
    with pytest.raises(GeneratorError, match="cannot be used"):
        run(stream(delta(tool_calls=[part]), delta(reason="tool_calls")))


def test_the_time_of_all_requests_is_one(run: Run, server: Server) -> None:
    def slow(handler: Handler) -> None:
        handler.server.over.wait(0.25)
        calls(("search", {"query": "more"}))(handler)

    with pytest.raises(GeneratorError, match=r"took longer than 0\.6 s in all"):
        run(slow, timeout=0.6, search=50)
    assert len(server.seen) < 10


def test_a_search_keeps_to_the_filter_of_the_question(run: Run) -> None:
    only = Filter(any_of={"source": ("router.md", "canteen.txt")})
    answer = run(calls(("search", {"query": "Lumen K2 made by"})), says("It is a Lumen K2 [1]."), filter=only, k=4)
    assert set(sources(answer)) <= {"router.md", "canteen.txt"}


def test_a_search_brings_nothing_of_another_part_than_the_question_names(run: Run, server: Server) -> None:
    answer = run(
        calls(("search", {"query": "pump XJ-914/2B lifts"})),
        says("The pump XJ-913/2B lifts 60 litres [2]."),
        question="How much does the pump XJ-913/2B lift?",
    )
    assert answer.level != "answer" and "60 litres" not in answer.text + "".join(results(server))


def test_passages_that_the_window_does_not_hold_are_left_out(run: Run, server: Server) -> None:
    plain = run(says("INSUFFICIENT EVIDENCE"), search=0)
    search = calls(("search", {"query": "Lumen K2 made by"}))
    for room, fits in ((125, False), (250, True)):
        run(search, says("INSUFFICIENT EVIDENCE"), context=plain.usage["prompt_tokens"] + room, max_tokens=100)
        assert ("Halvorsen Optik" in results(server)[0]) is fits != results(server)[0].startswith("No more passages")


def test_without_the_option_no_tools_are_offered(run: Run, server: Server) -> None:
    run(says("The router in building 4 is a Lumen K2 [1]."), search=0)
    assert "tools" not in server.seen[0].body
