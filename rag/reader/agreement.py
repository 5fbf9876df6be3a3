"""When two answers are the same answer: by half of their words, as an answer is measured against a known one."""

import re
from collections import Counter

MIN_F1 = 0.5  # of two answers that agree
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\w*\d\w*")


def normalise_answer(text: str) -> str:
    """An answer without case, articles and punctuation, so that equal answers are equal strings."""
    return " ".join(word for word in _WORD.findall(text.lower()) if word not in {"a", "an", "the"})


def word_f1(answer: str, known: str) -> float:
    """Word F1 of two normalised answers, 0 to 1."""
    a, b = answer.split(), known.split()
    if set(a).isdisjoint(b):
        return 0.0
    same = (Counter(a) & Counter(b)).total()
    return 2 * same / (len(a) + len(b))


def agree(one: str, other: str) -> bool:
    """Whether two normalised answers say the same: "64 octets" and "up to 64 octets", and not "32 octets"."""
    if word_f1(one, other) < MIN_F1:
        return False
    numbers, others = ({*_NUMBER.findall(text)} for text in (one, other))
    return numbers <= others or others <= numbers
