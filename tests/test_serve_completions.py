"""The OpenAI-compatible door, by the `openai` package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from rag.serve.app import make_app
from rag.serve.completion_request import CompletionRequest
from rag.serve.completions import NOTHING
from rag.serve.settings import settings_of
from tests.serving import served

QUESTION = "Where is the head office of Halvorsen Optik?"


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[openai.OpenAI]:
    settings = settings_of({"indexes": {"notes": str(folder)}, "pipelines": [str(folder / "tiny.yaml")]})
    with (
        served(make_app(settings)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_a_stream_has_the_answer_with_annotations_that_lead_to_its_sources(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["notes", "notes/tiny"]
    text, annotations, usage = "", [], None
    for chunk in client.chat.completions.create(
        model="notes",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            annotations += (choice.delta.model_extra or {}).get("annotations", [])
        usage = chunk.usage or usage
    assert "Tarnvik" in text and usage is not None and usage.total_tokens == 0
    for one in (annotation["url_citation"] for annotation in annotations):
        assert text[one["start_index"] : one["end_index"]].startswith("[")
        assert httpx.get(one["url"]).raise_for_status().json()["source"] in one["title"]
    assert annotations

    whole = client.chat.completions.create(model="notes/tiny", messages=[{"role": "user", "content": QUESTION}])
    message = whole.choices[0].message
    assert message.content == text and len(message.annotations or []) == len(annotations)


def test_a_question_leans_on_the_conversation_before_it(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="notes",
        messages=[
            {"role": "user", "content": "Who makes the Lumen K2?"},
            {"role": "assistant", "content": "Halvorsen Optik [1]\n\nSources:\n[1] elsewhere"},
            {"role": "user", "content": [{"type": "text", "text": "Where is its head office?"}]},
        ],
    )
    assert "Tarnvik" in (reply.choices[0].message.content or "")


def test_what_the_documents_do_not_say_is_said_so(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="notes", messages=[{"role": "user", "content": "zyxgor quavlent bripple?"}]
    )
    assert (reply.choices[0].message.content or "").startswith(NOTHING)


def test_what_is_wrong_is_an_error_of_the_package(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model"):
        client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="no question"):
        client.chat.completions.create(model="notes", messages=[{"role": "assistant", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="4,000"):
        client.chat.completions.create(model="notes", messages=[{"role": "user", "content": "x" * 5000}], stream=True)


def test_only_what_the_user_and_the_assistant_said_is_the_conversation() -> None:
    said = [("system", "Be brief."), ("user", "Who?"), ("tool", "{}"), ("assistant", "They. [1]"), ("user", "Where?")]
    request = CompletionRequest.model_validate(
        {"model": "notes", "messages": [{"role": role, "content": text} for role, text in said]}
    )
    assert [(turn["question"], turn["text"]) for turn in request.turns] == [("Who?", "They. [1]")]
    assert request.question == "Where?"
