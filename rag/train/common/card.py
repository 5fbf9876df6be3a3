"""What several cards say, in Markdown: tables, the data, and what storing the weights lost."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.train.common.dataset import HopDataset
from rag.types import Vectors


def table(head: str, rows: Iterable[str]) -> str:
    """A table of rows whose cells stand between "|"."""
    return "\n".join([f"| {head} |", "|---" * (head.count("|") + 1) + "|", *(f"| {row} |" for row in rows)])


def data_table(folders: Sequence[Path], sources: Sequence[HopDataset]) -> str:
    """What each folder holds."""
    rows = (
        f"{folder.name} | {len(source.passages):,} | {len(source.pairs):,} | {len(source.held_out_questions):,}"
        for folder, source in zip(folders, sources, strict=True)
    )
    return table("data | passages | pairs | questions held out", rows)


def error(exact: Mapping[str, Vectors], stored: Mapping[str, Vectors]) -> float:
    """The length of what storing changed, as a share of the length of the difference itself."""
    lost = sum(float(np.sum((exact[name] - stored[name]) ** 2)) for name in exact)
    whole = sum(float(np.sum(tensor**2)) for tensor in exact.values())
    return float(np.sqrt(lost / whole)) if whole else 0.0
