"""Answers against gold answers, as the official scripts of HotpotQA and SQuAD define it; the best gold alias counts.

Both scripts normalise alike: lower case, ASCII punctuation deleted, the articles a, an, the deleted, white space
joined. They differ in F1: HotpotQA gives 0 when one side is exactly yes, no or noanswer and the other is not; SQuAD
2.0 gives 1 when both sides are empty and 0 when one is. 2WikiMultihopQA uses HotpotQA's rule, MuSiQue SQuAD's.
Sources: hotpot_evaluate_v1.py (arXiv 1809.09600), evaluate-v2.0.py (arXiv 1806.03822).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

CLOSED = frozenset({"yes", "no", "noanswer"})

_DELETE_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """Text as the official scripts compare it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_DELETE_PUNCTUATION)).split())


def _f1(prediction: str, gold: str) -> float:
    """2PR / (P + R) over the bags of words of two normalised texts."""
    predicted, expected = prediction.split(), gold.split()
    same = (Counter(predicted) & Counter(expected)).total()
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted), same / len(expected)
    return 2 * precision * recall / (precision + recall)


def _hotpot_f1(prediction: str, gold: str) -> float:
    closed = prediction in CLOSED or gold in CLOSED
    return 0.0 if closed and prediction != gold else _f1(prediction, gold)


def _squad_f1(prediction: str, gold: str) -> float:
    return _f1(prediction, gold) if prediction and gold else float(prediction == gold)


def _contains(prediction: str, gold: str) -> float:
    return float(bool(gold) and f" {gold} " in f" {prediction} ")


def _best(score: Callable[[str, str], float], prediction: str, answers: Sequence[str]) -> float:
    """The best score over the gold answers; no gold answer means that the empty answer is right."""
    predicted = normalise(prediction)
    return max(score(predicted, normalise(answer)) for answer in answers or ("",))


def answer_em(prediction: str, answers: Sequence[str]) -> float:
    """1 when the normalised prediction equals a normalised gold answer, else 0 (both scripts)."""
    return _best(lambda predicted, gold: float(predicted == gold), prediction, answers)


def answer_f1(prediction: str, answers: Sequence[str]) -> float:
    """Word F1 by HotpotQA's rule."""
    return _best(_hotpot_f1, prediction, answers)


def squad_f1(prediction: str, answers: Sequence[str]) -> float:
    """Word F1 by SQuAD 2.0's rule."""
    return _best(_squad_f1, prediction, answers)


def answer_contains(prediction: str, answers: Sequence[str]) -> float:
    """1 when a normalised gold answer stands in the normalised prediction, word by word, else 0.

    What a generator that answers in sentences can be held to; EM and F1 expect the bare answer.
    """
    return _best(_contains, prediction, answers)
