"""Ingest cost against the floor: `python -m benchmarks.ingest`. Rounds are interleaved; CPU seconds are the figure.

Both sides get the same files on the same machine with the same number of threads. Ours does everything: reading in
checked child processes, chunking, embedding, the manifest with fsync, the vector index, its verification. Last, how
near that comes to the machine's limit: the float32 operations that the network needs for the chunks' tokens, without
padding, by the CPU seconds of all that, as a share of the rate of numpy's products of large matrices, measured between.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.common import FLOOR_INGEST, arguments, run, table, write_files

PEAK = """
import time, numpy as np
one, other = (np.random.default_rng(0).standard_normal((2048, 2048), np.float32) for _ in range(2))
def rate():
    started = time.process_time()
    one @ other
    return 2 * 2048**3 / (time.process_time() - started)
print(max(rate() for _ in range(7)))
"""
OPERATIONS = """
from contextlib import closing
from rag.index.folder import Index
from rag.models.files import BUNDLED
from rag.models.onnx_backend import text_encoder
from rag.models.spec import read
spec = read(BUNDLED)
width, layers, inner = (spec.config[key] for key in ("hidden_size", "num_hidden_layers", "intermediate_size"))
with closing(Index.at(".").read_manifest()) as manifest:
    chunks, _ = manifest.chunks(manifest.chunk_ids())
lengths = [len(one.ids) for one in text_encoder(spec, batch_tokens=1).tokenize([c.contextual for c in chunks])]
print(layers * sum(n * (8 * width**2 + 4 * width * inner) + 4 * n**2 * width for n in lengths))
"""


def main() -> None:
    """Measure and print a table."""
    options = arguments(__doc__ or "").parse_args()
    rag = str(Path(sys.executable).parent / "rag")
    cpu: tuple[list[float], list[float]] = ([], [])
    wall: tuple[list[float], list[float]] = ([], [])
    again: list[float] = []
    shares: list[float] = []
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
            operations, peak = (float(run([sys.executable, "-c", code], cwd=place)[1]) for code in (OPERATIONS, PEAK))
            shares.append(operations / ours.cpu / peak)
    print(f"{options.files} files, {options.rounds} rounds, medians\n")
    table(
        {
            "CPU seconds": cpu,
            "wall seconds": wall,
            "CPU seconds, second ingest of unchanged files": (again, cpu[1]),
        }
    )
    print(f"\nGEMM: {peak / 1e9:.0f} GFLOP/s of a core; ingest reaches {statistics.median(shares):.0%} of it")


if __name__ == "__main__":
    main()
