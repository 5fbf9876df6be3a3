"""A sentence with a gap: the form that any sentence with a number or a name in it can take.

It is the weakest form, since it gives away the wording of the sentence, and only fills up what the others leave.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_evals.make.draft import Draft, Support
from rag_evals.make.material import SourceSentence, names

GAP = "____"

_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w-])")


def clozes(sentence: SourceSentence, known: frozenset[str]) -> Iterator[Draft]:
    """The sentence without its only number, and without the only name in it that stands behind others words."""
    found = [(match.start(), match.end()) for match in _NUMBER.finditer(sentence.text)]
    named = [(name.start, name.end) for name in names(sentence.text, known) if name.start > 0]
    for spans in (found, named):
        if len(spans) == 1:
            ((start, end),) = spans
            text = f"{sentence.text[:start]}{GAP}{sentence.text[end:]}"
            question = f"What belongs in the gap: “{text[0].upper()}{text[1:]}.”?"
            support = (Support(sentence.quote, sentence.chunk),)
            yield Draft(question, sentence.text[start:end], "cloze", support)
