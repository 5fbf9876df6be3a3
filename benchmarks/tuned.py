"""What `rag train embedder --both` gains: dense search by the tuned model against the one it began with.

    python -m benchmarks.tuned --model FOLDER [--old bundled] [--set musique ...] [--columns 128]

Dev questions of each set, exact search; differences with a paired bootstrap. With --columns, both are cut to so many.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.common import DATA
from benchmarks.query_map import PASSAGES, QUESTIONS, gain, measure
from rag.embed.onnx import OnnxEmbedder
from rag.train.common.dataset import gold, index_text, read_rows
from rag.train.common.embeddings import passage_vectors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", nargs="+", default=["2wikimultihopqa", "musique", "entailment_bank", "multihop_rag"])
    parser.add_argument("--old", default="bundled")
    parser.add_argument("--model", required=True, help="a folder of `rag train embedder --both`")
    parser.add_argument("--columns", type=int)
    given = parser.parse_args()
    models = [OnnxEmbedder(model=name, truncate_dim=given.columns) for name in (given.old, given.model)]
    print("| set | questions | recall@5 old | new | gain (95%) | nDCG@10 old | new | gain (95%) |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in given.set:
        rows = {row["pid"]: row for row in read_rows(given.data / name, PASSAGES)}
        asked = [row for row in read_rows(given.data / name, QUESTIONS) if set(gold(row)) <= rows.keys()]
        texts = [index_text(row.get("title") or "", row["text"]) for row in rows.values()]
        place = {pid: i for i, pid in enumerate(rows)}
        wanted = [[place[pid] for pid in gold(row)] for row in asked]
        found = []
        for model in models:
            queries = np.asarray(model.embed_queries([row["question"] for row in asked]).dense)
            found.append(measure(queries, passage_vectors(model, texts), wanted))
        cells = [f"{old.mean():.3f} | {new.mean():.3f} | {gain(old, new)}" for old, new in zip(*found, strict=True)]
        print(f"| {name} | {len(asked)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
