"""R17: Ctrl-C and SIGTERM while a large index is published: the command ends within 5 s, and the index answers.

A process of `rag ingest` sends itself the signal in front of a step of the publish, at every step once. Then the index
must answer, from what it was or from what it is now; one more ingest leaves nothing for a deep check to find.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.config import PipelineConfig, build, load
from rag.index.folder import Index
from rag.maintain.check import check
from rag.pipeline import Pipeline

SECONDS = 5.0
STEPS = {  # of a publish, in their order
    "opening": "rag.index.generations.open_generation",
    "copying": "rag.index.checksums.copy",
    "looking": "rag.store.edge.EdgeStore.ids",
    "writing": "rag.store.edge.EdgeStore.write",
    "flushing": "rag.store.edge.EdgeStore.flush",
    "comparing": "rag.index.publish._compare",
    "digesting": "rag.index.checksums.checksum_folder",
    "syncing": "rag.index.publish.sync",
    "collecting": "rag.index.generations.collect",
    "sealing": "rag.index.seal.write",
}
WORDS = [a + b + c for a in ("ba", "ke", "mo", "pra", "ste", "vo") for b in ("la", "ri", "te") for c in "nrstx"]


def pipeline(folder: Path) -> PipelineConfig:
    """The tiny pipeline with vectors and chunks of the usual size."""
    text = corpus.TINY.replace("width: 32", "width: 384").replace("size: 60", "size: 200")
    (folder / "large.yaml").write_text(text)
    return load(str(folder / "large.yaml"))


def write(folder: Path, count: int) -> None:
    """`count` records of a chunk each."""
    rng = random.Random(17)
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, count, 2000):
        records = (
            {"id": str(n), "text": f"Berth {n}. " + " ".join(rng.choices(WORDS, k=80))}
            for n in range(start, min(start + 2000, count))
        )
        (folder / f"{start:07}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def _signalled(folder: Path, where: str, number: int) -> None:
    """`rag ingest`, signalled in front of a step; leaves the time of the signal in a file."""
    home, _, name = where.rpartition(".")
    owner: Any = resolve_name(home)
    genuine: Callable[..., Any] = getattr(owner, name)

    def step(*arguments: Any, **options: Any) -> Any:
        setattr(owner, name, genuine)
        (folder / "told").write_text(str(time.monotonic()))
        os.kill(os.getpid(), number)
        return genuine(*arguments, **options)

    setattr(owner, name, step)
    os.chdir(folder)
    for fd in (1, 2):
        os.dup2(os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND), fd)
    sys.argv = ["rag", "ingest", "docs", "--pipeline", "large.yaml"]
    from rag.cli import main

    main()


def stops(folder: Path) -> tuple[list[float], list[str]]:
    """Seconds from each signal to the end of the command, and what was wrong, on the index of this folder."""
    config = load(str(folder / "large.yaml"))
    seconds, lost = [], []
    for at, (step, where) in enumerate(STEPS.items()):
        (folder / "docs" / f"new-{at}.txt").write_text(f"The new berth {at} of Tarnvik is {time.time()} metres long.")
        (folder / "said").write_text("")
        number = (signal.SIGINT, signal.SIGTERM)[at % 2]
        process = apart.start(_signalled, folder, where, number)
        process.join()
        told = float((folder / "told").read_text())
        seconds.append(time.monotonic() - told)
        said = (folder / "said").read_text()
        if process.exitcode not in (0, 128 + number) or (process.exitcode and "rag: interrupted" not in said):
            lost.append(f"{step}: exit code {process.exitcode}: {said}")
        elif seconds[-1] > SECONDS:
            lost.append(f"{step}: ended after {seconds[-1]:.1f} s")
        with Pipeline(config, Index.at(folder)) as opened:
            if not opened.search("Berth 7"):
                lost.append(f"{step}: the index does not answer")
    corpus.run(folder, config)
    if found := check(Index.at(folder), build(config).store, deep=True):
        lost.append(f"found after the last ingest: {found[0].what}")
    return seconds, lost


def publishing(count: int) -> Outcome:
    """A signal at every step of the publish of an index of `count` chunks."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "docs", count)
        apart.result(_ingest, folder)
        seconds, lost = stops(folder)
    slow = max(range(len(seconds)), key=seconds.__getitem__)
    note = f"{count:,} chunks; slowest {seconds[slow]:.1f} s, {list(STEPS)[slow]}"
    return Outcome(len(STEPS), len(STEPS) - len({what.split(":")[0] for what in lost}), lost, note)


def _ingest(folder: Path) -> int:
    return corpus.run(folder, pipeline(folder)).embedded


ROWS: dict[str, Row] = {"R17": publishing}
