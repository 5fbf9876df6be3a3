"""Which hop found which gold. `found` maps an id to the first hop that brought it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def hop_of_gold(found: Mapping[str, int], gold: Sequence[str]) -> tuple[int | None, ...]:
    """For each gold id, in order, the hop that found it, or None when it was lost."""
    return tuple(found.get(pid) for pid in gold)


def hop_recall(found: Mapping[str, int], gold: Collection[str], hop: int) -> float:
    """|gold found first at this hop| / |gold|; summed over the hops it is the recall of the whole tree.

    Raises ValueError when there is no gold.
    """
    if not gold:
        raise ValueError("gold is empty: hop-wise recall needs at least one relevant id")
    wanted = set(gold)
    return sum(found.get(pid) == hop for pid in wanted) / len(wanted)
