"""What is measured: pure functions of plain values, each with its formula and its source; means are taken elsewhere.

`AT_K` and `WHOLE` are the retrieval metrics by the name that reports give them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from rag_evals.metrics.ranking import all_gold, average_precision, ndcg, precision, recall, reciprocal_rank

AT_K: Mapping[str, Callable[[Sequence[str], Collection[str], int], float]] = {
    "recall": recall,
    "all_gold": all_gold,
    "precision": precision,
    "ndcg": ndcg,
}
WHOLE: Mapping[str, Callable[[Sequence[str], Collection[str]], float]] = {
    "mrr": reciprocal_rank,
    "map": average_precision,
}
