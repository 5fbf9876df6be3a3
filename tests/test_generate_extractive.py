"""The extractive generator: verbatim quotes that cover the question, chains quoted whole, silence without evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.citations import resolve
from rag.answer.verify import SUPPORTED
from rag.errors import ConfigError
from rag.generate.extractive import MAX_EMBEDDED, ExtractiveGenerator
from rag.stages import Generator
from rag.text.mend import join_lines
from rag.text.mentions import normalise
from rag.text.words import tokens
from rag.types import Chunk, Chunked, Embeddings, Hit, Spans


class Words:
    """An embedder by bag of words: a dimension per word seen, unit length."""

    dim = 500
    representations = frozenset({"dense"})
    fingerprint = "words"

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.asked: list[int] = []

    def token_spans(self, texts: Sequence[str]) -> list[Spans]:
        raise NotImplementedError

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        raise NotImplementedError

    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        self.asked.append(len(texts))
        dense = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(dense, texts, strict=True):
            for token in tokens(text):
                row[self.known.setdefault(token.stem, len(self.known)) % self.dim] += 1
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return Embeddings(dense)


class Sparse(Words):
    def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        return Embeddings(sparse=[])


def hit(name: str, title: str, text: str, *trail: str) -> Hit:
    chunk = Chunk(name, name, text, 0, len(text), f"{name}.txt", title, title, (normalise(title),))
    return Hit(chunk, 1.0, len(trail), trail)


FILM = hit(
    "film",
    "The Grey Harbour",
    "The Grey Harbour is a 1961 drama film. It was directed by Marsh Studio.[3] The film was shot in\n"
    "Havnes over six weeks and won two prizes. Its budget was small.",
)
DIRECTOR = hit(
    "director",
    "Marsh Studio",
    "Marsh Studio studied law. He was born in the fishing village of Ytre Holm. He kept bees and painted boats.",
    "film",
)
BREAD = hit("bread", "Rye bread", "# Rye bread\nRye bread keeps for a week. It is baked from sourdough in long ovens.")
HITS = [FILM, BREAD, DIRECTOR]
QUESTION = "Where was the director of the film The Grey Harbour born?"


def ask(question: str, hits: Sequence[Hit], embedder: Words | None = None, **options: float) -> str:
    return "".join(ExtractiveGenerator(embedder=embedder or Words(), **options).stream(question, hits))  # type: ignore[arg-type]


def test_is_a_generator() -> None:
    assert isinstance(ExtractiveGenerator(embedder=Words()), Generator)


def test_a_chain_is_quoted_whole_with_exact_citations() -> None:
    text = ask(QUESTION, HITS)
    assert {
        "“It was directed by Marsh Studio.” [1]",
        "“He was born in the fishing village of Ytre Holm.” [3]",
    } < set(text.splitlines())
    answer = resolve(QUESTION, text, HITS)
    assert [statement.verdict for statement in answer.statements] == [SUPPORTED] * 3
    assert {
        ("film.txt", "It was directed by Marsh Studio.[3]", 0),
        ("director.txt", "He was born in the fishing village of Ytre Holm.", 1),
    } < {(c.source, c.quote, c.hop) for c in answer.citations}


def test_a_mention_is_quoted_beside_what_it_names() -> None:
    question = "In which village was he born?"
    bridge = hit("film", "The Grey Harbour", "A bold debut by Marsh Studio. It runs for two hours. Critics were kind.")
    linked, unrelated = [bridge, DIRECTOR], [bridge, replace(DIRECTOR, chunk=replace(DIRECTOR.chunk, about=()))]
    assert "debut by Marsh Studio" in ask(question, linked, sentences=2)
    assert "debut by Marsh Studio" not in ask(question, unrelated, sentences=2)


def test_quotes_are_verbatim_but_for_line_breaks_and_footnote_marks() -> None:
    text = ask("In which town was the film shot and over how many weeks?", [FILM], sentences=1)
    assert text == "“The film was shot in Havnes over six weeks and won two prizes.” [1]\n"


def test_a_second_sentence_must_add_something() -> None:
    twice = [hit(name, "Rye bread", "Rye bread keeps for a week.") for name in ("one", "two")]
    assert ask("For how long does rye bread keep?", twice) == "“Rye bread keeps for a week.” [1]\n"


@pytest.mark.parametrize("question", ["What is the boiling point of mercury?", "?", ""])
def test_nothing_is_said_about_something_else(question: str) -> None:
    assert ask(question, HITS) == ""


@pytest.mark.parametrize(
    "hits", [[], [hit("empty", "", " \n ")], [hit("heading", "Director born", "# Director born\n")]]
)
def test_nothing_is_said_from_nothing(hits: list[Hit]) -> None:
    assert ask(QUESTION, hits) == ""


def test_a_higher_threshold_says_less() -> None:
    assert ask(QUESTION, HITS, threshold=0.0)
    assert ask(QUESTION, HITS, threshold=2.0) == ""


def test_only_the_best_candidates_are_embedded_in_one_batch() -> None:
    embedder = Words()
    many = [
        hit(str(i), f"Harbour {i}", "The harbour opens at noon. Boats wait outside. Nobody works.") for i in range(30)
    ]
    ask("When does the harbour open?", many, embedder)
    assert embedder.asked == [MAX_EMBEDDED + 1]


def test_an_embedder_without_dense_vectors_is_refused() -> None:
    with pytest.raises(ConfigError, match="dense"):
        ask(QUESTION, HITS, Sparse())


SENTENCES = st.lists(
    st.sampled_from(
        [
            "He sails",
            "Boats 3, 4 and 5.0",
            "the “Puffin” [2]",
            "J. Berg",
            '"Why?"',
            "Oslo | Bergen",
            "no end\n",
            "東京。",
            "x [1-3]",
        ]
    )
    | st.text(max_size=12),
    max_size=12,
).map(". ".join)


@given(st.lists(SENTENCES, min_size=1, max_size=4))
def test_every_quote_of_any_text_is_supported_by_exact_spans(texts: list[str]) -> None:
    hits = [hit(str(i), f"Boat {i}", text) for i, text in enumerate(texts)]
    question = "Which boats sail to Oslo and Bergen?"
    text = ask(question, hits, threshold=0.0)
    for line in text.splitlines():
        quote, marker = re.fullmatch(r"“(.*)” \[(\d)\]", line).groups()  # type: ignore[union-attr]
        plain = re.sub(r"\s*\[[\d–,; -]+\]", "", " ".join(join_lines(hits[int(marker) - 1].chunk.text).split()))
        marks = str.maketrans("“”", '""')
        assert re.sub(r"\s", "", quote) in re.sub(r"\s", "", plain).translate(marks)
    answer = resolve(question, text, hits)
    assert answer.level in ("evidence", "nothing") and answer.short == ""
    for statement in answer.statements:
        assert statement.verdict == SUPPORTED, statement


def test_a_row_about_another_part_is_not_quoted() -> None:
    rows = [f"The part XJ-{900 + n}/2B fits the gate of hall {n}." for n in range(6)]
    text = ask("Which gate does the part XJ-903/2B fit?", [hit("parts", "Parts", "\n".join(rows))], threshold=0.0)
    assert text == f"“{rows[3]}” [1]\n"
