"""R7, R8: an index that followed its files through anything is the index one would build from them now.

R8 is a hypothesis state machine: files are written, edited, given other fields, deleted, renamed, moved, touched,
swapped and change their case, with an ingest now and then. At the end of each history the manifest is compared with
that of a fresh build from the same files, and every chunk, field and vector that is published with the manifest (what
`check --deep` compares).
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from benchmarks.reliability import corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.config import PipelineConfig, build
from rag.index import checksums
from rag.index.folder import Index
from rag.maintain.check import check

STEPS = 12
NAMES = st.sampled_from(["a.txt", "b.txt", "B.txt", "c.md", "sub/a.txt", "sub/d.md"])
TEXTS = st.integers(0, 4)
YEARS = st.integers(2020, 2023)
RECORDS = "facts.jsonl"


def fresh(folder: Path, config: PipelineConfig) -> list[tuple[object, ...]]:
    """The manifest's rows of an index that is made from nothing. It is not published: that would say nothing more."""
    shutil.rmtree(folder / ".rag")
    with patch("rag.index.folder.publish", return_value=True):
        corpus.run(folder, config)
    return corpus.content(Index.at(folder))


@cache
def beginning() -> tuple[TemporaryDirectory[str], PipelineConfig]:
    """A folder with one file and its index, which every history starts from, and its pipeline."""
    home = TemporaryDirectory()
    folder = Path(home.name)
    (folder / "docs" / "sub").mkdir(parents=True)
    (folder / "docs" / "a.txt").write_text(corpus.sentence(0))
    config = corpus.pipeline(folder)
    corpus.run(folder, config)
    return home, config


class Files(RuleBasedStateMachine):
    """What people do to their files, and `rag ingest` in between."""

    def __init__(self) -> None:
        super().__init__()
        start, self.config = beginning()
        self.home = TemporaryDirectory()
        self.folder = Path(self.home.name) / "here"
        self.docs = self.folder / "docs"
        shutil.copytree(start.name, self.folder, copy_function=checksums.copy)

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: int) -> None:
        """A new file, or another text, or one that another file has."""
        (self.docs / name).write_text(f"Berth {text}\n\n{corpus.sentence(text)}\n")

    @rule(years=st.lists(st.tuples(TEXTS, YEARS), min_size=1, max_size=4, unique_by=lambda row: row[0]))
    def write_records(self, years: list[tuple[int, int]]) -> None:
        """Records whose fields change while their text does not, or that go."""
        rows = (f'{{"id": {n}, "text": "{corpus.sentence(n)}", "year": {year}}}\n' for n, year in years)
        (self.docs / RECORDS).write_text("".join(rows))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """Gone."""
        (self.docs / name).unlink(missing_ok=True)

    @rule(name=NAMES, to=NAMES)
    def rename(self, name: str, to: str) -> None:
        """Over another file, perhaps, or into another folder, or to capitals."""
        if (self.docs / name).exists():
            (self.docs / name).rename(self.docs / to)

    @rule(name=NAMES, other=NAMES)
    def swap(self, name: str, other: str) -> None:
        """Two files change places."""
        if name != other and (self.docs / name).exists() and (self.docs / other).exists():
            (self.docs / name).rename(self.docs / "aside")
            (self.docs / other).rename(self.docs / name)
            (self.docs / "aside").rename(self.docs / other)

    @rule(name=NAMES, when=st.integers(0, 3))
    def touch(self, name: str, when: int) -> None:
        """Another time, the same content."""
        if (self.docs / name).exists():
            os.utime(self.docs / name, (when, when))

    @rule()
    def ingest(self) -> None:
        """Follow."""
        corpus.run(self.folder, self.config)

    def teardown(self) -> None:
        """Compare with a fresh build."""
        try:
            corpus.run(self.folder, self.config)
            followed = corpus.content(Index.at(self.folder))
            found = check(Index.at(self.folder), build(self.config).store, deep=True)
            assert not found, f"what is published is not what the manifest says: {found[0].what}"
            assert fresh(self.folder, self.config) == followed, "another index than a fresh build"
        finally:
            self.home.cleanup()


def histories(count: int) -> Outcome:
    """R8: `count` random histories."""
    options = settings(
        max_examples=count, stateful_step_count=STEPS, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    lost: list[str] = []
    try:
        run_state_machine_as_test(Files, settings=options)
    except AssertionError as error:
        lost.append(" ".join(str(error).split() + getattr(error, "__notes__", [])))
    return Outcome(count, count - len(lost), lost, f"up to {STEPS} steps each; stops at the first that differs")


def unchanged(count: int) -> Outcome:
    """R7: ingest `count` times what did not change: nothing is embedded, published or written."""
    lost = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = corpus.pipeline(folder)
        corpus.write(folder / "docs", range(50))
        corpus.run(folder, config)
        before = {path: path.read_bytes() for path in _kept(folder)}
        for number in range(count):
            report = corpus.run(folder, config)
            after = {path: path.read_bytes() for path in _kept(folder)}
            if report.embedded or report.published or report.count("unchanged") != 50 or after != before:
                lost.append(f"run {number}: {report.embedded} embedded, {report.count('unchanged')} unchanged")
    return Outcome(count, count - len(lost), lost, "50 files")


def _kept(folder: Path) -> list[Path]:
    rag = folder / ".rag"
    return [rag / "manifest.sqlite", rag / "CURRENT", rag / "seal.json", *rag.glob("generations/*/facts.json")]


ROWS: dict[str, Row] = {"R7": unchanged, "R8": histories}
