"""Follow-up questions made to stand alone, by rule and by a language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from rag.llm.rewrite import LONGEST, Turn, carry_names, rewrite_question

MAKER: Turn = {
    "question": "Who makes the Lumen K2?",
    "asked": "Who makes the Lumen K2?",
    "text": "Halvorsen Optik: “The Lumen K2 is a router made by Halvorsen Optik.” [1]",
    "short": "Halvorsen Optik",
}
SILENT: Turn = {"question": "Why?", "asked": "why was that?", "text": "", "short": ""}
PLACE: Turn = {**MAKER, "asked": "Where is Halvorsen Optik's head office? (Lumen K2)", "short": "Tarnvik"}
YEAR: Turn = {"question": "", "asked": "When was the Grey Heron built?", "text": "1987 [1]", "short": "in 1987"}


@pytest.mark.parametrize(
    ("question", "turns", "asked"),
    [
        ("Where is its head office?", [MAKER], "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("Where are they based?", [MAKER], "Where are Halvorsen Optik based? (Lumen K2)"),
        ("Where is its head office?", [MAKER, SILENT], "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("Who owns her now?", [YEAR], "Who owns Grey Heron now?"),
        ("What is her length?", [YEAR], "What is Grey Heron's length?"),
        ("What about the Sula Tern?", [YEAR], "When was the Sula Tern built?"),
        ("And the Sula Tern?", [YEAR], "When was the Sula Tern built?"),
        ("Why?", [YEAR], "Why? (Grey Heron)"),
        ("Where is it?", [PLACE], "Where is Tarnvik? (Lumen K2, Halvorsen Optik)"),
        # what stands alone already
        ("When does the canteen open?", [MAKER], "When does the canteen open?"),
        ("Where is Tarnvik?", [MAKER], "Where is Tarnvik?"),
        ("When did the Sula Tern get its engine?", [MAKER], "When did the Sula Tern get its engine?"),
        ("Where is its head office?", [], "Where is its head office?"),
        ("Where is its head office?", [SILENT], "Where is its head office?"),
    ],
)
def test_names_are_carried_forward(question: str, turns: list[Turn], asked: str) -> None:
    assert carry_names(question, turns) == asked
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
        ("", "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("It is in Tarnvik.\nAnything else?", "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("x" * (LONGEST + 1), "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("Is the router of Halvorsen Optik free?", "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("Where is the head office of Norwave?", "Where is Halvorsen Optik's head office? (Lumen K2)"),
        ("<think>for ever", "Where is Halvorsen Optik's head office? (Lumen K2)"),
    ],
)
def test_a_language_model_rewrites_unless_it_says_no_question(says: str, asked: str) -> None:
    model = Model(says)
    assert rewrite_question("Where is its head office?", [MAKER], model) == asked
    assert "Where is its head office?" in model.told[1]["content"] and MAKER["text"] in model.told[1]["content"]


def test_a_first_question_is_not_rewritten() -> None:
    model = Model("What?")
    assert rewrite_question("Who makes the Lumen K2?", [], model) == "Who makes the Lumen K2?" and not model.told
