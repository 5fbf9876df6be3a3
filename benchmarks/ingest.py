"""Ingest cost against the floor: `python -m benchmarks.ingest`. Rounds are interleaved; CPU seconds are the figure.

Both sides get the same files on the same machine with the same number of threads. Ours does everything: reading in
checked child processes, chunking, embedding, the manifest with fsync, the vector index, its verification.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.common import FLOOR_INGEST, arguments, run, table, write_files


def main() -> None:
    """Measure and print a table."""
    options = arguments(__doc__ or "").parse_args()
    rag = str(Path(sys.executable).parent / "rag")
    cpu: tuple[list[float], list[float]] = ([], [])
    wall: tuple[list[float], list[float]] = ([], [])
    again: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_files(options.corpus, place / "docs", options.files)
        for _ in range(options.rounds):
            shutil.rmtree(place / ".rag", ignore_errors=True)
            ours, _ = run([rag, "ingest", "docs", "--pipeline", "default"], cwd=place)
            repeat, _ = run([rag, "ingest", "docs"], cwd=place)
            floor, _ = run([sys.executable, "-c", FLOOR_INGEST, "docs", "floor.npy"], cwd=place)
            cpu[0].append(ours.cpu)
            cpu[1].append(floor.cpu)
            wall[0].append(ours.wall)
            wall[1].append(floor.wall)
            again.append(repeat.cpu)
    print(f"{options.files} files, {options.rounds} rounds, medians\n")
    table(
        {
            "CPU seconds": cpu,
            "wall seconds": wall,
            "CPU seconds, second ingest of unchanged files": (again, cpu[1]),
        }
    )


if __name__ == "__main__":
    main()
