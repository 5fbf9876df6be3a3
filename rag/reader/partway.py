"""Answers to the question inside the question: a step on the way, and not what is asked for.

"What coolant does the battery need that the group chose?" is not answered by "The group chose Offer C": the sentence
has words of the clause that names the battery, and none of what is asked about it. Only where the question begins with
what it asks for and no second asking word stands in the clause. What it does not do: it does not see a step that is
named without a clause ("the capital of the county of Havnes"), and knows no synonyms.
"""

import re

from rag.text.absent import has_form, telling_words
from rag.text.questions import WH, analyse
from rag.text.words import tokens

HELD = 1 / 3  # of a clause's words, in a sentence and its heading, that answer the clause

_BEGINS = re.compile(rf"(?:\w+\s+)?{WH}", re.IGNORECASE)
_CLAUSE = re.compile(r"\s(?:that|which|who|whom|whose|where)\s", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:what|which|who|whose|when|how)\b", re.IGNORECASE)


def is_partway(question: str, heading: str, sentence: str) -> bool:
    """Whether a sentence below its heading has what a question's clause says, and nothing of what is asked."""
    text = analyse(question).text
    begins = _BEGINS.match(text)
    clause = begins and _CLAUSE.search(text, begins.end() + 1)
    if not clause or _ASKS.search(text, clause.end()):
        return False
    asked, inside = telling_words(text[: clause.start()]), tokens(text[clause.end() :])
    if not asked or not inside or any(has_form(word, sentence) for word in asked):
        return False
    whole = f"{heading}\n{sentence}"
    return any(has_form(word, sentence) for word in inside) and (
        sum(has_form(word, whole) for word in inside) >= HELD * len(inside)
    )
