"""Two results compared on each kind of question (bridge, comparison, 3 hops): where the difference comes from.

The same paired statistics as for the whole, corrected (Holm) for the kinds looked at together. Fewer questions show
less: each line says how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag_evals import stats
from rag_evals.results import LOWER_IS_BETTER

FEWEST = 5  # questions of a kind worth a line


def compared(a: Mapping[str, Any], b: Mapping[str, Any], metric: str, names: tuple[str, str]) -> list[str]:
    """A verdict in words for every kind of question that both runs of a dataset have, in the first one's order."""
    left, right = (dict(zip(run["questions"]["id"], run["questions"][metric], strict=True)) for run in (a, b))
    found = []
    for slice, part in a["slices"].items():
        ids = [a["questions"]["id"][i] for i in part.get("at", ())]
        both = [id for id in ids if left[id] is not None and right.get(id) is not None]
        if len(both) >= FEWEST:
            values = [left[id] for id in both], [right[id] for id in both]
            found.append(stats.compare(*values, metric=f"{metric}, {slice}"))
    adjusted = stats.holm([comparison.p for comparison in found])
    up = metric.partition("@")[0] not in LOWER_IS_BETTER
    return [stats.verdict(comparison, p=p, names=names, up=up) for comparison, p in zip(found, adjusted, strict=True)]
