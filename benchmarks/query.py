"""Query latency and cold start against the floor: `python -m benchmarks.query`. Rounds are interleaved.

Warm: one process, 100 titles as queries, p50 of each side; ours by the pipelines `links` (hybrid search, link hops) and
`default` (which also reads on with the hop encoder). Cold: CPU seconds of one whole process, `rag ask` with the default
pipeline against the floor's imports, model loading and one query.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.common import FLOOR, FLOOR_INGEST, arguments, run, table, write_files

TIMED = """
import json, statistics, time
def p50(ask):
    for q in queries[:5]: ask(q)
    seconds = []
    for q in queries:
        started = time.perf_counter(); ask(q); seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)
queries = json.loads(sys.argv[1])
"""
FLOOR_QUERY = (
    FLOOR
    + TIMED
    + """
matrix = np.load("floor.npy")
print(p50(lambda q: np.argsort(-(matrix @ model.encode(q, normalize_embeddings=True)))[:10]))
"""
)
FLOOR_COLD = (
    FLOOR + "print(np.argsort(-(np.load('floor.npy') @ model.encode(sys.argv[1], normalize_embeddings=True)))[:10])"
)
OUR_QUERY = (
    "import sys\n"
    + TIMED
    + """
from rag.pipeline import Pipeline
with Pipeline.load(sys.argv[2]) as pipeline:
    print(p50(lambda q: pipeline.search(q, k=10)))
"""
)


def main() -> None:
    """Measure and print a table."""
    options = arguments(__doc__ or "").parse_args()
    rag = str(Path(sys.executable).parent / "rag")
    warm: tuple[list[float], list[float]] = ([], [])
    reading: tuple[list[float], list[float]] = ([], [])
    cold: tuple[list[float], list[float]] = ([], [])
    cold_wall: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        titles = write_files(options.corpus, place / "docs", options.files)
        queries = titles[:: max(1, len(titles) // 100)]
        run([rag, "ingest", "docs", "--pipeline", "default"], cwd=place)
        run([sys.executable, "-c", FLOOR_INGEST, "docs", "floor.npy"], cwd=place)
        for _ in range(options.rounds):
            times = [
                float(run([sys.executable, "-c", code, json.dumps(queries), name], cwd=place)[1])
                for code, name in ((OUR_QUERY, "links"), (OUR_QUERY, "default"), (FLOOR_QUERY, ""))
            ]
            for rows, ours_value in ((warm, times[0]), (reading, times[1])):
                rows[0].append(ours_value)
                rows[1].append(times[2])
            ours, _ = run([rag, "ask", f"What is {titles[0]}?"], cwd=place, codes=(0, 7))
            floor, _ = run([sys.executable, "-c", FLOOR_COLD, titles[0]], cwd=place)
            for rows, mine, theirs in ((cold, ours.cpu, floor.cpu), (cold_wall, ours.wall, floor.wall)):
                rows[0].append(mine)
                rows[1].append(theirs)
    print(f"{options.files} files, {options.rounds} rounds, medians\n")
    table(
        {
            "query p50, ms, links": warm,
            "query p50, ms, default": reading,
            "cold ask, CPU seconds": cold,
            "cold ask, wall seconds": cold_wall,
        }
    )


if __name__ == "__main__":
    main()
