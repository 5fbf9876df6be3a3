"""The model card of a hop encoder, in Markdown: what it was trained on and how, and what that gained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rag.embed.onnx import OnnxEmbedder
from rag.hop.score import NAMES, scores
from rag.train.common.dataset import Labelled
from rag.train.hop.ranking import RankingExample
from rag.train.hop.train import HopOptions, TrainedDifference
from rag.types import Vector

CUT = 5


def card(
    folders: Sequence[Path],
    sources: Sequence[Labelled],
    embedder: OnnxEmbedder,
    *,
    options: HopOptions,
    trained: TrainedDifference,
    rank: Vector,
    grown: Sequence[Sequence[RankingExample]],
    lost: float,
) -> str:
    """`grown` are the held-out trees that `rank` was learned from; recall there is of what the tree holds."""
    return f"""# Hop encoder

Query-side weights for `hop: {{use: encoder}}`: a difference to the embedder `{embedder.model}`, int8 a weight, made by
`rag train hop`. It fits the embedder with the fingerprint `{embedder.fingerprint}` and no other.

{data_table(folders, sources)}

{trained.steps:,} steps of {options.batch} pairs, learning rate {options.rate:g}, inputs cut at {options.limit} tokens,
seed {options.seed}; last loss {trained.loss:.3f}, on held-out pairs {trained.checked:.3f}. Storing it in int8 leaves
{lost:.2%} of the difference's length as error. The data's licences are those of its folders.

{rank_table(rank)}

{gain(grown, rank)}
"""


def data_table(folders: Sequence[Path], sources: Sequence[Labelled]) -> str:
    """What each folder holds, in Markdown."""
    rows = (
        f"| {folder.name} | {len(source.passages):,} | {len(source.pairs):,} | {len(source.asked):,} |"
        for folder, source in zip(folders, sources, strict=True)
    )
    return "\n".join(["| data | passages | pairs | questions held out |", "|---|---|---|---|", *rows])


def rank_table(rank: Vector) -> str:
    """The weights of the ranking, in Markdown."""
    rows = (f"| {name} | {value:.3f} |" for name, value in zip(NAMES, rank, strict=True))
    return "\n".join(["| part of the ranking | weight |", "|---|---|", *rows])


def gain(grown: Sequence[Sequence[RankingExample]], rank: Vector) -> str:
    """What the ranking makes of the trees it was learned from."""
    held = [one for group in grown for one in group]
    if not held:
        return "There were no held-out questions to learn the ranking from: it is the shipped one's."
    before, after = (
        np.mean([_recall(one, order(one)) for one in held])
        for order in (lambda one: -one.parts.own[:, 0], lambda one: -scores(one.parts, rank))
    )
    return f"""The ranking learned from {len(held):,} trees of questions that were not trained on. There, recall@{CUT}
of the gold passages that a tree holds is {before:.3f} by direct search and {after:.3f} by this ranking. It was fitted
to them, so measure on questions of your own (`rag eval run`)."""


def _recall(one: RankingExample, order: Vector) -> float:
    first = np.argsort(order, kind="stable")[:CUT]
    return float(one.gold[first].sum() / one.gold.sum())
