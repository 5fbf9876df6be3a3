"""The model card of a hop encoder, in Markdown: what it was trained on and how, and what that gained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rag.embed.onnx import Onnx
from rag.hop.score import NAMES, scores
from rag.train.data import Labelled
from rag.train.hop import Options, Trained
from rag.train.rank import Example
from rag.types import Vector

CUT = 5


def card(
    folders: Sequence[Path],
    sources: Sequence[Labelled],
    embedder: Onnx,
    *,
    options: Options,
    trained: Trained,
    rank: Vector,
    grown: Sequence[Sequence[Example]],
    lost: float,
) -> str:
    """`grown` are the held-out trees that `rank` was learned from; recall there is of what the tree holds."""
    rows = "\n".join(
        f"| {folder.name} | {len(source.passages):,} | {len(source.pairs):,} | {len(source.asked):,} |"
        for folder, source in zip(folders, sources, strict=True)
    )
    weights = "\n".join(f"| {name} | {value:.3f} |" for name, value in zip(NAMES, rank, strict=True))
    held = [one for group in grown for one in group]
    before, after = (
        float(np.mean([_recall(one, order) for one, order in zip(held, orders, strict=True)])) if held else float("nan")
        for orders in (
            [-one.parts.own[:, 0] for one in held],
            [-scores(one.parts, rank) for one in held],
        )
    )
    return f"""# Hop encoder

Query-side weights for `hop: {{use: encoder}}`: a difference to the embedder `{embedder.model}`, int8 a weight, made by
`rag train hop`. It fits the embedder with the fingerprint `{embedder.fingerprint}` and no other.

| data | passages | pairs | questions held out |
|---|---|---|---|
{rows}

{trained.steps:,} steps of {options.batch} pairs, learning rate {options.rate:g}, inputs cut at {options.limit} tokens,
seed {options.seed}; last loss {trained.loss:.3f}, on held-out pairs {trained.checked:.3f}. Storing it in int8 leaves
{lost:.2%} of the difference's length as error. The data's licences are those of its folders.

| part of the ranking | weight |
|---|---|
{weights}

The ranking learned from {len(held):,} trees of questions that the encoder was not trained on. There, recall@{CUT} of
the gold passages that a tree holds is {before:.3f} by direct search and {after:.3f} by this ranking. It was fitted to
them, so measure on questions of your own (`rag eval run`).
"""


def _recall(one: Example, order: Vector) -> float:
    first = np.argsort(order, kind="stable")[:CUT]
    return float(one.gold[first].sum() / one.gold.sum())
