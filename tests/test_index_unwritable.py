"""An index that may be read and not changed: it answers as ever, and who would write is told why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rag.config import load
from rag.index.folder import Index
from rag.ingest.run import ingest
from tests.powers import run_without_powers

READ = """
import sys
from contextlib import closing
from pathlib import Path
from rag.config import build, load
from rag.conversation import Conversation
from rag.index.folder import Index
from rag.maintain.archive import export_index
from rag.maintain.check import check
from rag.pipeline import Pipeline

index, config = Index.at("."), load("tiny.yaml")
with Pipeline(config, index) as pipeline:
    print(pipeline.search("Lumen K2")[0].chunk.source)
    print(pipeline.ask("Who makes the Lumen K2?").citations[0].source)
    with Conversation(pipeline) as talk:
        talk.ask("Who makes the Lumen K2?")
        print(len(talk.turns), talk.is_kept)
with closing(index.read_manifest(whole=True)) as manifest:
    print(manifest.counts()["sources"])
print(check(index, build(config).store, deep=True))
print(export_index(index, Path(sys.argv[1]))["chunks"])
"""

WRITE = """
from rag.config import load
from rag.errors import RagError
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.maintain.remove import delete
from rag.maintain.repair import repair

index, config = Index.at("."), load("tiny.yaml")
for write in (
    lambda: ingest(index, config, ["docs"]),
    lambda: delete(index, config, ["docs/lumen.md"], purge=True),
    lambda: repair(index, config),
    lambda: ingest(Index.at("docs"), config, ["docs"]),
):
    try:
        write()
    except RagError as error:
        print(type(error).__name__, error)
"""


@contextmanager
def sealed_off(folder: Path) -> Iterator[None]:
    """Nothing in the folder may be written."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    try:
        for path in paths:
            os.chmod(path, modes[path] & ~0o222)
        yield
    finally:
        for path in paths:
            os.chmod(path, modes[path])


@pytest.fixture
def indexed(notes: Path) -> Path:
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    return notes


@pytest.mark.parametrize("locks", [True, False])
def test_it_is_asked_checked_and_exported(indexed: Path, tmp_path_factory: pytest.TempPathFactory, locks: bool) -> None:
    found = sorted(path.name for path in (indexed / ".rag").rglob("*.lock"))
    assert found == ["1.lock", "writer.lock"]  # made by who wrote it
    if not locks:  # as in a copy
        for path in (indexed / ".rag").rglob("*.lock"):
            path.unlink()
    target, temporary = tmp_path_factory.mktemp("out") / "x.raghop", tmp_path_factory.mktemp("temporary")
    with sealed_off(indexed):
        command = ("-c", f"import tempfile; tempfile.tempdir = {str(temporary)!r}\n{READ}", str(target))
        done = run_without_powers(*command, code=0, cwd=indexed)
    assert done.stdout.splitlines() == ["docs/lumen.md", "docs/lumen.md", "1 False", "4", "[]", "4"]
    assert not any(temporary.iterdir()), "the engine's copy is removed"


def test_who_would_write_is_told_why_not(indexed: Path) -> None:
    with sealed_off(indexed):
        done = run_without_powers("-c", WRITE, code=0, cwd=indexed)
    lines = done.stdout.splitlines()
    assert len(lines) == 4 and all("cannot be written" in line and "can be asked" in line for line in lines)
    with sealed_off(indexed / ".rag" / "manifest.sqlite"):
        done = run_without_powers("-m", "rag", "ingest", "docs", code=1, cwd=indexed)
    assert "manifest.sqlite: cannot be written" in done.stderr and "bug" not in done.stderr


def test_a_journal_that_cannot_be_read_is_named(indexed: Path) -> None:
    code = "import os; from rag.index.folder import Index\nwith Index.at('.').edit_manifest() as manifest:\n"
    code += "    with manifest.transaction(): manifest.add_roots(['more'])\n    os._exit(0)"
    run_without_powers("-c", code, code=0, cwd=indexed)
    (indexed / ".rag" / "manifest.sqlite-shm").unlink()
    with sealed_off(indexed):
        done = run_without_powers("-m", "rag", "status", code=1, cwd=indexed)
    assert "An interrupted run left a journal" in done.stderr
    with closing(Index.at(indexed).read_manifest()) as manifest:
        assert manifest.roots() == ["docs", "more"]
