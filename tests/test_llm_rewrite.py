"""Follow-up questions made to stand alone, by rule and by a language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from rag.llm.rewrite import LONGEST, Turn, carry_words, rewrite_question

MAKER: Turn = {
    "question": "Who makes the Lumen K2?",
    "asked": "Who makes the Lumen K2?",
    "text": "Halvorsen Optik: “The Lumen K2 is a router made by Halvorsen Optik.” [1]",
    "short": "Halvorsen Optik",
}
CARRIED = "Where is its head office? (Halvorsen Optik, makes Lumen K2)"
SILENT: Turn = {"question": "", "asked": "why was that delayed?", "text": "", "short": ""}
EMPTY: Turn = {"question": "Why?", "asked": "why?", "text": "", "short": ""}
PLACE: Turn = {**MAKER, "asked": CARRIED, "short": "Tarnvik"}
YEAR: Turn = {"question": "", "asked": "When was the Grey Heron built?", "text": "1987 [1]", "short": "in 1987"}


@pytest.mark.parametrize(
    ("question", "turns", "asked"),
    [
        ("Where is its head office?", [MAKER], CARRIED),
        ("Where are they based?", [MAKER], "Where are they based? (Halvorsen Optik, makes Lumen K2)"),
        ("Where is its head office?", [MAKER, SILENT], "Where is its head office? (delayed)"),
        ("Where is its head office?", [MAKER, EMPTY], CARRIED),
        ("Who owns her now?", [YEAR], "Who owns her now? (in 1987, Grey Heron built)"),
        ("What about the Sula Tern?", [YEAR], "When was the Sula Tern built?"),
        ("And the Sula Tern?", [YEAR], "When was the Sula Tern built?"),
        ("and in the harbour?", [YEAR], "and in the harbour? (in 1987, Grey Heron built)"),
        ("Why?", [YEAR], "Why? (in 1987, Grey Heron built)"),
        ("Regional differences", [YEAR], "Regional differences (in 1987, Grey Heron built)"),
        ("Where is it?", [PLACE], "Where is it? (Tarnvik, head office Halvorsen Optik makes Lumen K2)"),
        # what stands alone already
        ("When does the canteen open?", [MAKER], "When does the canteen open?"),
        ("which ship is the oldest?", [MAKER], "which ship is the oldest?"),
        ("Where is Tarnvik?", [MAKER], "Where is Tarnvik?"),
        ("Is it allowed to smoke on board?", [MAKER], "Is it allowed to smoke on board?"),
        ("When did the Sula Tern get its engine?", [MAKER], "When did the Sula Tern get its engine?"),
        ("Where is its head office?", [], "Where is its head office?"),
        ("Where is its head office?", [EMPTY], "Where is its head office?"),
    ],
)
def test_what_the_last_turn_was_about_comes_along(question: str, turns: list[Turn], asked: str) -> None:
    assert carry_words(question, turns) == asked
    assert rewrite_question(question, turns) == asked


@dataclass
class Model:
    """Says one thing, and remembers what it was told."""

    says: str
    model: str = "fake"
    told: list[Mapping[str, str]] = field(default_factory=list)

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.told.extend(messages)
        yield from self.says


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ("Where is the head office of Halvorsen Optik?", "Where is the head office of Halvorsen Optik?"),
        ("<think>Its is\nthe maker.</think>\n\nWhere is Halvorsen Optik?\n", "Where is Halvorsen Optik?"),
        ("", CARRIED),
        ("It is in Tarnvik.\nAnything else?", CARRIED),
        ("x" * (LONGEST + 1), CARRIED),
        ("Is the router of Halvorsen Optik free?", CARRIED),
        ("Where is the head office of Norwave?", CARRIED),
        ("<think>for ever", CARRIED),
    ],
)
def test_a_language_model_rewrites_unless_it_says_no_question(says: str, asked: str) -> None:
    model = Model(says)
    assert rewrite_question("Where is its head office?", [MAKER], model) == asked
    assert "Where is its head office?" in model.told[1]["content"] and MAKER["text"] in model.told[1]["content"]


def test_a_first_question_is_not_rewritten() -> None:
    model = Model("What?")
    assert rewrite_question("Who makes the Lumen K2?", [], model) == "Who makes the Lumen K2?" and not model.told
