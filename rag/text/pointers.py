"""Sentences that only say where more stands: "See also P-21.", "You can read more about this in ...".

They answer nothing but a question for a place to read. By how they begin, in English. What it does not do: follow them.
"""

import re

_POINTER = re.compile(
    r"\W*(?:(?:please\s+)?(?:see|refer\s+to)\s"
    r"|(?:you\s+can\s+)?(?:read|find\s+out|learn)\s+more\b"
    r"|more\s+(?:information|details?|about|on)\b"
    r"|for\s+(?:more|further|details|a\s+fuller)\b)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\b(?:where|which|what)\b.*\b(?:read|see|find|look|learn|described|explained|documented|document|page|section|link"
    r"|information|details|more)\b|\bmore\s+(?:information|details|about|on)\b",
    re.IGNORECASE | re.DOTALL,
)
LONGEST = 25  # words; a longer sentence says something itself


def is_pointer(sentence: str) -> bool:
    """Whether a sentence only points to another text."""
    return bool(_POINTER.match(sentence)) and len(sentence.split()) <= LONGEST


def asks_where_to_read(question: str) -> bool:
    """Whether a question asks for a place to read on."""
    return bool(_ASKING.search(question))
