"""The reranker by HTTP against a real server that behaves, and misbehaves, by script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rag.errors import ConfigError, EndpointError
from rag.rerank.http import HttpReranker
from rag.testing import RerankerConformance
from rag.types import Chunk, Hit
from tests.scripted import Handler, Script, Server, hurry, reply, serving, status

TEXTS = ["one", "three", "two", "four"]
HITS = [Hit(Chunk(text, "d", text, 0, len(text), "a.txt"), 1.0, hop=int(text == "three")) for text in TEXTS]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(good) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def good(handler: Handler) -> None:
    """Longer passages are better; the best come first, as servers give them."""
    texts = handler.body.get("texts") or handler.body["documents"]
    name = "score" if "texts" in handler.body else "relevance_score"
    rows = sorted(({"index": n, name: len(text) / 100} for n, text in enumerate(texts)), key=lambda row: -row[name])
    reply(rows if name == "score" else {"results": rows})(handler)


class TestConformance(RerankerConformance):
    @pytest.fixture
    def reranker(self, server: Server) -> HttpReranker:
        return HttpReranker(base_url=server.url)


@pytest.mark.parametrize("api", ["cohere", "tei"])
def test_direct_hits_are_put_into_order_and_hops_keep_their_places(server: Server, api: Any) -> None:
    [found] = HttpReranker(base_url=server.url, model="m", api=api, batch=2).rerank(["Which?"], [HITS])
    assert [hit.chunk.text for hit in found] == ["four", "three", "one", "two"]
    first, second = (request.body for request in server.seen)
    if api == "tei":
        assert first == {"query": "Which?", "texts": ["one", "two"], "truncate": True}
    else:
        assert first == {"model": "m", "query": "Which?", "documents": ["one", "two"], "top_n": 2}
    assert second[{"tei": "texts", "cohere": "documents"}[api]] == ["four"]


def test_no_hits_ask_nothing(server: Server) -> None:
    assert HttpReranker(base_url=server.url).rerank(["Which?"], [[]]) == [[]]
    assert not server.seen


@pytest.mark.parametrize("fault", [status(429, Retry_After="0"), status(500), status(503)])
def test_what_passes_is_tried_again(server: Server, fault: Script) -> None:
    server.scripts = [fault, fault, good]
    assert len(HttpReranker(base_url=server.url).rerank(["?"], [HITS])[0]) == 4


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (status(401), "COHERE_API_KEY"),
        (status(422, "no model"), "HTTP 422. no model"),
        (reply({"results": [{"index": 0, "relevance_score": 1.0}]}), "not one score for each of 3 passages"),
        (reply({"results": [{"index": n, "relevance_score": 1e400} for n in range(3)]}), "not one score"),
        (reply({"results": [{"index": 0}]}), "no `index` and `relevance_score`"),
        (reply({"data": []}), "no `results`"),
        (reply([1, 2, 3]), "no `results`"),
    ],
)
def test_a_reply_that_cannot_be_used_is_an_error(server: Server, script: Script, words: str) -> None:
    server.scripts = [script]
    with pytest.raises(EndpointError, match=words):
        HttpReranker(base_url=server.url).rerank(["?"], [HITS])


def test_an_address_with_a_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="COHERE_API_KEY instead"):
        HttpReranker(base_url="http://me:pw@host")
