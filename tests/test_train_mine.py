"""Pairs from links: what the pseudo-questions say, what links at all, and which are held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Pipeline
from rag.embed.hashing import HashingEmbedder
from rag.errors import InputError, MismatchError
from rag.index.folder import Index
from rag.train.common.dataset import HELD_OUT
from rag.train.common.mining import mine, read_index
from rag.types import Chunk

FILM = "Red Harbour is a film directed by the Aster Pictures company. It rains."
STUDIO = "Aster Pictures was founded in Norvik in the year 1912."


def chunk(name: str, text: str) -> Chunk:
    return Chunk(name, name, text, 0, len(text), f"{name}.txt", name.title(), name.title(), (name,))


def test_a_question_needs_both_ends_of_a_link_and_names_neither_key() -> None:
    found = mine([chunk("red harbour", FILM), chunk("aster pictures", STUDIO), chunk("norvik", "A town by the sea.")])
    questions = {pair.question for pair in (*found.pairs, *found.held_out_pairs)}
    assert "Red Harbour is a film directed by which company was founded in Norvik in?" in questions
    edges = {(pair.read, pair.target) for pair in (*found.pairs, *found.held_out_pairs) if "directed" in pair.question}
    assert edges == {("", "red harbour"), ("red harbour", "aster pictures")}
    assert found.passages["norvik"] == ("Norvik", "A town by the sea.")
    assert found.held_out_questions == ()


def test_the_title_stands_in_front_where_the_sentence_does_not_name_it() -> None:
    (first, *_) = mine(
        [chunk("red harbour", "It was directed by Aster Pictures."), chunk("aster pictures", STUDIO)]
    ).pairs
    assert first.question.startswith("Red Harbour: It was directed by which was founded")


def test_what_many_chunks_are_about_links_nothing() -> None:
    crowd = [chunk("aster pictures", STUDIO) for _ in range(4)]
    assert not mine([chunk("red harbour", FILM), *crowd]).pairs


def test_questions_are_held_out_and_the_order_is_seeded() -> None:
    world = [
        chunk(f"town{i}", f"Town{i} lies by the wide sea. From here a road leads to Town{i + 1} as well.")
        for i in range(8 * HELD_OUT)
    ]
    one, again, other = (mine(world, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert set(one.pairs) == set(other.pairs) and one.pairs != other.pairs
    assert 0 < len(one.held_out_pairs) < len(one.pairs)
    assert not {pair.question for pair in one.held_out_pairs} & {pair.question for pair in one.pairs}
    assert len(mine(world, most=3).pairs) == 3


def test_an_index_gives_pairs_and_its_own_vectors(notes: Path) -> None:
    assert not Index.at(notes).exists()
    with Pipeline.load(str(notes / "tiny.yaml"), index=notes) as pipeline:
        report = pipeline.ingest(["docs"])
    assert Index.at(notes).exists() and [file for file in report.files if file.status != "added"] == []
    found = read_index(notes, HashingEmbedder(), most=None, seed=0)
    assert found.vectors.shape == (len(found.passages), 256)
    said = {"router": "building 4", "lumen": "watts", "halvorsen": "Tarnvik"}
    name = {pid: key for pid, (_, text) in found.passages.items() for key, words in said.items() if words in text}
    steps = {(name[pair.read], name[pair.target]) for pair in (*found.pairs, *found.held_out_pairs) if pair.read}
    assert steps == {("router", "lumen"), ("lumen", "halvorsen")}
    with pytest.raises(MismatchError, match="another embedder"):
        read_index(notes, HashingEmbedder(width=64), most=None, seed=0)


def test_an_index_without_links_is_an_error(notes: Path) -> None:
    with Pipeline.load(str(notes / "tiny.yaml"), index=notes) as pipeline:
        pipeline.ingest(["docs/canteen.txt"])
    with pytest.raises(InputError, match="nothing to mine"):
        read_index(notes, HashingEmbedder(), most=None, seed=0)
