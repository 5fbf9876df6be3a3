"""Making questions: the forms, what is left out, two hops, and what mined questions hold on the example documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Chunk, Pipeline
from rag_evals.make.clause import base, clause
from rag_evals.make.cloze import clozes
from rag_evals.make.draft import Draft, Support, sound, words
from rag_evals.make.material import SourceSentence, material, names, plain
from rag_evals.make.mine import chunks, mine
from rag_evals.make.single import singles
from rag_evals.make.table import of_row

ROOT = Path(__file__).parent.parent.parent


def a_chunk(text: str, source: str = "a.md", title: str = "", about: tuple[str, ...] = ()) -> Chunk:
    return Chunk(f"{source}-{len(text)}", source, text, 0, len(text), source, title=title, about=about)


def asked(text: str, kinds: dict[str, str] | None = None, title: str = "") -> list[tuple[str, str]]:
    sentence = SourceSentence(text, text.removesuffix("."), a_chunk(text, title=title))
    return [(draft.question, draft.answer) for draft in singles(sentence, kinds or {})]


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("The Lumen K2 was released in May 2024.", "When was the Lumen K2 released?", "May 2024"),
        ("The Havnes depot has been closed since 2019.", "Since when has the Havnes depot been closed?", "2019"),
        ("The Ormsey tank holds about 240 litres.", "How many litres does the Ormsey tank hold?", "240"),
        (
            "The Ormsey freezer is set to minus 22 degrees.",
            "To how many degrees is the Ormsey freezer set?",
            "minus 22",
        ),
        ("The Ormsey buoys are visited every six weeks.", "How often are the Ormsey buoys visited?", "every six weeks"),
        ("The Ormsey ferry is 61 metres long.", "How many metres long is the Ormsey ferry?", "61"),
        ("The Lumen K2 is made by Fjordlink Optik.", "Who or what is the Lumen K2 made by?", "Fjordlink Optik"),
        ("The museum is housed in the Customs House.", "Where is the museum housed?", "Customs House"),
        ("The core router is a Lumen K2, which is new.", "What is the core router?", "Lumen K2"),
        ("Norwave recommends the R310 for offices.", "What recommends the R310 for offices?", "Norwave"),
        ("Tavily is a search API that answers in a second.", "Which search API answers in a second?", "Tavily"),
        ("Tavily is a search API built for models.", "Which search API is built for models?", "Tavily"),
    ],
)
def test_a_statement_becomes_a_question(text: str, question: str, answer: str) -> None:
    assert (question, answer) in asked(text)


def test_a_name_is_asked_for_by_its_kind() -> None:
    assert ("Which ferry carries cars and up to 300 people?", "Grey Heron") in asked(
        "The Grey Heron carries cars and up to 300 people.", {"grey heron": "ferry"}
    )


def test_a_question_that_names_nothing_gets_the_documents_title() -> None:
    found = asked("The house was built in 1842.", title="Visitor guide")
    assert found == [("According to “Visitor guide”, when was the house built?", "1842")]


@pytest.mark.parametrize(
    "text",
    [
        "readings may be late.",
        "delivery takes six to ten weeks.",
        "The inspection took place over two days in February.",
        "Revision 9 moved telephone extensions to the contact list.",
        "Two fitters are on call at weekends from April to October.",
    ],
)
def test_what_the_rules_cannot_turn_round_is_left_alone(text: str) -> None:
    assert asked(text) == []


def test_clauses_and_base_forms() -> None:
    found = clause("The harbour office must be left by all")
    assert found is not None and (found.inner, found.verb, found.rest) == (
        "the harbour office",
        "must",
        "be left by all",
    )
    assert [base(verb) for verb in ("carries", "passes", "uses", "has", "goes")] == [
        "carry",
        "pass",
        "use",
        "have",
        "go",
    ]


def usable(text: str, title: str = "") -> list[str]:
    return [sentence.text for sentence in material([a_chunk(text, title=title)])[0]]


@pytest.mark.parametrize(
    "text",
    [
        "It was put into service in May 2024.",
        "# A heading of five words here",
        "Too short.",
        "The value is set with `x = compute(1, 2)` in the file.",
        "see the notes on the last page of this document.",
        "If the pump stops, the alarm sounds in the tower.",
        "The pump stops and the alarm sounds in the tower",
        f"The pump {'and again and again ' * 10}stops.",
    ],
)
def test_sentences_that_do_not_stand_alone_are_left_out(text: str) -> None:
    assert usable(text) == []


def test_boilerplate_is_left_out_and_a_ship_is_named() -> None:
    once = "The pump was installed in May 2024."
    assert usable(f"{once}\n\n{once}") == []
    assert usable("She was built by Sellmark Yard.", title="Grey Heron") == [
        "The Grey Heron was built by Sellmark Yard"
    ]


def test_the_first_word_keeps_its_capital_only_as_a_name() -> None:
    text = "Oily waste is landed at the east quay.\n\nHavnes waste is landed at the west quay, as in Havnes before."
    assert [sentence.split()[0] for sentence in usable(text)] == ["oily", "Havnes"]


def test_markdown_is_taken_off_but_the_quote_keeps_it() -> None:
    text = "The [`Lumen`](lumen.md) **K2** was released in May 2024."
    ((sentence,), _) = material([a_chunk(text)])
    assert (sentence.quote, sentence.text) == (text, "The Lumen K2 was released in May 2024")
    assert plain("- [[page|shown]] snake_case") == "page snake_case"


def test_names_are_known_keys_with_a_capital_longest_first() -> None:
    known = frozenset({"lumen k2", "lumen", "berth"})
    text = "The Lumen K2 and Lumen's other router lie at the berth"
    assert [text[name.start : name.end] for name in names(text, known)] == ["Lumen K2", "Lumen"]


def test_rows_are_asked_in_words() -> None:
    text = "Vessel: MV Skua; Type: Pilot boat; Built: 2012; Length m: 15.8; Passengers: 10; Remarks: Self-righting"
    _, (row,) = material([a_chunk(text)])
    assert {(draft.question, draft.answer) for draft in of_row(row)} == {
        ("What is the type of MV Skua?", "Pilot boat"),
        ("When was MV Skua built?", "2012"),
        ("What is the length in m of MV Skua?", "15.8"),
        ("How many passengers does MV Skua have?", "10"),
    }


def test_a_gap_takes_the_only_number() -> None:
    sentence = SourceSentence("q", "the recorder keeps 90 days", a_chunk("q"))
    (draft,) = clozes(sentence, frozenset())
    assert (draft.question, draft.answer) == ("What belongs in the gap: “The recorder keeps ____ days.”?", "90")


@pytest.mark.parametrize(
    ("question", "answer", "quotes"),
    [
        ("Where is the Lumen office of Tarnvik?", "Tarnvik", ("It is in Tarnvik.",)),
        ("Where is the office?", "Tarnvik", ("From Tarnvik to Tarnvik.",)),
        ("Where is the Lumen office?", "Tarnvik", ("Tarnvik it is.", "The office is in Tarnvik.")),
        ("Why?", "Tarnvik", ("It is in Tarnvik.",)),
    ],
)
def test_questions_that_cannot_be_asked(question: str, answer: str, quotes: tuple[str, ...]) -> None:
    supports = tuple(Support(quote, a_chunk(quote)) for quote in quotes)
    assert not sound(Draft(question, answer, "detail", supports))


def test_two_hops_put_a_description_for_a_name() -> None:
    found = mine(
        [
            a_chunk("The router in rack B2 is a Lumen K2.", "building.md"),
            a_chunk("The Lumen K2 was released in May 2024.", "k2.md", about=("lumen k2",)),
        ],
        n=1,
    )
    assert [(draft.question, draft.answer, draft.hops) for draft in found] == [
        ("When was the router in rack B2 released?", "May 2024", 2)
    ]
    assert [support.chunk.source for support in found[0].supports] == ["building.md", "k2.md"]


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> list[Draft]:
    with Pipeline.load(str(ROOT / "tests" / "tiny.yaml"), index=tmp_path_factory.mktemp("examples")) as pipeline:
        pipeline.ingest([ROOT / "examples" / "documents"])
        there = chunks(pipeline)
    assert mine(there, n=20, seed=3) == mine(there, n=20, seed=3) != mine(there, n=20, seed=4)
    return mine(there, n=60)


def test_mined_questions_rest_on_exact_quotes(mined: list[Draft]) -> None:
    assert len(mined) == 60
    for draft in mined:
        for support in draft.supports:
            assert support.quote in support.chunk.text
            path = Path(support.chunk.source)
            if path.suffix in (".md", ".txt", ".rst"):
                assert support.quote in path.read_bytes().decode()
        answer = " ".join(words(draft.answer))
        assert f" {answer} " in f" {' '.join(words(draft.supports[-1].quote))} "
        assert f" {answer} " not in f" {' '.join(words(draft.question))} "


def test_two_hop_questions_have_two_sources_and_need_both(mined: list[Draft]) -> None:
    double = [draft for draft in mined if draft.hops == 2]
    assert len(double) >= 8
    for draft in double:
        first, second = draft.supports
        assert first.chunk.source != second.chunk.source
        assert f" {' '.join(words(draft.answer))} " not in f" {' '.join(words(first.quote))} "


def test_mined_questions_are_spread_and_each_quote_is_used_once(mined: list[Draft]) -> None:
    quotes = [draft.supports[-1].quote for draft in mined]
    assert len(quotes) == len(set(quotes))
    assert len({draft.supports[-1].chunk.source for draft in mined}) >= 15
    assert len({draft.question for draft in mined}) == len(mined)
    assert sum(draft.form.startswith("row") for draft in mined) <= 20
