"""What the reader's network sees: [CLS] question [SEP] title [SEP] text, and title and text again for each further one.

Training and use lay out tokens by this one function, so that they cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

QUESTION_TOKENS, TITLE_TOKENS = 64, 24  # tokens read of each, at most


@dataclass(frozen=True, slots=True)
class Layout:
    """Token ids; where each text starts among them, and how many of its tokens are there."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    lengths: tuple[int, ...]


def lay_out(
    question: Sequence[int], parts: Sequence[tuple[Sequence[int], Sequence[int]]], *, cls: int, sep: int, limit: int
) -> Layout:
    """Token ids of (title, text) parts behind the question's, `limit` at most; texts too long lose their ends.

    A text that needs less than its share leaves the rest to the others.
    """
    ids = [cls, *question[:QUESTION_TOKENS], sep]
    room = limit - len(ids) - sum(min(len(title), TITLE_TOKENS) + 2 for title, _ in parts)
    starts, lengths = [], []
    for i, (title, text) in enumerate(parts):
        later = [len(other) for _, other in parts[i + 1 :]]
        share = max(room // (len(later) + 1), room - sum(later))
        taken = text[: max(0, share)]
        room -= len(taken)
        ids += [*title[:TITLE_TOKENS], sep]
        starts.append(len(ids))
        lengths.append(len(taken))
        ids += [*taken, sep]
    return Layout(tuple(ids), tuple(starts), tuple(lengths))
