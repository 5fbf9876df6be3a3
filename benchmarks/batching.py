"""Whether questions that arrive together should go through the encoder as one batch.

python -m benchmarks.batching FOLDER        an index of the pipeline `fast`; prints a table

CPU milliseconds of a question's encoding, alone and in batches of 2, 4 and 8, in turns; medians of the rounds. Beside
them a whole search and a whole answer of the same questions: what a batch saves is a share of that.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rag.pipeline import Pipeline

BATCHES = (1, 2, 4, 8)
WORDS = ("film", "river", "company", "writer", "city", "song", "team", "school")


def cpu(work: Callable[[], object]) -> float:
    """CPU milliseconds of it, all threads."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def ask_all(ask: Callable[[str], object], questions: Sequence[str]) -> Callable[[], object]:
    """One after the other."""
    return lambda: [ask(question) for question in questions]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with Pipeline.load("fast", index=given.folder) as pipeline:
        embedder = pipeline.stages.embedder
        pipeline.ask("Who wrote the song of the film?")
        for n in range(given.rounds):
            questions = [f"Which {word} was named after the {n}th {WORDS[n % 8]} of that year?" for word in WORDS]
            for size in BATCHES:
                parts = [questions[i : i + size] for i in range(0, len(questions), size)]
                work = lambda parts=parts: [embedder.embed_queries(part) for part in parts]  # noqa: E731
                taken.setdefault(f"encoded {size} at a time", []).append(cpu(work) / len(questions))
            taken.setdefault("a search", []).append(cpu(ask_all(pipeline.search, questions[:4])) / 4)
            taken.setdefault("an answer", []).append(cpu(ask_all(pipeline.ask, questions[:1])))
    print("| a question | CPU ms, median | of all rounds |\n|---|---|---|")
    for name, times in taken.items():
        print(f"| {name} | {statistics.median(times):.1f} | {min(times):.1f} to {max(times):.1f} |")


if __name__ == "__main__":
    main()
