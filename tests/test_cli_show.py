"""What a person sees of an answer: its level, each quote once with its address, lines that fit, no marks."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.answer.citations import resolve
from rag.answer.data import answer_data
from rag.cli.quotes import find_words, readable
from rag.cli.show import Flow, describe, follow, show
from rag.pipeline import Event
from rag.types import Answer, AnswerSide, Chunk, Hit, Section

TEXT = (
    "The **ferry** to Norvik is run by [Havn Lines](https://havn.example), which was founded in 1962 in the old town "
    "of Tarnvik. It leaves at *nine*.\n\n| Route | Cars |\n|---|---|\n| Havnes | 110 |\n| Lysvik | 42 |\n"
)
QUESTION = "Which company runs the ferry?"
CHUNK = Chunk("a", "a", TEXT, 0, len(TEXT), "docs/ferry.md", sections=(Section(0, len(TEXT), "heading", "Ferries"),))
HITS = [Hit(CHUNK, 1.0)]
FIRST, SECOND = TEXT[: TEXT.index("\n")].replace(". It", ".\0It").split("\0")
SHOWN = "The ferry to Norvik is run by Havn Lines, which was founded in 1962 in the old town of Tarnvik."
Shown = Callable[..., str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """What `rag ask` prints of a generated text."""

    def shown(text: str, *, width: int = 60, terminal: bool = False, question: str = QUESTION) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        answer = resolve(question, text, HITS)
        events = [*(Event("text", piece) for piece in re.findall(r"\s*\S[^\n]*", answer.text)), Event("answer", answer)]
        show(follow(events, question))
        return capsys.readouterr().out

    return shown


def test_a_short_answer_is_the_first_line_and_its_quote_stands_once_with_its_address(shown: Shown) -> None:
    out = shown(f"Havn Lines: “{FIRST}” [1]\n“{SECOND}” [1]")
    first, empty, *rest = out.splitlines()
    assert (first, empty) == ("Havn Lines", "")
    # two sentences that follow each other are one quote
    assert " ".join(" ".join(rest).split()) == f"“{SHOWN} It leaves at nine.” docs/ferry.md, Ferries"


def test_evidence_says_what_it_is(shown: Shown) -> None:
    out = shown(f"“{SECOND}” [1]")
    assert out == "These passages speak to it:\n\n  “It leaves at nine.”\n  docs/ferry.md, Ferries\n\n"


def test_rows_that_follow_each_other_are_a_quote_each(shown: Shown) -> None:
    out = shown("“| Havnes | 110 |” [1]\n“| Lysvik | 42 |” [1]")
    assert out.count("docs/ferry.md, Ferries") == 2 and "“Havnes | 110”" in out and "“Lysvik | 42”" in out


def test_nothing_names_what_is_missing_and_shows_the_closest_passages(shown: Shown) -> None:
    out = shown("", question="Who is Zorblax?")
    assert "No passage found speaks of Zorblax." in out and "Closest passages:\n\n  The ferry to Norvik" in out
    assert "docs/ferry.md" in out and "**" not in out


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("terminal", [True, False])
def test_lines_fit(shown: Shown, width: int, terminal: bool) -> None:
    written = "The ferry to Norvik is run by Havn Lines, which was founded in 1962 in the old town of Tarnvik. [1]"
    for text in (f"Havn Lines: “{FIRST}” [1]", f"“{FIRST}” [1]", written, ""):
        lines = re.sub("\033\\[\\d*m", "", shown(text, width=width, terminal=terminal)).splitlines()
        assert max(map(len, lines)) <= width, text


def test_what_a_model_writes_keeps_its_markers_above_a_list_of_quotes(shown: Shown) -> None:
    out = shown("It is run by Havn Lines. [1] It leaves at nine. [1]", width=100)
    text, _, quotes = out.partition("\n\n")
    assert text == "It is run by Havn Lines. [1] It leaves at nine. [1]"
    assert quotes.count("[1] “") == 1 and quotes.endswith("    docs/ferry.md, Ferries\n\n")


def test_a_quote_that_a_model_adds_stays_in_its_text(shown: Shown) -> None:
    text = f"It leaves at nine. [1]\n“{SECOND}” [1]"
    assert shown(text, width=100).startswith(f"{text}\n")


def test_the_answer_stands_out_in_its_quote_on_a_terminal_alone(shown: Shown) -> None:
    assert "\033[1mHavn Lines\033[0m" in shown(f"Havn Lines: “{FIRST}” [1]", terminal=True).partition("“")[2]
    assert "\033" not in shown(f"Havn Lines: “{FIRST}” [1]")


def test_marked_words_are_the_answer_or_else_the_questions() -> None:
    assert find_words("Havn Lines runs it", "Havn Lines", QUESTION) == [(0, 10)]
    assert find_words("A ferry, run by them", "", QUESTION) == [(2, 7), (9, 12)]
    assert find_words("1962 and 19622", "1962", "") == [(0, 4)]


def test_only_markdown_is_cleaned_of_its_marks() -> None:
    assert readable("a **b**", "x.MD") == "a b"
    assert readable("a **b**", "x.c") == "a **b**"


def test_confidence_in_words() -> None:
    words = [describe(value) for value in (0.95, 0.8, 0.6, 0.3, 0.0)]
    assert words == ["very sure, 0.95", "sure, 0.80", "fairly sure, 0.60", "not sure, 0.30", "a guess, 0.00"]


def test_pieces_flow_into_lines_wherever_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    text = "One two three four five six.\nSeven eight, nine ten eleven."
    whole = Flow().fit(text)
    assert whole == "One two three four\nfive six.\nSeven eight, nine\nten eleven."
    flow = Flow()
    assert "".join(flow.fit(piece) for piece in re.findall(r"\s*\S+", text)) == whole


def test_a_question_that_was_completed_is_shown_first(shown: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer("Who runs the ferry?", "")
    follow([Event("asked", "Who runs the ferry?"), Event("answer", answer)], "Who runs it?")
    assert capsys.readouterr().out == "Understood as: Who runs the ferry?\n"


def test_sources_that_disagree_stand_side_by_side_with_their_dates(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    hits = [*HITS, Hit(replace(CHUNK, id="b", doc_id="b", source="docs/old.md"), 1.0)]
    answer = resolve(QUESTION, f"“{SECOND}” [1]\n“{FIRST}” [2]", hits)
    answer = replace(answer, sides=(AnswerSide("nine", 1, "2024-05-03"), AnswerSide("Havn Lines", 2)))
    show(answer)
    out = capsys.readouterr().out
    assert out.startswith("Sources disagree:\n\nnine  (2024-05-03)\n  “It leaves at nine.”\n  docs/ferry.md, Ferries\n")
    assert "\n\nHavn Lines\n  “The ferry to Norvik" in out and "docs/old.md" in out
    assert answer_data(answer, 0.1)["sides"][0] == {"answer": "nine", "marker": 1, "date": "2024-05-03"}
