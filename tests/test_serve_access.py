"""Nothing of a document leaves for those who may not see it: random groups, documents and requests by every door."""

from random import Random

import pytest

from benchmarks.access import DOORS, Ids, make_world, run
from rag.types import Filter


def test_no_door_tells_of_documents_that_are_for_others() -> None:
    outcome = run(7, readers=2, cases=60, uploads=1)
    assert outcome.leaks == []
    assert sum(outcome.requests.values()) == 60 + 60 + 1 + 15
    assert outcome.requests["/v1/jobs 200"] >= 1
    assert not [name for name in outcome.requests if name.endswith(" 500")]


def test_hops_that_lose_the_filter_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leak that is easiest to plant: a hop is a search of its own, and its query has a filter of its own."""

    def forget(filter: Filter | None, within: Filter | None) -> Filter | None:
        return filter

    monkeypatch.setattr("rag.walk.narrow", forget)
    leaks = (leak for seed in range(7, 12) for leak in run(seed, readers=1, cases=60).leaks)
    assert any(": says ['Zq" in leak for leak in leaks)


def test_every_door_is_asked_for_what_is_hidden() -> None:
    random = Random(1)
    world = make_world(random, readers=1)
    ids = Ids(["document"], ["passage"], ["source"])
    paths = {door(random, world, ids)[1] for door in DOORS for _ in range(50)}
    assert {"/v1/ask", "/v1/search", "/v1/explain", "/v1/documents", "/v1/documents/document/file", "/mcp"} <= paths
