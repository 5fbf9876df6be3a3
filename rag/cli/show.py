"""Answers as people read them, each level in its own way: a short answer, evidence, or what is missing.

An answer that quotes shows each quote once, with its address. What a language model writes is shown as it is checked,
with its markers, and a list of the quotes below.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rag.answer.verify import ACCEPTED, PARTLY
from rag.cli.detail import show_trace
from rag.cli.quotes import INDENT, columns, readable, say_address, show_quotes, wrap
from rag.cli.terminal import WaitingSign, clean, line, paint, say, screen
from rag.stages import LanguageModel
from rag.text.focus import find_focus

if TYPE_CHECKING:
    from rag.pipeline import Event
    from rag.types import Answer, Hit

EXCERPT = 240  # characters of a passage that is shown where nothing is said
CLOSEST = 3  # passages of these
DAY = len("2024-05-03")  # of a date with a time
SURE = {0.9: "very sure", 0.75: "sure", 0.5: "fairly sure", 0.25: "not sure", 0.0: "a guess"}  # from a confidence on
_QUOTING = re.compile(r"(?:[^“”]*: )?“[^“”]*”(?: \(\w+\))?(?: ?\[\d+\])*")


def follow(events: Iterable[Event], question: str, *, silent: bool = False) -> Answer:
    """The answer that ends the events; its text is printed, on a terminal statement by statement as it is checked.

    A pipe gets the text when it is whole, so that an answer that breaks off leaves nothing there. Of an answer that
    only quotes nothing is printed: `show` does it. A question that was completed from a conversation is shown first.
    """
    live = screen().out.isatty() and not silent
    waiting, text, shown, line_open = "", "", 0, False
    flow = Flow()
    sign = WaitingSign()
    try:
        sign.show()
        for event in events:
            if event.kind == "asked" and event.data != question:
                waiting += paint(f"Understood as: {line(event.data)}", "dim") + "\n"
            elif event.kind == "text":
                text += clean(event.data)
                if not _only_quotes(text):
                    waiting, shown = waiting + flow.fit(text[shown:]), len(text)
            if live and waiting:
                sign.hide()
                say(waiting, end="")
                waiting, line_open = "", not waiting.endswith("\n")
                sign.show()
    finally:
        sign.hide()
        if line_open:
            say()
    answer: Answer = event.data
    if waiting and not silent:
        say(waiting, end="" if waiting.endswith("\n") else "\n")
    return answer


def show(answer: Answer, *, trace: bool = False) -> None:
    """What `follow` left to be shown: a short answer with its quotes, evidence, or what is missing."""
    if answer.level == "nothing":
        _show_nothing(answer)
    elif _only_quotes(answer.text):
        _show_quoted(answer)
    else:
        _show_written(answer)
    if trace:
        show_trace(answer)


def _only_quotes(text: str) -> bool:
    """Whether a text has no other words than quotes, and what a line says before its quote."""
    return all(_QUOTING.fullmatch(row.strip()) for row in text.strip().split("\n"))


def _show_quoted(answer: Answer) -> None:
    if answer.short:
        say("\n".join(paint(row, "bold") for row in wrap(readable(answer.short, _source(answer))).split("\n")))
        if answer.confidence is not None:
            say(paint(describe(answer.confidence), "dim"))
    else:
        say("Sources disagree:" if answer.sides else "These passages speak to it:")
    if doubtful := sum(s.verdict == PARTLY for s in answer.statements):
        say(paint(f"{PARTLY}: {doubtful} of {len(answer.statements)}", "yellow"))
    _show_withheld(answer)
    say()
    for side in answer.sides:
        say(
            paint(readable(side.text, ""), "bold") + (paint(f"  ({line(side.date)[:DAY]})", "dim") if side.date else "")
        )
        show_quotes([c for c in answer.citations if c.marker == side.marker], short=side.text)
    if not answer.sides:
        show_quotes(answer.citations, short=answer.short, question=answer.question)
    _show_missing(answer)


def _show_written(answer: Answer) -> None:
    """What is doubtful, how much was left out, and the quotes."""
    for statement in answer.statements:
        if statement.verdict == PARTLY:
            say(paint(f"{INDENT}{statement.verdict}: ", "yellow") + line(statement.text))
    _show_withheld(answer)
    say()
    show_quotes(answer.citations, question=answer.question, numbered=True)


def _show_withheld(answer: Answer) -> None:
    withheld = [s for s in answer.statements if s.verdict not in ACCEPTED and s.text not in answer.text]
    if withheld:
        say(paint(f"{INDENT}left out for lack of support: {len(withheld)} more (--json shows them)", "yellow"))


def _show_nothing(answer: Answer) -> None:
    """Why nothing is said, and the closest passages."""
    say("The documents do not hold enough evidence to answer this.")
    _show_missing(answer)
    if answer.hits:
        say("Closest passages:\n")
        show_passages(answer.hits[:CLOSEST], answer.question)


def _show_missing(answer: Answer) -> None:
    if answer.missing and answer.hits:
        say(wrap(line(f"No passage found speaks of {', '.join(answer.missing)}.")))


def suggest_model(answer: Answer, generator: object) -> bool:
    """Where nothing was said without a language model: say that there may be one; whether it was said."""
    if answer.level != "nothing" or not answer.hits or isinstance(generator, LanguageModel):
        return False
    advice = "A language model may find an answer here, checked all the same: --llm auto asks one on this computer."
    say(paint(wrap(advice), "dim"))
    return True


def show_passages(hits: Sequence[Hit], question: str) -> None:
    """What each passage says to the question, with its address."""
    for hit in hits:
        say(wrap(excerpt(hit, question), INDENT))
        say_address(focus_address(hit, question))


def focus_address(hit: Hit, question: str) -> str:
    """Where the sentence of a passage stands that has most of the question's words."""
    return hit.chunk.address(hit.chunk.start + find_focus(question, hit.chunk.text))


def excerpt(hit: Hit, question: str) -> str:
    """A passage on one line, cut at a word: its beginning, or the question's words where they stand later."""
    text = hit.chunk.text
    at = find_focus(question, text)
    beginning = at if at >= EXCERPT else 0
    shown = readable(text[beginning:], hit.chunk.source)
    return "… " * bool(beginning) + textwrap.shorten(shown, EXCERPT, placeholder=" …")


def describe(confidence: float) -> str:
    """How sure that is, in words and as a number."""
    return f"{next(words for least, words in SURE.items() if confidence >= least)}, {confidence:.2f}"


def _source(answer: Answer) -> str:
    return answer.citations[0].source if answer.citations else ""


class Flow:
    """Text that comes in pieces, broken into lines that fit."""

    def __init__(self) -> None:
        self._column = 0

    def fit(self, text: str) -> str:
        """The piece as it is printed after those before it."""
        parts = []
        for blank, word in re.findall(r"(\s*)(\S*)", text):
            if "\n" in blank:
                blank = "\n" * blank.count("\n")
                self._column = 0
            elif word and self._column and self._column + len(blank) + len(word) > columns():
                blank, self._column = "\n" if blank else "", 0
            parts += [blank, word]
            self._column += len(blank.strip("\n")) + len(word)
        return "".join(parts)
