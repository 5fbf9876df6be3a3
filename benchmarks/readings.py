"""What fewer, shorter and int8 readings of the hop encoder cost: `python -m benchmarks.readings [SET] [--questions N]`.

Recall@2, 5 and 10 of the trees and rankings of the default pipeline on a set of `benchmarks.findings`, the difference
to float32 readings of five passages in recall@5, in points with its 95% interval (paired bootstrap), and the CPU
milliseconds of the readings of a question, the question's own among them. Every row grows a tree of its own. A reading
is timed once, alone, and taken for every row that needs it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from benchmarks.common import datasets
from benchmarks.findings.plan import SOURCES
from rag.embed.hybrid import HybridEmbedder
from rag.embed.onnx import OnnxEmbedder
from rag.hop.encoder import SHIPPED, EncoderHopper, load
from rag.retrieve.search import SearchRetriever
from rag.train.common.trees import grow
from rag.types import Vector, Vectors
from rag_evals.indexing import index_dataset

CUTS = (2, 5, 10)
ROWS = (("float32", 128, 5), ("int8", 128, 5), ("int8", 128, 4), ("int8", 128, 3), ("int8", 96, 3))
DEPTH = 30


@dataclass
class TimedReader:
    """Reads texts one by one, each once; `seconds` of CPU by text, `asked` is what the last question needed."""

    read: Callable[[list[str]], Vectors]
    known: dict[str, Vector] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def __call__(self, texts: tuple[str, ...]) -> Vectors:
        for text in texts:
            if text not in self.known:
                started = time.process_time()
                self.known[text] = self.read([text])[0]
                self.seconds[text] = time.process_time() - started
        self.asked.update(texts)
        return np.stack([self.known[text] for text in texts])


def make_hoppers(embedder: HybridEmbedder) -> list[tuple[EncoderHopper, TimedReader]]:
    """A hopper for each row; rows of one precision and length share what they read."""
    file = load(SHIPPED)
    dense = embedder.dense
    assert isinstance(dense, OnnxEmbedder)
    readers: dict[tuple[str, int], TimedReader] = {}
    hoppers = []
    for precision, tokens, seeds in ROWS:
        if (precision, tokens) not in readers:
            spec = replace(dense._spec, max_tokens=tokens)
            encoder = dense._load(spec, batch_tokens=tokens, difference=file.difference, int8=precision == "int8")
            readers[precision, tokens] = TimedReader(partial(encoder.vectors, query=True))
        hopper = EncoderHopper(embedder=embedder, seeds=seeds)
        hopper.__dict__["_parts"] = file.rank, readers[precision, tokens]
        hoppers.append((hopper, readers[precision, tokens]))
    return hoppers


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", default="musique")
    parser.add_argument("--questions", type=int, default=1000)
    datasets(parser)
    given = parser.parse_args()
    dataset = SOURCES[given.set].load(given.data)
    questions = dataset.questions[: given.questions]
    pipeline, _ = index_dataset(dataset, "default", given.cache)
    with pipeline:
        stages = pipeline.stages
        assert isinstance(stages.retriever, SearchRetriever) and isinstance(stages.hopper, EncoderHopper)
        assert isinstance(stages.hopper.embedder, HybridEmbedder)
        hoppers = make_hoppers(stages.hopper.embedder)
        recalls = np.zeros((len(ROWS), len(questions), len(CUTS)))
        spent = np.zeros((len(ROWS), len(questions)))
        for n, query in enumerate(stages.retriever.prepare([question.question for question in questions])):
            gold = set(questions[n].gold)
            for row, (hopper, reader) in enumerate(hoppers):
                reader.asked.clear()
                ranked = hopper.rank(query, grow(stages.retriever, query, hopper, depth=DEPTH), k=DEPTH)
                pids = list(dict.fromkeys(str(hit.chunk.meta.get("id")) for hit in ranked))
                recalls[row, n] = [len(gold.intersection(pids[:cut])) / len(gold) for cut in CUTS]
                spent[row, n] = 1000 * sum(reader.seconds[text] for text in reader.asked)
    print(f"{given.set}, {len(questions)} questions\n")
    print("| products | tokens | passages read | recall@2 / 5 / 10 | recall@5, difference | CPU ms of readings |")
    print("|---|---|---|---|---|---|")
    chance = np.random.default_rng(0)
    draws = chance.integers(0, len(questions), (2000, len(questions)))
    for row, (precision, tokens, seeds) in enumerate(ROWS):
        change = 100 * (recalls[row, :, 1] - recalls[0, :, 1])
        low, high = np.quantile(change[draws].mean(1), (0.025, 0.975))
        cells = " / ".join(f"{value:.3f}" for value in recalls[row].mean(0))
        shown = f"{change.mean():+.1f} ({low:+.1f} to {high:+.1f})"
        print(f"| {precision} | {tokens} | {seeds} | {cells} | {shown} | {statistics.median(spent[row]):.0f} |")


if __name__ == "__main__":
    main()
