"""Do citations hold what is said, is each needed, and is each quote exact? Statement level, after ALCE.

A cited statement is its text and the quotes it cites. What "supports" means is a function handed in; the default,
`lexical_support`, asks no model and knows no paraphrase. Source: arXiv 2305.14627, section 4, with its NLI model
replaced by `supports`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Cited = tuple[str, Sequence[str]]  # a statement's text, its quotes
Supports = Callable[[str, Sequence[str]], bool]

SHARE = 0.75  # of a statement's longer words that its quotes must hold

_WORD = re.compile(r"\w+")


def lexical_support(statement: str, quotes: Sequence[str]) -> bool:
    """Whether the quotes together hold every number and name of the statement and most of its longer words.

    A name is a capitalised word that is not the first of the statement.
    """
    held = {word.lower() for quote in quotes for word in _WORD.findall(quote)}
    words = _WORD.findall(statement)
    musts = {word.lower() for i, word in enumerate(words) if word[0].isdigit() or (i > 0 and word[0].isupper())}
    longer = {word.lower() for word in words if len(word) > 3}
    return bool(words) and musts <= held and len(longer & held) >= SHARE * len(longer)


def citation_recall(statements: Sequence[Cited], supports: Supports = lexical_support) -> float:
    """|statements whose quotes together support them| / |statements|; 0 when nothing is stated."""
    held = [bool(quotes) and supports(text, quotes) for text, quotes in statements]
    return sum(held) / max(1, len(held))


def citation_precision(statements: Sequence[Cited], supports: Supports = lexical_support) -> float:
    """|needed citations| / |citations|; 0 when nothing is cited.

    A citation is needed when its statement is supported by all its quotes, and either this quote alone supports it
    or the others without this one do not.
    """
    needed: list[bool] = []
    for text, quotes in statements:
        held = bool(quotes) and supports(text, quotes)
        for i, quote in enumerate(quotes):
            others = [*quotes[:i], *quotes[i + 1 :]]
            needed.append(held and (supports(text, [quote]) or not supports(text, others)))
    return sum(needed) / max(1, len(needed))


def quote_exactness(quotes: Sequence[str], spans: Sequence[str]) -> float:
    """|quotes equal to the source text at the span they name| / |quotes|; 0 when nothing is quoted."""
    return sum(quote == span for quote, span in zip(quotes, spans, strict=True)) / max(1, len(quotes))
