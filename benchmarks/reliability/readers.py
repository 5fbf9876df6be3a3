"""R6: readers while an index is written, and two writers at once.

Every round gives all documents a new version and ingests them while eight processes ask, each time from a freshly
opened index. An answer that holds two versions mixes two generations. A second process ingests another folder into the
same index all the while: it may be told that the index is locked, and nothing else.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.config import load
from rag.index.folder import Index
from rag.ingest.run import ingest

READERS = 8
DOCUMENTS = 60
VERSIONS = 3  # a run
_LENGTH = re.compile(r"Berth (\d+) of \w+ is (\d+) metres")


def _read(folder: Path, until: Path, told: Connection) -> None:
    """Ask until a file appears; send the number of answers and what was wrong with them."""
    from rag.pipeline import Pipeline

    answers, wrong = 0, []
    config = load(str(folder / "tiny.yaml"))
    while not until.exists():
        try:
            with Pipeline(config, Index.at(folder)) as opened:
                hits = opened.search("how many metres long is the berth at the pier", k=30)
            found = [_LENGTH.search(hit.chunk.text) for hit in hits]
            versions = {int(match[2]) - 7 * int(match[1]) for match in found if match and int(match[1]) < DOCUMENTS}
            if len(versions) != 1:
                wrong.append(f"an answer of versions {sorted(versions)}")
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
        answers += 1
    told.send((answers, wrong))


def _write_elsewhere(folder: Path, until: Path, told: Connection) -> None:
    """Ingest another folder again and again; send how often, how often it was locked out, and what went wrong."""
    from rag.errors import LockedError

    config = load(str(folder / "tiny.yaml"))
    done, locked, wrong = 0, 0, []
    while not until.exists():
        corpus.write(folder / "other", [10_000 + done])
        try:
            ingest(Index.at(folder), config, [str(folder / "other")])
        except LockedError:
            locked += 1
        except Exception as error:
            wrong.append(f"second writer: {type(error).__name__}: {error}")
        done += 1
        time.sleep(0.05)
    told.send((done, locked, wrong))


def _write(folder: Path) -> None:
    from rag.errors import LockedError

    config = load(str(folder / "tiny.yaml"))
    for version in range(1, VERSIONS + 1):
        corpus.write(folder / "docs", range(DOCUMENTS), version=version)
        for _ in range(100):
            with suppress(LockedError):
                corpus.run(folder, config)
                break


def _run(folder: Path) -> tuple[int, int, list[str]]:
    """Answers, lockouts and what went wrong in one run."""
    corpus.pipeline(folder)
    corpus.write(folder / "docs", range(DOCUMENTS))
    apart.result(_write_first, folder)
    until = folder / "over"
    receivers, processes = [], []
    for work in [_read] * READERS + [_write_elsewhere]:
        receiver, sender = apart.pipe()
        processes.append(apart.start(work, folder, until, sender))
        sender.close()
        receivers.append(receiver)
    wrong: list[str] = []
    try:
        apart.result(_write, folder)
    except RuntimeError as error:
        wrong.append(f"first writer: {error}")
    until.touch()
    told = [receiver.recv() for receiver in receivers]
    for process in processes:
        process.join()
    wrong += [what for reader in told for what in reader[-1]]
    last = apart.result(_published, folder)
    if last:
        wrong.append(last)
    return sum(reader[0] for reader in told[:-1]), told[-1][1], wrong


def _write_first(folder: Path) -> None:
    corpus.run(folder, load(str(folder / "tiny.yaml")))


def _published(folder: Path) -> str:
    """Whether the last publish holds the last version of every document and nothing else of `docs`."""
    config = load(str(folder / "tiny.yaml"))
    corpus.run(folder, config)
    rows = str(corpus.content(Index.at(folder)))
    missing = [n for n in range(DOCUMENTS) if corpus.sentence(n, VERSIONS) not in rows]
    return f"{len(missing)} documents are not at their last version" if missing else ""


def readers(count: int) -> Outcome:
    """`count` runs of two writers and eight readers."""
    lost: list[str] = []
    answers = lockouts = survived = 0
    for number in range(count):
        with TemporaryDirectory() as name:
            asked, locked, wrong = _run(Path(name))
        answers, lockouts, survived = answers + asked, lockouts + locked, survived + (not wrong)
        lost += [f"run {number}: {what}" for what in wrong]
    note = f"{answers:,} answers by {READERS} readers during {count * VERSIONS} publishes, {lockouts} lockouts"
    return Outcome(count, survived, lost, note)


ROWS: dict[str, Row] = {"R6": readers}
