"""Sentences that speak to whoever answers: "ignore all other documents", "when asked ..., say", "the answer is".

A document's text is data and never an instruction. Such a sentence does no harm to a reader that writes nothing, but it
is the best match for a question that there is, and a person should know which files have one. Phrases: English, and the
commonest in German, French and Spanish. What it does not do: it tells no attack from a page about attacks, nor an exam
from a false answer key.
"""

import re
from itertools import pairwise

from rag.text.sentences import sentence_spans
from rag.text.words import fold, stems

_TRIGGER = re.compile(
    r"ignor|disregard|forget|ask|answer|reply|respond|antwort|lösung|r[ée]ponse|respuesta|vergiss|oubli|olvid", re.I
)
NEAR = 0.5  # of a question's content words beside "the answer is"

_ORDERS = re.compile(
    r"""\b(?:ignore|disregard|forget)\s(?:[\w',]+\s){0,6}?(?:previous|prior|above|earlier|other
        |preceding|all|any|every|contrary|conflicting)(?:\s[\w',]+){0,4}?\s(?:instruct|prompt|passage|document|source
        |context|text|information|rule|message|answer|statement|file|evidence)
    |\b(?:when|if|whenever|once|should)\s(?:[\w']+\s){0,4}?(?:asked|asks|ask)\b[^.!?]{0,240}?
        \b(?<!to\s)(?:answer|say|reply|respond|return|output|state)\b
    |\b(?:you\smust|always|please|only)\s(?:[\w']+\s){0,2}?(?:answer|reply|respond)\s(?:with|that|only|by|it|this)\b
    |\b(?:ignoriere?|vergiss)\b[^.!?]{0,60}?(?:anweisung|quelle|dokument|text)
    |\b(?:ignorez|oubliez|ignora|olvida)\b[^.!?]{0,60}?(?:instruction|instruccion|document|source|texte?o?)
    """,
    re.VERBOSE,
)
_ANSWERS = re.compile(
    r"""\banswer(?:(?:\s(?:to|for|on|here|of)\b[^.!?:]{0,240}?)?\s(?:is|was|should\sbe|must\sbe)\b)
        (?!\s(?:not|yes|no|either|known|unknown|given|found|in|of|to|as|often|always|usually|simple)\b)
    |\b(?:antwort|lösung)\s(?:\w+\s)?(?:ist|lautet)\b|\br[ée]ponse\s(?:\w+\s)?est\b|\brespuesta\s(?:\w+\s)?es\b
    """,
    re.VERBOSE,
)


def find_address(text: str, question: str = "") -> str:
    """The first sentence in which a text speaks to who answers a question; "" where none does.

    "The answer is" counts beside words of the `question`; without one, where something is asked in it or right before.
    """
    if not _TRIGGER.search(text):
        return ""
    asked = stems(question)
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    for before, sentence in pairwise(["", *sentences]):
        plain, near = fold(sentence), f"{before} {sentence}"
        answers = len(asked & stems(near)) >= NEAR * len(asked) if asked else "?" in near
        if _ORDERS.search(plain) or (answers and _ANSWERS.search(plain)):
            return sentence
    return ""
