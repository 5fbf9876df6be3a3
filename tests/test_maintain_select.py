"""What a path given to `delete` and `purge` takes: what has this name, and nothing else unasked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from rag.config import load
from rag.errors import InputError
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.maintain.remove import delete
from rag.maintain.select import Selection, select
from tests.test_cli import RAG, rag

FILES = ("a.md", "b.txt", "report1.md", "report[1].md", "sub/a.md", "sub/deep/c.md", "submarine.md", "x*.md", "xy.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of FILES, and of one from beside it."""
    folder = tmp_path_factory.mktemp("select").resolve()
    home, beside = folder / "home", folder / "beside"
    for path in [*(home / name for name in FILES), beside / "a.md"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The words of {path}.\n")
    (home / "tiny.yaml").write_text((Path(__file__).parent / "tiny.yaml").read_text())
    (beside / "other.md").symlink_to(home / "a.md")
    ingest(Index.at(home), load(str(home / "tiny.yaml")), [str(home), str(beside / "a.md")])
    return Index.at(home)


@pytest.fixture
def indexed(built: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A copy to change; the current folder is its own."""
    shutil.copytree(built.base, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return Index.at(tmp_path / "copy")


def names(index: Index) -> list[str]:
    with closing(index.read_manifest()) as manifest:
        return [name for name, row in manifest.sources().items() if row.status == "ok"]


CASES = [  # where one stands, what is given, what is named, what is alike
    (".", "a.md", ["a.md"], []),
    ("sub", "a.md", ["sub/a.md"], []),
    ("sub/deep", "a.md", [], ["a.md"]),
    ("sub", "../a.md", ["a.md"], []),
    (".", "./sub//", ["sub/a.md", "sub/deep/c.md"], []),
    ("sub", ".", ["sub/a.md", "sub/deep/c.md"], []),
    (".", "report[1].md", ["report[1].md"], []),
    (".", "report[12].md", [], ["report1.md"]),
    (".", "x*.md", ["x*.md"], []),
    ("sub", "*.md", [], ["sub/a.md", "sub/deep/c.md"]),
    (".", "*.txt", [], ["b.txt"]),
    ("sub", "b.txt", [], ["b.txt"]),
    ("../beside", "a.md", ["{beside}/a.md"], []),
    (".", "{beside}/a.md", ["{beside}/a.md"], []),
    ("../beside", "sub", [], ["sub/a.md", "sub/deep/c.md"]),
    ("../beside", "other.md", [], ["a.md"]),  # a link is not what it leads to
    (".", ".", [], [*FILES, "tiny.yaml"]),
    (".", "/", [], [*FILES, "tiny.yaml", "{beside}/a.md"]),
]


@pytest.mark.parametrize(("here", "path", "named", "alike"), CASES)
def test_the_exact_name_comes_first_from_where_one_stands(
    built: Index, here: str, path: str, named: Sequence[str], alike: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built.base / here)
    beside = str(built.base.parent / "beside")
    found = select(built, [path.format(beside=beside)])
    expected = (sorted(name.format(beside=beside) for name in some) for some in (named, alike))
    assert found == Selection(*expected)


@pytest.mark.parametrize("path", ["", "nothing.md", "sub/b.txt", "report[2].md", "su", "SUB"])
def test_what_has_no_such_name_takes_nothing(built: Index, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.base)
    with pytest.raises(InputError, match="no indexed file"):
        select(built, ["a.md", path])


def test_only_names_that_are_there_are_deleted(indexed: Index) -> None:
    with pytest.raises(InputError, match=r"nothing\.md.*Nothing was removed"):
        delete(indexed, load("tiny.yaml"), ["a.md", "nothing.md"])
    assert delete(indexed, load("tiny.yaml"), ["report[1].md"]).names == ["report[1].md"]
    assert {"a.md", "report1.md"} <= set(names(indexed))


def test_a_pattern_takes_nothing_until_it_is_agreed_to(indexed: Index) -> None:
    before = names(indexed)
    done = rag("delete", "b.txt", "report*.md", code=2)
    assert "this would delete 2 sources" in done.stderr and "  report[1].md\n" in done.stderr
    assert "--yes" in done.stderr and names(indexed) == before
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        control, terminal = os.openpty()
        os.write(control, answer)
        asked = subprocess.run(
            [RAG, "purge", "b.txt", "report*.md"], stdin=terminal, capture_output=True, text=True, check=False
        )
        os.close(terminal)
        os.close(control)
        assert asked.returncode == code and "Purge them? [y/N]" in asked.stderr
        gone = {"b.txt", "report1.md", "report[1].md"} if code == 0 else set()
        assert set(before) - set(names(indexed)) == gone
    assert "1 source deleted" in rag("delete", "--yes", "*y.md").stdout
