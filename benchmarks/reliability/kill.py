"""R1: an ingest that is killed and run again ends as one that was never interrupted.

The ingest runs in a process that is killed with SIGKILL after a random part of the time a whole run takes, some of them
several times in a row; then it is run to its end, and the manifest and the published ids are compared.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row

DOCUMENTS = 1000


def _ingest(folder: Path) -> str:
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    return corpus.digest(folder, config)


def _killed(folder: Path, seconds: float) -> bool:
    process = apart.start(_ingest, folder)
    time.sleep(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def kill(count: int) -> Outcome:
    """`count` kills at random instants."""
    rng = random.Random(1)
    lost: list[str] = []
    hit = 0
    documents = min(DOCUMENTS, 10 * count)
    with TemporaryDirectory() as name:
        folder = Path(name)
        corpus.write(folder / "docs", range(documents))
        started = time.monotonic()
        expected = apart.result(_ingest, folder)
        whole = time.monotonic() - started
        shutil.rmtree(folder / ".rag")
        while hit < count:
            delay = rng.uniform(0, whole)
            if _killed(folder, delay):
                hit += 1
            else:
                whole *= 0.9  # the machine is faster than it was
            if rng.random() < 0.3 and hit < count:
                continue  # killed again before it could recover
            if apart.result(_ingest, folder) != expected:
                lost.append(f"kill {hit} after {delay:.2f} s: another index than without it")
            shutil.rmtree(folder / ".rag")
    return Outcome(count, count - len(lost), lost, f"{documents:,} documents; 30 % killed twice or more in a row")


ROWS: dict[str, Row] = {"R1": kill}
