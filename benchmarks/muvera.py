"""How much of late interaction's first ten MUVERA's encodings bring up, and what they cost, bundled model.

    python -m benchmarks.muvera [--passages N] [--questions N]

SQuAD 1.1 paragraphs with their titles, held-out questions about them; exact search. *of MaxSim's ten*: how many of the
ten best by MaxSim over all tokens are among the first 10 and 30 by the encodings.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.common import DATA
from benchmarks.findings.plan import SOURCES
from rag.embed.muvera import random_encoding
from rag.embed.onnx import OnnxEmbedder
from rag.rerank.maxsim import maxsim
from rag.train.common.dataset import index_text
from rag.types import Vectors

SETTINGS = ((5, 3, 16), (20, 3, 8), (20, 4, 16), (20, 5, 16))  # repetitions, bits, columns
TEN, THIRTY = 10, 30


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    dataset = SOURCES["squad"].load(given.data)
    corpus = list(dataset.corpus)[: given.passages]
    row = {passage.pid: i for i, passage in enumerate(corpus)}
    asked = [one for one in dataset.questions if set(one.gold) <= set(row)][: given.questions]
    gold = np.array([row[one.gold[0]] for one in asked])
    model = OnnxEmbedder()
    texts = [index_text(passage.title or "", passage.text) for passage in corpus]
    passages = model.token_vectors(texts)
    questions = model.token_vectors([one.question for one in asked], query=True)
    exact = np.array([[maxsim(question, passage) for passage in passages] for question in questions])
    print(f"{len(corpus):,} passages, {len(asked):,} questions\n")
    print("| vectors | numbers | recall@5 | of MaxSim's ten: 10 | 30 | CPU ms a passage |\n|---|---|---|---|---|---|")
    mean = np.mean([len(tokens) for tokens in passages])
    print(f"| MaxSim, all tokens | {mean * model.dim:,.0f} | {_recall(exact, gold):.3f} | 1.00 | 1.00 | |")
    for repetitions, bits, columns in SETTINGS:
        made = random_encoding(model.dim, repetitions=repetitions, bits=bits, columns=columns, seed=0)
        before = time.process_time()
        rows = np.stack([made.passage(tokens) for tokens in passages])
        cost = 1000 * (time.process_time() - before) / len(corpus)
        scores = np.stack([made.question(tokens) for tokens in questions]) @ rows.T
        shares = " | ".join(f"{_shared(exact, scores, n):.2f}" for n in (TEN, THIRTY))
        name = f"{repetitions} x 2^{bits} x {columns}"
        print(f"| {name} | {made.dim:,} | {_recall(scores, gold):.3f} | {shares} | {cost:.1f} |", flush=True)


def _best(scores: Vectors, n: int) -> list[set[int]]:
    return [set(row[:n].tolist()) for row in np.argsort(-scores, axis=1)]


def _recall(scores: Vectors, gold: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    return float(np.mean([right in found for right, found in zip(gold.tolist(), _best(scores, 5), strict=True)]))


def _shared(exact: Vectors, scores: Vectors, n: int) -> float:
    pairs = zip(_best(exact, TEN), _best(scores, n), strict=True)
    return float(np.mean([len(wanted & found) / TEN for wanted, found in pairs]))


if __name__ == "__main__":
    main()
