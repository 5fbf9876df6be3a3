"""How an index grows: `python -m benchmarks.growth [--chunks 10000 30000 100000]`; prints a row for each size.

Made-up records of one chunk each, words by Zipf's law, the hashing embedder (256 columns) and BM25, hybrid search
without hops. Every step is a process of its own: CPU seconds and seconds by the clock; on a busy machine trust the
former. One record in a thousand is changed, in as few files as hold so many. Memory is the most that the process had
which searched.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from benchmarks.common import SMALL_PIPELINE, Cost, run

RECORDS = 100  # in a file
WORDS = 40  # of a record
VOCABULARY = 50_000
QUERIES = 200
HEAD = (
    "chunks", "build, CPU s / s", "open and ask, CPU s / s", "query, p95 ms / CPU ms", "memory, MB", "nothing changed",
    "0.1% changed", "check", "MB on disk",
)  # fmt: skip
SEARCH = """
import json, resource, statistics, sys, time
from rag.pipeline import Pipeline
started = time.perf_counter()
with Pipeline.load(index=".") as pipeline:
    pipeline.search("w1 w20 w300", k=10)
    opened = time.process_time(), time.perf_counter() - started
    seconds, before = [], time.process_time()
    for query in json.loads(sys.argv[1]):
        started = time.perf_counter()
        pipeline.search(query, k=10)
        seconds.append(time.perf_counter() - started)
    cpu = time.process_time() - before
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([opened, statistics.quantiles(seconds, n=20)[-1], cpu / len(seconds), memory]))
"""


def sentence(chance: random.Random, words: int) -> str:
    """Words of the vocabulary, the n-th about 1 / n times as often as the first."""
    return " ".join(f"w{int(VOCABULARY ** chance.random())}" for _ in range(words))


def write_file(folder: Path, number: int, revision: int = 0, changed: int = 0) -> None:
    """A file of records, the first `changed` of them of another revision."""
    rows = []
    for n in range(RECORDS):
        chance = random.Random(f"{number} {n} {revision if n < changed else 0}")
        rows.append(
            json.dumps({"id": f"{number}-{n}", "title": f"Record {number}-{n}", "text": sentence(chance, WORDS)})
        )
    (folder / f"{number:06}.jsonl").write_text("\n".join(rows) + "\n")


def measure(folder: Path, chunks: int) -> list[str]:
    """The cells of a row."""
    (folder / "docs").mkdir(parents=True)
    for number in range(chunks // RECORDS):
        write_file(folder / "docs", number)
    (folder / "grow.yaml").write_text(SMALL_PIPELINE)
    rag = [sys.executable, "-m", "rag"]
    build, _ = run([*rag, "ingest", "docs", "--pipeline", "grow.yaml", "--json"], cwd=folder)
    chance = random.Random(1)
    queries = [sentence(chance, 6) for _ in range(QUERIES)]
    _, out = run([sys.executable, "-c", SEARCH, json.dumps(queries)], cwd=folder)
    opened, p95, cpu, memory = json.loads(out)
    again, _ = run([*rag, "ingest", "docs", "--json"], cwd=folder)
    left = max(1, chunks // 1000)
    for number in range(-(-left // RECORDS)):
        write_file(folder / "docs", number, 1, min(RECORDS, left - number * RECORDS))
    change, out = run([*rag, "ingest", "docs", "--json"], cwd=folder)
    if json.loads(out)["embedded"] != left:
        sys.exit(f"{out}: {left} records were changed")
    checked, _ = run([*rag, "check"], cwd=folder)
    size = sum(path.stat().st_blocks * 512 for path in (folder / ".rag").rglob("*") if path.is_file())
    return [
        f"{chunks:,}",
        _show(build),
        f"{opened[0]:.2f} / {opened[1]:.2f}",
        f"{1000 * p95:.0f} / {1000 * cpu:.0f}",
        f"{memory:,.0f}",
        _show(again),
        f"{_show(change)} ({100 * change.cpu / build.cpu:.1f}%)",
        _show(checked),
        f"{size / 1e6:,.0f}",
    ]


def _show(cost: Cost) -> str:
    return f"{cost.cpu:.1f} / {cost.wall:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--folder", type=Path, help="keep the indexes here")
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for chunks in given.chunks:
            print(f"| {' | '.join(measure((given.folder or Path(name)) / str(chunks), chunks))} |", flush=True)


if __name__ == "__main__":
    main()
