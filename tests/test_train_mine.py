"""Pairs from links: what the pseudo-questions say, what links at all, and which are held out."""

from __future__ import annotations

from rag.train.data import CHECKED
from rag.train.mine import mined
from rag.types import Chunk

FILM = "Red Harbour is a film directed by the Aster Pictures company. It rains."
STUDIO = "Aster Pictures was founded in Norvik in the year 1912."


def chunk(name: str, text: str) -> Chunk:
    return Chunk(name, name, text, 0, len(text), f"{name}.txt", name.title(), name.title(), (name,))


def test_a_question_needs_both_ends_of_a_link_and_names_neither_key() -> None:
    found = mined([chunk("red harbour", FILM), chunk("aster pictures", STUDIO), chunk("norvik", "A town by the sea.")])
    questions = {pair.question for pair in (*found.pairs, *found.checks)}
    assert "Red Harbour is a film directed by which company was founded in Norvik in?" in questions
    edges = {(pair.read, pair.target) for pair in (*found.pairs, *found.checks) if "directed" in pair.question}
    assert edges == {("", "red harbour"), ("red harbour", "aster pictures")}
    assert found.passages["norvik"] == ("Norvik", "A town by the sea.")
    assert found.asked == ()


def test_the_title_stands_in_front_where_the_sentence_does_not_name_it() -> None:
    (first, *_) = mined(
        [chunk("red harbour", "It was directed by Aster Pictures."), chunk("aster pictures", STUDIO)]
    ).pairs
    assert first.question.startswith("Red Harbour: It was directed by which was founded")


def test_what_many_chunks_are_about_links_nothing() -> None:
    crowd = [chunk("aster pictures", STUDIO) for _ in range(4)]
    assert not mined([chunk("red harbour", FILM), *crowd]).pairs


def test_questions_are_held_out_and_the_order_is_seeded() -> None:
    world = [chunk(f"town{i}", f"From here a road leads to Town{i + 1} and the sea.") for i in range(8 * CHECKED)]
    one, again, other = (mined(world, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert set(one.pairs) == set(other.pairs) and one.pairs != other.pairs
    assert 0 < len(one.checks) < len(one.pairs)
    assert not {pair.question for pair in one.checks} & {pair.question for pair in one.pairs}
    assert len(mined(world, most=3).pairs) == 3
