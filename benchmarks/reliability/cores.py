"""Cores: the same PDF files parsed by one worker process and by one per core, in turn.

Wall time, with the start of the workers and the parent's work. On a machine that is busy with something else two
workers also get twice the share of one; what is measured then is that nothing makes one wait for the other.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability.corpus import sentence
from benchmarks.reliability.outcome import Outcome, Row
from rag_connectors.files import Files
from tests.connectors import samples

ROUNDS = 3
PAGES = 100
LINES = 40  # a page
BAR = 0.75  # of the number of cores


def _write(folder: Path, count: int) -> None:
    rng = random.Random(3)
    for number in range(count):
        pages = [[sentence(rng.randrange(100_000)) for _ in range(LINES)] for _ in range(PAGES)]
        (folder / f"{number:03}.pdf").write_bytes(samples.pdf(pages))


def _seconds(folder: Path, workers: int) -> float:
    connector = Files(workers=workers, timeout=300.0)
    sources = list(connector.scan([str(folder)], base=str(folder)))
    started = time.perf_counter()
    if any(loaded.status != "ok" for loaded in connector.load(sources)):
        raise RuntimeError("good files failed")
    return time.perf_counter() - started


def scaling(count: int) -> Outcome:
    """`count` PDF files, parsed `ROUNDS` times either way."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with TemporaryDirectory() as name:
        _write(Path(name), count)
        spent = [(_seconds(Path(name), 1), _seconds(Path(name), cores)) for _ in range(ROUNDS)]
    ratios = [one / all for one, all in spent]
    ratio = statistics.median(ratios)
    lost = [f"{ratio:.2f} times as fast"] if ratio < BAR * cores else []
    one, all = (statistics.median(column) for column in zip(*spent, strict=True))
    note = f"{count} files of {PAGES} pages: {one:.1f} s with 1 worker, {all:.1f} s with {cores}: {ratio:.2f} x "
    return Outcome(1, 1 - len(lost), lost, note + f"({min(ratios):.2f} - {max(ratios):.2f} in {ROUNDS} rounds)")


ROWS: dict[str, Row] = {"cores": scaling}
