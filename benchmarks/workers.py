"""What a second worker gains: `python -m benchmarks.workers [--before chrt -r 1]`. Linux, two free cores.

Dask workers with one thread, each bound to a core of its own; the ingest reads, gives out and writes on both
cores. The vectors of the bundled model are nearly all of the work. Rounds of one worker and of two take turns; workers
have loaded the model before. `--before` is put before every command, on both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.common import CORPUS, run, write_files
from benchmarks.peers.with_raghop import DENSE

WARM = 32  # files by which workers load the model


@contextmanager
def cluster(before: Sequence[str], workers: int, place: Path) -> Iterator[str]:
    """A scheduler and so many workers, for as long as the block takes; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    work = [
        *dask,
        "worker",
        address,
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--local-directory",
        str(place),
    ]
    commands = [scheduler, *(["taskset", "-c", str(core), *work] for core in range(workers))]
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                [*before, *command], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield address


def measure(before: Sequence[str], workers: int, place: Path) -> float:
    """Seconds of an ingest, from its first file to its last vector's publication, on so many workers."""
    with cluster(before, workers, place) as address:
        (place / "workers.yaml").write_text(f"{DENSE}ingest: {{use: dask, address: '{address}'}}\n")
        for docs in ("few", "docs"):
            shutil.rmtree(place / ".rag", ignore_errors=True)
            rag = [*before, sys.executable, "-m", "rag", "ingest", docs, "--pipeline", "workers.yaml", "--json"]
            _, out = run(rag, cwd=place)
            time.sleep(1)
        report = json.loads(out)
    if len(report["workers"]) != workers:
        sys.exit(f"{len(report['workers'])} workers had something to do instead of {workers}: take more --files.")
    return float(report["seconds"])


def main() -> None:
    """Print the rounds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="jsonl[.gz] of {title, text}")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", nargs=argparse.REMAINDER, default=[], help="as chrt -r 1; the last option")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_files(given.corpus, place / "docs", given.files)
        write_files(given.corpus, place / "few", WARM)
        pairs = []
        print(f"{given.files} files, load {os.getloadavg()[0]:.0f}\n\n| one worker, s | two, s | gain |\n|---|---|---|")
        for _ in range(given.rounds):
            one, two = (measure(given.before, workers, place) for workers in (1, 2))
            pairs.append(one / two)
            print(f"| {one:.1f} | {two:.1f} | {one / two:.2f} |", flush=True)
    print(f"\nmedian {statistics.median(pairs):.2f} ({min(pairs):.2f} - {max(pairs):.2f})")


if __name__ == "__main__":
    main()
