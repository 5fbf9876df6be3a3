"""What `rag train embedder --both` gains: dense search by tuned models against the one they began with.

    python -m benchmarks.tuned --model FOLDER [FOLDER ...] [--old bundled] [--set musique ...] [--columns 128]

Dev questions of each set, exact search; differences with a paired bootstrap. With --columns, each model is measured cut
to so many, too, against itself; vectors are read once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.common import DATA
from benchmarks.query_map import PASSAGES, QUESTIONS, gain, measure
from rag.embed.onnx import OnnxEmbedder
from rag.models.pooling import normalize
from rag.train.common.dataset import gold, index_text, read_rows
from rag.train.common.embeddings import passage_vectors

SETS = ["2wikimultihopqa", "musique", "entailment_bank", "multihop_rag"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", nargs="+", default=SETS)
    parser.add_argument("--old", default="bundled")
    parser.add_argument("--model", nargs="+", required=True, help="folders of `rag train embedder --both`")
    parser.add_argument("--columns", type=int)
    given = parser.parse_args()
    models = {name: OnnxEmbedder(model=name) for name in (given.old, *given.model)}
    head = f" nDCG@10, cut to {given.columns} columns | lost |" if given.columns else ""
    print(f"| set | questions | model | recall@5 | gain (95%) | nDCG@10 | gain (95%) |{head}")
    print("|---" * (9 if head else 7) + "|", flush=True)
    for name in given.set:
        rows = {row["pid"]: row for row in read_rows(given.data / name, PASSAGES)}
        asked = [row for row in read_rows(given.data / name, QUESTIONS) if set(gold(row)) <= rows.keys()]
        texts = [index_text(row.get("title") or "", row["text"]) for row in rows.values()]
        place = {pid: i for i, pid in enumerate(rows)}
        wanted = [[place[pid] for pid in gold(row)] for row in asked]
        before = None
        for label, model in models.items():
            queries = np.asarray(model.embed_queries([row["question"] for row in asked]).dense)
            passages = passage_vectors(model, texts)
            found = measure(queries, passages, wanted)
            gains = [gain(*pair) for pair in zip(before, found, strict=True)] if before else ["", ""]
            before = before or found
            cells = [f"{found[0].mean():.3f}", gains[0], f"{found[1].mean():.3f}", gains[1]]
            if given.columns:
                asked_by, found_in = (normalize(vectors[:, : given.columns]) for vectors in (queries, passages))
                ndcg = measure(asked_by, found_in, wanted)[1].mean()
                cells += [f"{ndcg:.3f}", f"{found[1].mean() - ndcg:.3f}"]
            print(f"| {name} | {len(asked)} | {Path(label).name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
