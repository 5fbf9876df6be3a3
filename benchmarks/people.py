"""Retrieval for questions that people asked about documents: `python -m benchmarks.people [--pipelines NAME...]`.

The dev questions of `SETS` over all passages of each set, the train part's too: pages of advice, papers, services of a
state, manuals, and what people typed into a search engine. Their questions are short, name little, and use other words
than the text. Prints recall@1 and recall@5 of each pipeline, and its difference to the first one with a 95% interval.
The first set are the 20 questions of `colloquial.jsonl`, as an employee might ask them over a company's handbook
(basecamp/handbook, in --documents); they name the file, or words of the passage, that answers.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import DATA, datasets
from rag.train.common.dataset import read_rows
from rag_evals.datasets import Dataset, Question
from rag_evals.datasets.model import PassagePool
from rag_evals.gold import ranking
from rag_evals.indexing import index_dataset
from rag_evals.metrics.ranking import recall
from rag_evals.stats import paired_bootstrap

SETS = ("sleepqa", "covidqa", "doc2dial", "emanual", "boolq")
CUTS = (1, 5)
COLLOQUIAL = Path(__file__).parent / "colloquial.jsonl"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets(parser)
    parser.add_argument("--sets", nargs="+", default=["handbook", *SETS])
    parser.add_argument("--documents", type=Path, default=DATA.parent / "documents", help="holds the handbook's folder")
    parser.add_argument("--pipelines", nargs="+", default=["direct", "links", "fast", "default"])
    parser.add_argument("--most", type=int, default=200, help="questions of each set")
    args = parser.parse_args()
    print(f"| set | pipeline | {' | '.join(f'recall@{cut} | against the first' for cut in CUTS)} |")
    print("|---|---|" + "---|---|" * len(CUTS))
    for name in args.sets:
        handbook = name == "handbook"
        dataset = read_handbook(args.documents / name) if handbook else read(args.data / "reading" / name, args.most)
        first: list[list[float]] = []
        for pipeline in args.pipelines:
            found = measure(dataset, pipeline, args.cache)
            first = first or found
            print(
                f"| {name} ({len(dataset.questions)}) | {pipeline} | {' | '.join(map(_cell, found, first))} |",
                flush=True,
            )


def read(folder: Path, most: int) -> Dataset:
    """A reading set's dev questions, `most` of them drawn, over the passages of both its parts."""
    pool = PassagePool()
    questions = []
    for part in ("dev", "train"):
        for row in read_rows(folder, (f"{part}.jsonl*",)):
            pids = [pool.add(str(p.get("title") or ""), str(p["text"])) for p in row["passages"]]
            gold = pids[row["answer_passage"]] if "answer_passage" in row else pids[0]
            if part == "dev" and row["answerable"]:
                questions.append(Question(row["id"], row["question"], tuple(row["answers"]), (gold,)))
    chosen = random.Random(0).sample(questions, min(most, len(questions)))
    return Dataset(folder.name, tuple(chosen), pool.passages)


def read_handbook(folder: Path) -> Dataset:
    """The handbook's files, and what an employee asks of them."""
    rows = map(json.loads, COLLOQUIAL.read_text(encoding="utf-8").splitlines())
    questions = [
        Question(
            str(n),
            row["question"],
            gold=(row.get("quote") or row["file"],),
            quotes=(row["quote"],) if "quote" in row else (),
        )
        for n, row in enumerate(rows)
    ]
    return Dataset("handbook", tuple(questions), documents=(str(folder),))


def measure(dataset: Dataset, pipeline: str, cache: Path) -> list[list[float]]:
    """Recall at each of `CUTS`, question by question."""
    loaded, _ = index_dataset(dataset, pipeline, cache)
    rows: list[list[float]] = [[] for _ in CUTS]
    with loaded:
        for question in dataset.questions:
            pids = [*ranking(question, loaded.search(question.question, k=2 * max(CUTS)), dataset.documents)]
            for row, cut in zip(rows, CUTS, strict=True):
                row.append(recall(pids, question.gold, cut))
    return rows


def _cell(values: Sequence[float], first: Sequence[float]) -> str:
    share = f"{sum(values) / len(values):.3f}"
    if values is first:
        return f"{share} | "
    change = paired_bootstrap(first, values)
    return f"{share} | {change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"


if __name__ == "__main__":
    main()
