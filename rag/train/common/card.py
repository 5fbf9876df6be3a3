"""What several cards say, in Markdown: the data, the ranking, what that gained, and what storing the weights lost."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.hop.score import WEIGHTS, score_passages
from rag.train.common.dataset import HopDataset
from rag.train.common.ranking import RankingExample
from rag.types import Vector, Vectors

CUT = 5


def data_table(folders: Sequence[Path], sources: Sequence[HopDataset]) -> str:
    """What each folder holds, in Markdown."""
    rows = (
        f"| {folder.name} | {len(source.passages):,} | {len(source.pairs):,} | {len(source.held_out_questions):,} |"
        for folder, source in zip(folders, sources, strict=True)
    )
    return "\n".join(["| data | passages | pairs | questions held out |", "|---|---|---|---|", *rows])


def rank_table(rank: Vector) -> str:
    """The weights of the ranking, in Markdown."""
    rows = (f"| {name} | {value:.3f} |" for name, value in zip(WEIGHTS, rank, strict=True))
    return "\n".join(["| part of the ranking | weight |", "|---|---|", *rows])


def gain(groups: Sequence[Sequence[RankingExample]], rank: Vector) -> str:
    """What the ranking makes of the trees it was learned from."""
    trees = [tree for group in groups for tree in group]
    if not trees:
        return "There were no held-out questions to learn the ranking from: it is the shipped one's."
    before, after = (
        np.mean([_recall(tree, order(tree)) for tree in trees])
        for order in (lambda tree: -tree.features.passages[:, 0], lambda tree: -score_passages(tree.features, rank))
    )
    return f"""The ranking learned from {len(trees):,} trees of questions that were not trained on. There, recall@{CUT}
of the gold passages that a tree holds is {before:.3f} by direct search and {after:.3f} by this ranking. It was fitted
to them, so measure on questions of your own (`rag eval run`)."""


def error(exact: Mapping[str, Vectors], stored: Mapping[str, Vectors]) -> float:
    """The length of what storing changed, as a share of the length of the difference itself."""
    lost = sum(float(np.sum((exact[name] - stored[name]) ** 2)) for name in exact)
    whole = sum(float(np.sum(tensor**2)) for tensor in exact.values())
    return float(np.sqrt(lost / whole)) if whole else 0.0


def _recall(tree: RankingExample, order: Vector) -> float:
    first = np.argsort(order, kind="stable")[:CUT]
    return float(tree.gold[first].sum() / tree.gold.sum())
