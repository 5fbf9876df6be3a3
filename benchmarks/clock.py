"""What a search and an answer take by the clock: `python -m benchmarks.clock [SET ...] [--data ../shared/data]`.

One warm process, the sets of `benchmarks.findings` over their whole corpora, in indexes kept below `--cache`. The
questions go round the pipelines, so that a busy machine slows all of them alike. Milliseconds: median and 95th
percentile.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack

from benchmarks.common import datasets
from benchmarks.findings.plan import SOURCES
from rag_evals.indexing import index_dataset

SEARCHED, ASKED = ("direct", "fast", "links", "default"), ("fast", "default")
WARM = 5  # questions that are not counted


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["musique"], metavar="SET")
    datasets(parser)
    parser.add_argument("--questions", type=int, default=65, help=f"the first {WARM} are not counted")
    given = parser.parse_args()
    print("| set | pipeline | search, p50 / p95 | ask, p50 / p95 |\n|---|---|---|---|")
    for name in given.sets:
        dataset = SOURCES[name].load(given.data)
        with ExitStack() as opened:
            pipelines = {kind: opened.enter_context(index_dataset(dataset, kind, given.cache)[0]) for kind in SEARCHED}
            taken: dict[tuple[str, str], list[float]] = {}
            for what, kinds in (("search", SEARCHED), ("ask", ASKED)):  # apart: pipelines remember the last questions
                for question in dataset.questions[: given.questions]:
                    for kind in kinds:
                        started = time.perf_counter()
                        getattr(pipelines[kind], what)(question.question)
                        taken.setdefault((kind, what), []).append(1000 * (time.perf_counter() - started))
        for kind in SEARCHED:
            cells = [_cell(taken.get((kind, what), [])[WARM:]) for what in ("search", "ask")]
            print(f"| {name} | {kind} | {' | '.join(cells)} |", flush=True)


def _cell(times: list[float]) -> str:
    if len(times) < 2:
        return "-"
    return f"{statistics.median(times):.1f} / {statistics.quantiles(times, n=20)[-1]:.1f}"


if __name__ == "__main__":
    main()
