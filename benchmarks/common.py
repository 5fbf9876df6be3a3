"""What the benchmarks share: a corpus as files, the floor they are compared with, and paired rounds.

The floor is the least a program can do: read the files, encode them with sentence-transformers (which sorts by length),
keep the matrix; for a query, encode it and take one dot product. It has no chunks, no manifest, no index.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import cache

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
CORPUS = DATA / "2wikimultihopqa" / "corpus.jsonl.gz"

# for measurements of everything but the models
SMALL_PIPELINE = """
connector: {use: files}
chunk: {use: structure, size: 60}
embed: {use: hashing}
sparse: {use: bm25}
store: {use: edge}
retrieve: {use: search, by: hybrid}
generate: {use: extractive}
"""
LINKED_PIPELINE = SMALL_PIPELINE + "hop: {use: links}\nk: 5\ndepth: 10\n"  # with hops, for a server

FLOOR = """
import sys, numpy as np
from pathlib import Path
from sentence_transformers import SentenceTransformer
import torch
from rag.models.files import locate
model = SentenceTransformer(str(locate("bundled")), device="cpu", model_kwargs={"dtype": torch.float32})
"""
FLOOR_INGEST = (
    FLOOR
    + """
texts = [p.read_text() for p in sorted(Path(sys.argv[1]).glob("*.txt"))]
np.save(sys.argv[2], model.encode(texts, normalize_embeddings=True))
"""
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took; `cpu` is user plus system seconds, children included."""

    wall: float
    cpu: float


def arguments(description: str) -> argparse.ArgumentParser:
    """Options every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="jsonl[.gz] of {title, text}")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def datasets(parser: argparse.ArgumentParser) -> None:
    """The options of a benchmark that reads datasets and keeps indexes of them."""
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--cache", type=Path, default=cache.folder() / "eval", help="folder of indexes and records")


def write_files(corpus: Path, folder: Path, n: int) -> list[str]:
    """The first n passages as text files, title on the first line; their titles."""
    folder.mkdir(parents=True)
    opener = gzip.open if corpus.suffix == ".gz" else open
    titles = []
    with opener(corpus, "rt", encoding="utf-8") as lines:
        for i, row in zip(range(n), lines, strict=False):
            passage = json.loads(row)
            titles.append(passage["title"])
            (folder / f"{i:05}.txt").write_text(f"{passage['title']}\n{passage['text']}\n", encoding="utf-8")
    return titles


def run(command: Sequence[str], *, cwd: Path, codes: Sequence[int] = (0,)) -> tuple[Cost, str]:
    """Run a command to its end; what it cost and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), done.stdout


def table(rows: dict[str, tuple[list[float], list[float]]]) -> None:
    """Print medians of ours and of the floor, and the median, least and greatest of the paired ratios."""
    print("| what | raghop | floor | ratio (min - max) |\n|---|---|---|---|")
    for name, (ours, floor) in rows.items():
        ratios = [a / b for a, b in zip(ours, floor, strict=True)]
        print(
            f"| {name} | {statistics.median(ours):.3f} | {statistics.median(floor):.3f} | "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f}) |"
        )
