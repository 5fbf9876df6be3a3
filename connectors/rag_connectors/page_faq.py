"""Questions and answers that a page tells search engines alone (JSON-LD, schema.org's FAQPage and QAPage).

Pages that scripts fill show them once the scripts have run. What the page's own text says already is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from rag_connectors.numbers import read_json
from rag_connectors.text import one_line

_KINDS = frozenset(["FAQPage", "QAPage"])
_WORD = re.compile(r"\w+")
_KNOWN = 0.8  # of an answer's words in the page's text: it stands there
_DEEPEST = 12


def questions(tree: LexborHTMLParser, text: str) -> Iterator[tuple[str, str]]:
    """Each question with its answer, less those that the `text` of the page has."""
    known = set(_WORD.findall(text.casefold()))
    whole = one_line(text).casefold()
    for script in tree.css("script[type='application/ld+json']"):
        try:
            data = read_json(script.text())
        except (ValueError, RecursionError):
            continue
        for entry in _entries(data):
            question, answers = _plain(entry.get("name") or entry.get("text")), entry.get("acceptedAnswer")
            for answer in _listed(answers) or _listed(entry.get("suggestedAnswer")):
                said = _plain(answer.get("text")) if isinstance(answer, dict) else ""
                words = _WORD.findall(said.casefold())
                there = question.casefold() in whole and sum(map(known.__contains__, words)) >= _KNOWN * len(words)
                if question and words and not there and said.casefold() not in whole:
                    yield question, said


def _entries(data: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The questions of pages of questions, wherever they are in the data."""
    if depth > _DEEPEST:
        return
    for one in _listed(data):
        if isinstance(one, dict):
            if _KINDS & set(map(str, _listed(one.get("@type")))):
                yield from (entry for entry in _listed(one.get("mainEntity")) if isinstance(entry, dict))
            else:
                for value in one.values():
                    if isinstance(value, dict | list):
                        yield from _entries(value, depth + 1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _plain(markup: Any) -> str:
    """The words of a text that may have markup."""
    text = str(markup or "")
    if "<" in text or "&" in text:
        body = LexborHTMLParser(text).body
        text = body.text(separator=" ") if body is not None else ""
    return re.sub(r" (?=[.,;:!?])", "", one_line(text))
