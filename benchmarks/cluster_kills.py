"""Ingests on local clusters, and kill -9 of a worker, of the scheduler, of the driver at random instants.

python -m benchmarks.cluster_kills [--rounds 20] [--engines dask ray] [--victims worker scheduler driver]

prints a row for each engine and victim, then what the ingests said that ended with an error.

After the kill the ingest is waited for, the same command runs again, and the index is compared with one that nobody
disturbed: chunk ids, chunks that are stored twice, `rag check --deep`. Linux: processes are found in /proc.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from benchmarks.common import SMALL_PIPELINE
from rag.config import build, load
from rag.index.folder import Index
from rag.maintain.check import check

FILES = 120
VICTIMS = {  # words in the command line of the process, any of them
    ("dask", "worker"): (b"multiprocessing.spawn",),
    ("dask", "scheduler"): (b"distributed.Scheduler",),
    ("ray", "worker"): (b"ray::IDLE", b"ray::_call"),
    ("ray", "scheduler"): (b"gcs_server",),
}
LIMIT = 600  # seconds for an ingest
SAID = "said.txt"


def write_corpus(folder: Path, engine: str) -> None:
    """Files of some paragraphs, and the pipeline with and without workers."""
    (folder / "docs").mkdir()
    for n in range(FILES):
        text = "\n\n".join(
            f"Lamp {n} in hall {m} was mended {(n * m) % 97} times. It is number {n * m}." for m in range(40)
        )
        (folder / "docs" / f"{n:04}.txt").write_text(text)
    (folder / "here.yaml").write_text(SMALL_PIPELINE)
    (folder / "there.yaml").write_text(f"{SMALL_PIPELINE}ingest: {{use: {engine}, workers: 2}}\n")


def ingest(folder: Path, pipeline: str) -> subprocess.Popen[bytes]:
    """The command, in a session of its own."""
    command = [sys.executable, "-m", "rag", "ingest", "docs", "--index", ".", "--pipeline", pipeline]
    with (folder / SAID).open("ab") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True)


def below(pid: int) -> Iterator[int]:
    """The processes that this one started, and those that they did."""
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield int(child)
                yield from below(int(child))


def find(driver: int, engine: str, victim: str) -> list[int]:
    """The processes of this kind."""
    found = []
    for pid in below(driver):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if any(words in command for words in VICTIMS[engine, victim]):
                found.append(pid)
    return found


def kill(driver: int, engine: str, victim: str) -> bool:
    """Whether there was one to kill."""
    if victim == "driver":
        os.kill(driver, signal.SIGKILL)
        return True
    if found := find(driver, engine, victim):
        with suppress(ProcessLookupError):
            os.kill(random.choice(found), signal.SIGKILL)
    return bool(found)


def chunk_ids(folder: Path) -> list[str]:
    """Every chunk of the manifest."""
    with closing(Index.at(folder).read_manifest()) as manifest:
        return sorted(manifest.chunk_ids())


def play(folder: Path, engine: str, victim: str, seconds: float) -> tuple[bool, int]:
    """One kill, so many seconds after the workers are up: whether it met one, and the exit code of the ingest."""
    run = ingest(folder, "there.yaml")
    probe = victim if victim != "driver" else "worker"
    end = time.monotonic() + LIMIT
    while run.poll() is None and time.monotonic() < end and not find(run.pid, engine, probe):
        time.sleep(0.05)
    time.sleep(seconds)
    met = run.poll() is None and kill(run.pid, engine, victim)
    code = run.wait(LIMIT)
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)  # what a dead driver left, should it not end by itself
    return met, code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--engines", nargs="+", default=["dask", "ray"])
    parser.add_argument("--victims", nargs="+", default=["worker", "scheduler", "driver"])
    parser.add_argument("--longest", type=float, default=10.0, help="most seconds before a kill")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    random.seed(given.seed)
    errors: Counter[tuple[str, str, str]] = Counter()
    print("| engine | killed | rounds | met one | ended well by itself | lost | twice | problems |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for engine in given.engines:
        with tempfile.TemporaryDirectory() as home:
            reference = Path(home, "reference")
            reference.mkdir()
            write_corpus(reference, engine)
            ingest(reference, "here.yaml").wait(LIMIT)
            expected = chunk_ids(reference)
            for victim in given.victims:
                met = well = lost = twice = wrong = 0
                for n in range(given.rounds):
                    folder = Path(home, f"{victim}{n}")
                    folder.mkdir()
                    write_corpus(folder, engine)
                    hit, code = play(folder, engine, victim, random.uniform(0, given.longest))
                    met, well = met + hit, well + (code == 0)
                    if code > 0:
                        last = (folder / SAID).read_text().rstrip().rpartition("\n")[2]
                        errors[engine, victim, last] += 1
                    ingest(folder, "here.yaml").wait(LIMIT)
                    ids = chunk_ids(folder)
                    lost += len(set(expected) - set(ids))
                    twice += len(ids) - len(set(ids)) + len(set(ids) - set(expected))
                    store = build(load(str(folder / "here.yaml"))).store
                    wrong += len(check(Index.at(folder), store, deep=True))
                print(
                    f"| {engine} | {victim} | {given.rounds} | {met} | {well} | {lost} | {twice} | {wrong} |",
                    flush=True,
                )
    for (engine, victim, last), times in errors.most_common():
        print(f"{times} x {engine}, {victim}: {last}")


if __name__ == "__main__":
    main()
