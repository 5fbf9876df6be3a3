"""Follow-up questions made to stand alone: `python -m benchmarks.chat [--pipelines NAME...]`.

The conversations of MTRAG (in --data): every question that has turns before it and passages that answer it, over the
passages of all. Prints recall@5 of the question as it was typed, and of what `rag chat` makes of it without a language
model, from the questions before it alone (none of the answers, which were another system's); the difference with a
paired 95% interval; and the share of questions that were changed.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

from benchmarks.common import datasets
from rag.llm.rewrite import Turn, rewrite_question
from rag_evals.datasets import Dataset, Question
from rag_evals.datasets.model import PassagePool
from rag_evals.gold import ranking
from rag_evals.indexing import index_dataset
from rag_evals.metrics.ranking import recall
from rag_evals.stats import paired_bootstrap

CUT = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets(parser)
    parser.add_argument("--pipelines", nargs="+", default=["direct", "default"])
    args = parser.parse_args()
    dataset, typed = read(args.data / "mtrag" / "tasks.jsonl.gz")
    changed = sum(a != b.question for a, b in zip(typed, dataset.questions, strict=True)) / len(typed)
    print(f"{len(typed)} questions, {sum(1 for _ in dataset.corpus)} passages, {changed:.0%} of the questions changed")
    print(f"| pipeline | recall@{CUT} as typed | standing alone | change (95%) |\n|---|---|---|---|")
    for name in args.pipelines:
        loaded, _ = index_dataset(dataset, name, args.cache)
        with loaded:
            before, after = (
                [
                    recall([*ranking(gold, loaded.search(text, k=CUT), dataset.documents)], gold.gold, CUT)
                    for text, gold in zip(texts, dataset.questions, strict=True)
                ]
                for texts in (typed, [question.question for question in dataset.questions])
            )
        change = paired_bootstrap(before, after)
        shares = " | ".join(f"{sum(values) / len(values):.3f}" for values in (before, after))
        print(f"| {name} | {shares} | {change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f}) |", flush=True)


def read(path: Path) -> tuple[Dataset, list[str]]:
    """The follow-ups as they stand alone, over the passages of all tasks; and each as it was typed."""
    pool = PassagePool()
    questions, typed = [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for task in map(json.loads, lines):
            gold = tuple(pool.add("", passage["text"]) for passage in task["contexts"])
            *before, last = [message["text"] for message in task["input"] if message["speaker"] == "user"]
            if gold and before:
                questions.append(Question(task["task_id"], _alone(last, before), gold=gold))
                typed.append(last)
    return Dataset("mtrag", tuple(questions), pool.passages), typed


def _alone(question: str, before: list[str]) -> str:
    turns: list[Turn] = []
    for said in before:
        turns.append({"question": said, "asked": rewrite_question(said, turns), "text": "", "short": ""})
    return rewrite_question(question, turns)


if __name__ == "__main__":
    main()
