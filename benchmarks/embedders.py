"""What another embedding model is worth in a pipeline: recall@5 and CPU beside the bundled one, on parts of corpora.

    nice -n 15 python -m benchmarks.embedders --model FOLDER [--prefix TEXT] [--sets musique ...] [--passages 1500]

Of each set so many dev questions are drawn, and of its corpus their gold passages with others at random: a smaller
corpus is an easier one, so that figures compare within a row alone. Both indexes are made anew, with the pipeline's
other stages as they are; hops by a gate or by reading are trained for the bundled model, so that the pipeline is one
without. CPU seconds are those of this process; the gain is paired by question, with a 95% bootstrap interval.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.common import DATA
from benchmarks.query_map import PASSAGES, QUESTIONS
from rag.config.file import preset_folder
from rag.train.common.dataset import gold, read_rows
from rag_evals.datasets import Dataset, Passage, Question
from rag_evals.metrics.ranking import recall
from rag_evals.runner import run
from rag_evals.stats import paired_bootstrap

SETS = ("musique", "2wikimultihopqa", "hotpotqa", "nq", "squad", "entailment_bank")
CUT = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", required=True, help="a model's folder")
    parser.add_argument("--prefix", default="", help="before its questions")
    parser.add_argument("--pipeline", default="links", help="one whose hops fit any embedder")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--passages", type=int, default=1500)
    given = parser.parse_args()
    print(f"| set | questions | passages | recall@{CUT} bundled | other | gain (95%) | CPU of an index | of a search |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other.yaml"
        stage = {"use": "onnx", "model": str(Path(given.model).resolve()), "query_prefix": given.prefix}
        shipped = yaml.safe_load((preset_folder() / f"{given.pipeline}.yaml").read_text())
        other.write_text(yaml.safe_dump({**shipped, "embed": stage}))
        for name in given.sets:
            dataset = draw(given.data / name, given.questions, given.passages)
            rows = [measure(dataset, pipeline, Path(folder)) for pipeline in (given.pipeline, str(other))]
            (old, index, search), (new, other_index, other_search) = rows
            gain = paired_bootstrap(old, new)
            cells = (
                f"{sum(old) / len(old):.3f} | {sum(new) / len(new):.3f}",
                f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
                f"x {other_index / index:.1f} | x {other_search / search:.1f}",
            )
            n = len(tuple(dataset.corpus))
            print(f"| {name} | {len(old)} | {n:,} | {' | '.join(cells)} |", flush=True)


def draw(base: Path, questions: int, passages: int) -> Dataset:
    """So many questions of a set, over their gold passages and others of its corpus."""
    rng = random.Random(0)
    rows = {str(row["pid"]): row for row in read_rows(base, PASSAGES)}
    asked = [row for row in read_rows(base, QUESTIONS) if row.get("gold") or row.get("pid")]
    asked = [row for row in asked if set(gold(row)) <= rows.keys() and not row.get("is_impossible")]
    asked = rng.sample(asked, min(questions, len(asked)))
    chosen = {pid: None for row in asked for pid in gold(row)}
    others = [pid for pid in rows if pid not in chosen]
    chosen |= dict.fromkeys(rng.sample(others, max(0, min(passages - len(chosen), len(others)))))
    corpus = tuple(Passage(pid, rows[pid].get("title") or "", rows[pid]["text"]) for pid in sorted(chosen))
    kept = tuple(Question(str(i), row["question"], gold=gold(row)) for i, row in enumerate(asked))
    return Dataset(base.name, kept, corpus)


def measure(dataset: Dataset, pipeline: str, cache: Path) -> tuple[list[float], float, float]:
    """Recall of each question; CPU seconds of an index, and of all searches."""
    empty = Dataset(dataset.name, (), dataset.corpus)
    begin = time.process_time()
    run(empty, pipeline, k=CUT, answers=False, cache=cache)
    made = time.process_time()
    done = run(dataset, pipeline, k=CUT, answers=False, cache=cache)
    searched = time.process_time() - made
    both = zip(done.questions, done.records, strict=True)
    return [recall(record.ranking, question.gold, CUT) for question, record in both], made - begin, searched


if __name__ == "__main__":
    main()
