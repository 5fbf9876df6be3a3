"""Recall of the hop models on the dev splits of `../shared/data`, bundled model, one passage a chunk, real store.

    python benchmarks/hops.py [SET ...] [--questions N] [--only HOPPER ...] [--depth N]

2WikiMultihopQA, MuSiQue, HotpotQA and EntailmentBank are measured on their dev questions; NQ and SQuAD on the half that
training leaves out (`rag.train.common.dataset.is_held_out`). Vectors are computed once and kept in raghop's cache.
HotpotQA can be measured on the passages that its dev and train rows name (`--passages FILE` of pids), which is easier
than all 30,866. Milliseconds are CPU time with one OpenBLAS thread, as `rag` runs, encoding of the question left out;
the questions go round the rows, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy
import numpy as np

from benchmarks.common import DATA
from rag.embed.onnx import OnnxEmbedder
from rag.hop.encoder import EncoderHopper
from rag.hop.gate import GateHopper
from rag.hop.links import LinkHopper
from rag.retrieve.search import SearchRetriever
from rag.stages import Hopper
from rag.train.common.dataset import CORPORA, QUESTIONS, gold, index_text, is_held_out, load
from rag.train.common.embeddings import passage_vectors
from rag.train.common.trees import DEPTH, chunk_id, grow, index

SETS = ("2wikimultihopqa", "musique", "hotpotqa", "entailment_bank", "nq", "squad")
CUTS = (2, 5, 10)


@dataclass(frozen=True, slots=True)
class World:
    """A corpus in a store, and the questions asked of it with the ids of their gold chunks."""

    search: SearchRetriever
    questions: tuple[str, ...]
    golds: tuple[frozenset[str], ...]


def world(base: Path, folder: Path, *, only: set[str] | None, most: int) -> World:
    """Read, embed (or take from the cache) and store; a random choice of at most `most` questions, seeded."""
    patterns = ("evidence_corpus*", "corpus.jsonl*", *CORPORA[1:])
    path = next(found for pattern in patterns for found in sorted(base.glob(pattern)))
    rows = [row for row in load(path) if only is None or row["pid"] in only]
    dev = sorted(base.glob("questions_dev.jsonl*"))
    asked_path = dev[0] if dev else next(found for pattern in QUESTIONS for found in sorted(base.glob(pattern)))
    asked = [row for row in load(asked_path) if row.get("answerable", True) and (dev or is_held_out(row))]
    ids = {row["pid"]: chunk_id(i) for i, row in enumerate(rows)}
    asked = [row for row in asked if gold(row) and all(pid in ids for pid in gold(row))]
    random.Random(0).shuffle(asked)
    asked = asked[:most]
    dense = OnnxEmbedder()
    vectors = passage_vectors(dense, [index_text(row.get("title") or "", row["text"]) for row in rows])
    search = index([(row.get("title") or "", row["text"]) for row in rows], vectors, dense, folder)
    golds = tuple(frozenset(ids[pid] for pid in gold(row)) for row in asked)
    return World(search, tuple(row["question"] for row in asked), golds)


def measure(name: str, rows: Mapping[str, tuple[World, Hopper | None]], depth: int) -> Iterator[str]:
    """A row for each: recall and all-gold at each cut, and the median milliseconds of a question."""
    worlds = [at for at, _ in rows.values()]
    times: dict[str, list[float]] = {kind: [] for kind in rows}
    recalls: dict[str, list[list[float]]] = {kind: [] for kind in rows}
    for question, wanted in zip(worlds[0].search.prepare(worlds[0].questions), worlds[0].golds, strict=True):
        for kind, (at, hopper) in rows.items():
            started = time.process_time()
            tree = grow(at.search, question, hopper, depth=depth)
            hits = [hit.chunk.id for hit in (hopper.rank(question, tree, k=depth) if hopper else tree)]
            times[kind].append(1000 * (time.process_time() - started))
            recalls[kind].append([len(wanted.intersection(hits[:cut])) / len(wanted) for cut in CUTS])
    for kind, found in recalls.items():
        table = np.array(found)
        cells = " | ".join(f"{table[:, i].mean():.3f} / {(table[:, i] == 1).mean():.3f}" for i in range(len(CUTS)))
        yield f"| {name} | {kind} | {cells} | {statistics.median(times[kind]):.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=["dense", "hybrid", "links", "gate", "encoder"])
    parser.add_argument("--depth", type=int, default=DEPTH, help="hits of a search")
    parser.add_argument("--passages", type=Path, help="a JSON list of the pids to search among")
    parser.add_argument("--weights", default="")
    parser.add_argument("--hops", type=int, default=1)
    given = parser.parse_args()
    only = set(json.loads(given.passages.read_text())) if given.passages else None
    print("| set | hopper | " + " | ".join(f"recall / all gold @{cut}" for cut in CUTS) + " | CPU ms |")
    print("|---|---|" + "---|" * (len(CUTS) + 1), flush=True)
    for name in given.sets:
        with tempfile.TemporaryDirectory() as folder:
            at = world(given.data / name, Path(folder) / "index", only=only, most=given.questions)
            plain = SearchRetriever(embedder=at.search.embedder, store=at.search.store, by="dense")
            rows: dict[str, tuple[World, Hopper | None]] = {
                "dense": (World(plain, at.questions, at.golds), None),
                "hybrid": (at, None),
                "links": (at, LinkHopper()),
                "gate": (at, GateHopper(embedder=at.search.embedder)),
                "encoder": (at, EncoderHopper(embedder=at.search.embedder, weights=given.weights, hops=given.hops)),
            }
            chosen = {kind: rows[kind] for kind in given.only}
            for line in measure(f"{name} ({len(at.questions)})", chosen, given.depth):
                print(line, flush=True)


if __name__ == "__main__":
    main()
