"""Links among hits: where they start, where they lead, and how several lists become one.

A link hop starts at an anchor, a direct hit about something that the question names: "Who is the spouse of the director
of film West of Shanghai?" starts at *West of Shanghai*, and what that passage mentions is one hop away. Links from
other passages are mostly noise: measured on 517 questions of 2WikiMultihopQA, the closest passage linked from an anchor
was gold in 40 to 73 of 100 cases, from any other passage in 1 to 8.

Lists have scores on different scales (fused ranks, cosines), so one list is made of them by place, and the score of a
hit in it is 1 / place.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from rag.text.mentions import mentions
from rag.types import Chunk, Hit, Query


def find_anchors(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are about a key which the question mentions, in their order."""
    keys = set(mentions(question))
    return [hit for hit in hits if not keys.isdisjoint(hit.chunk.about)]


def link_keys(chunk: Chunk) -> tuple[str, ...]:
    """The keys that a chunk mentions, without those of what it is itself about."""
    return tuple(key for key in mentions(chunk.text) if key not in chunk.about)


def follow_links(starts: Sequence[Hit], hits: Sequence[Hit], *, hops: int) -> list[list[Hit]]:
    """The `hits` that links lead to from `starts`: one list for each of at most `hops` steps.

    They carry the hop and trail of the link, also where a direct search had found them.
    """
    steps: list[list[Hit]] = []
    reached = {hit.chunk.id for hit in starts}
    frontier = list(starts)
    while frontier and len(steps) < hops:
        step = []
        for start in frontier:
            keys, own = set(link_keys(start.chunk)), set(start.chunk.about)
            trail = (*start.trail, start.chunk.id)
            for hit in hits:
                if hit.chunk.id in reached or keys.isdisjoint(hit.chunk.about) or own & set(hit.chunk.about):
                    continue
                reached.add(hit.chunk.id)
                step.append(replace(hit, hop=start.hop + 1, trail=trail))
        steps.append(step)
        frontier = step
    return steps


def sort_by_cosine(question: Query, hits: Sequence[Hit]) -> list[Hit]:
    """Hits by cosine with the question, ties by id; by their own score where a vector is missing."""
    if question.dense is None or any(hit.vector is None for hit in hits):
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))
    scores = np.array([hit.vector for hit in hits]).reshape(len(hits), -1) @ question.dense if hits else ()
    return [hit for _, hit in sorted(zip(scores, hits, strict=True), key=lambda pair: (-pair[0], pair[1].chunk.id))]


def score_by_place(hits: Sequence[Hit], *, k: int) -> list[Hit]:
    """The first k, each once (its first place counts), scored 1 / place."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.chunk.id, hit)
    return [replace(hit, score=1 / place) for place, hit in enumerate(islice(first.values(), k), 1)]
