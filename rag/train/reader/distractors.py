"""Passages that share rare words with a question: what training takes for those that merely look right."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

_WORD = re.compile(r"\w{3,}")


def content_words(text: str) -> set[str]:
    """The words of three letters or more, in lower case."""
    return set(_WORD.findall(text.lower()))


class LexicalIndex:
    """An inverted index in memory: a word counts by its rarity, once a passage."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.ids = list(texts)
        rows: dict[str, list[int]] = defaultdict(list)
        lengths = np.empty(len(texts), np.float32)
        for i, text in enumerate(texts.values()):
            words = content_words(text)
            lengths[i] = len(words)
            for word in words:
                rows[word].append(i)
        self.rows = {word: np.array(where) for word, where in rows.items()}
        self.scale = 1 / (0.5 + 0.5 * lengths / max(lengths.mean(), 1))

    def best(self, text: str, n: int) -> list[str]:
        """The ids of the n best passages, best first."""
        scores = np.zeros(len(self.ids), np.float32)
        for word in sorted(content_words(text)):  # a set's order, and with it the rounding, differs by process
            if (where := self.rows.get(word)) is not None:
                scores[where] += math.log(1 + len(self.ids) / len(where))
        order = np.argsort(-scores * self.scale, kind="stable")[:n]
        return [self.ids[i] for i in order if scores[i] > 0]
