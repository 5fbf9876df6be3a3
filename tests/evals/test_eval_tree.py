"""What is kept of a hop tree."""

from __future__ import annotations

from typing import Any

from rag import Chunk, Hit
from rag_evals.datasets import Question
from rag_evals.tree import EXCERPT, TOP, prune


def hit(pid: str, hop: int = 0, trail: tuple[str, ...] = (), text: str = "A text.") -> Hit:
    return Hit(Chunk(pid, pid, text, 0, len(text), "f", title=pid.upper(), meta={"id": pid}), 1.0, hop, trail)


def kept(hits: list[Hit], tree: list[Hit], gold: tuple[str, ...] = (), **facts: Any) -> list[tuple[str, int | None]]:
    nodes = prune(Question("q", "?", gold=gold, **facts), hits, tree, ())
    assert all(node.parent is None or node.parent < place for place, node in enumerate(nodes))
    return [(node.source, node.parent) for node in nodes]


def test_the_top_the_gold_and_what_led_there_are_kept() -> None:
    top = [hit(f"t{i}") for i in range(TOP + 5)]
    tree = [*top, hit("far"), hit("mid", 1, ("far",)), hit("gold", 2, ("far", "mid")), hit("rest", 1, ("t0",))]
    found = kept(top, tree, ("gold", "nowhere"))
    assert found == [*((f"t{i}", None) for i in range(TOP)), ("far", None), ("mid", TOP), ("gold", TOP + 1)]


def test_a_ranking_may_know_a_better_way() -> None:
    searched = hit("b")
    linked = hit("b", 1, ("a",))
    assert kept([hit("a"), linked], [searched, hit("a")]) == [("a", None), ("b", 0)]


def test_trails_that_lead_in_a_circle_make_no_circle() -> None:
    assert kept([hit("a", 1, ("b",)), hit("b", 1, ("a",))], []) == [("a", None), ("b", None)]


def test_a_parent_that_is_not_there_is_none() -> None:
    assert kept([hit("a", 1, ("gone",))], []) == [("a", None)]


def test_a_quote_is_gold_where_it_stands_first_and_texts_are_cut() -> None:
    quote = "It sits in Norvik."
    long = hit("p", text=f"{quote}\n" + "word " * 200)
    (node,) = prune(Question("q", "?", gold=(quote,), quotes=(quote,)), [], [long, hit("p2", text=quote)], ())
    assert (node.names[0], node.source, node.title) == (quote, "p", "P")
    assert len(node.text) == EXCERPT and node.text.startswith(f"{quote} word") and node.text.endswith("…")
