"""What the reader's products of whole numbers cost and gain: the same file both ways, question by question.

    python -m benchmarks.whole_numbers [--data FOLDER] [--weights FILE] [--questions N]

Held-out SQuAD questions, each read with its own paragraph. Times are CPU seconds of this process, both ways in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import process_time

import numpy as np

from benchmarks.common import DATA
from rag.reader.agreement import normalise_answer
from rag.reader.network import SHIPPED, ReaderModel, load_reader
from rag.train.common.dataset import gold
from rag.train.reader.questions import answers, read


@dataclass(slots=True)
class WayOfReading:
    """What one way of computing says to every question, and the CPU seconds it took."""

    model: ReaderModel
    texts: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def read(self, question: str, title: str, text: str) -> None:
        """One more question."""
        started = process_time()
        (output,) = self.model.read(question, [[(title, text)]])
        self.seconds += process_time() - started
        best = output.spans[0]
        self.texts.append(text[best.start : best.end])
        self.scores.append(best.score)

    def exact_match(self, known: Sequence[Sequence[str]]) -> float:
        """The share of the questions with an answer that is found word for word."""
        right = [
            normalise_answer(text) in map(normalise_answer, some)
            for text, some in zip(self.texts, known, strict=True)
            if some
        ]
        return float(np.mean(right))


def main() -> None:
    """Read both ways, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="a file of `rag train reader`")
    parser.add_argument("--questions", type=int, default=300, help="how many")
    args = parser.parse_args()
    squad = read(args.data / "squad")
    rows = list(squad.held_out)
    Random(0).shuffle(rows)
    rows = rows[: args.questions]
    ways = {name: WayOfReading(load_reader(args.weights, int8=name == "int8")) for name in ("float", "int8")}
    tokens = 0
    for row in rows:
        passage = squad.passages[gold(row)[0]]
        title, text = str(passage.get("title") or ""), str(passage["text"])
        tokenizer = ways["int8"].model.tokenizer
        tokens += sum(len(tokenizer.encode(part)) for part in (str(row["question"]), title, text))
        for way in ways.values():
            way.read(str(row["question"]), title, text)
    known = [[] if row.get("is_impossible") else answers(row) for row in rows]
    print("| products | EM | same span | score differs by | CPU ms for 100 tokens |\n|---|---|---|---|---|")
    exact = ways["float"]
    for name, way in ways.items():
        same = np.mean([a == b for a, b in zip(way.texts, exact.texts, strict=True)])
        apart = np.abs(np.subtract(way.scores, exact.scores)).mean()
        took = way.seconds / tokens * 1e5
        print(f"| {name} | {way.exact_match(known):.3f} | {same:.3f} | {apart:.2f} | {took:.0f} |")
    print(f"\n{len(rows)} questions, {sum(map(bool, known))} with an answer, {tokens:,} tokens")


if __name__ == "__main__":
    main()
