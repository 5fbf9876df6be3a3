"""What an ingest cannot look at is not gone: it keeps its old version and is named."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.config import load
from rag.errors import EXIT_PARTIAL
from rag.index.folder import Index
from rag.ingest.report import Report
from rag.ingest.run import ingest
from rag.maintain.remove import delete
from rag.maintain.select import select
from tests.powers import run_without_powers


class BrokenEntry:
    """An entry of a folder that has no status."""

    def __init__(self, entry: os.DirEntry[str], number: int, *, kind: bool) -> None:
        self.name, self.path, self._entry, self._number, self._kind = entry.name, entry.path, entry, number, kind

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise OSError(self._number, os.strerror(self._number), self.path)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._entry.is_dir(follow_symlinks=False) if self._kind else bool(self.stat())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._entry.is_file(follow_symlinks=False) if self._kind else bool(self.stat())


@contextmanager
def broken(place: Path, number: int, *, status: bool, kind: bool = True) -> Iterator[None]:
    """A folder that cannot be listed, or a path without `status`, of which the listing tells the `kind` or not."""
    real, path = os.scandir, os.path.realpath(place)

    @contextmanager
    def with_broken_entry(folder: str) -> Iterator[list[Any]]:
        with real(folder) as listing:
            yield [BrokenEntry(e, number, kind=kind) if e.path == path else e for e in listing]

    def scandir(folder: Any) -> Any:
        if folder == path and not status:
            raise OSError(number, os.strerror(number), folder)
        return with_broken_entry(folder) if status and folder == os.path.dirname(path) else real(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        yield


def run(folder: Path, *roots: str) -> Report:
    return ingest(Index.at(folder), load(str(folder / "tiny.yaml")), list(roots) or ["docs"])


def chunks(folder: Path) -> list[str]:
    with closing(Index.at(folder).read_manifest()) as manifest:
        return sorted(manifest.chunk_ids())


def failures(report: Report) -> list[str]:
    return [file.source for file in report.files if file.status == "failed"]


PLACES = [  # root, what is broken, by which error, its status or else the listing, whether its kind is known; its name
    ("docs", "docs", errno.EIO, False, True, "docs"),
    ("docs", "docs/sub", errno.ESTALE, False, True, "docs/sub"),
    ("docs", "docs/sub", errno.EACCES, True, True, "docs/sub"),
    ("docs", "docs/sub", errno.EIO, True, False, "docs/sub"),
    ("docs", "docs/sub/deep/c.txt", errno.EACCES, True, True, "docs/sub/deep/c.txt"),
    ("docs", "docs/sub/deep/c.txt", errno.ESTALE, True, False, "docs/sub/deep/c.txt"),
    (".", ".", errno.EACCES, False, True, "."),
    ("outside", "outside", errno.EIO, False, True, "{outside}"),
]


@pytest.mark.parametrize(("root", "place", "number", "status", "kind", "name"), PLACES)
def test_what_cannot_be_looked_at_keeps_its_old_version(
    notes: Path, root: str, place: str, number: int, status: bool, kind: bool, name: str
) -> None:
    (notes / "docs" / "sub" / "deep").mkdir(parents=True)
    (notes / "docs" / "sub" / "deep" / "c.txt").write_text("The crane stands on pier nine.\n")
    (notes / "outside").symlink_to(notes.parent / f"{notes.name}-outside")  # named by the user, it is followed
    outside = (notes / "outside").resolve()
    outside.mkdir()
    (outside / "d.txt").write_text("The dock is dry.\n")
    run(notes, root)
    before = chunks(notes)
    with broken(notes / place, number, status=status, kind=kind):
        report = run(notes, root)
    assert report.count("deleted") == 0 and chunks(notes) == before
    assert failures(report) == [name.format(outside=outside)]
    assert os.strerror(number) in next(file.reason for file in report.files if file.status == "failed")
    after = run(notes, root)
    assert (after.count("deleted"), after.count("failed"), chunks(notes)) == (0, 0, before)


def test_a_file_that_is_gone_is_dropped_though_its_neighbour_cannot_be_looked_at(notes: Path) -> None:
    run(notes)
    (notes / "docs" / "lumen.md").unlink()
    with broken(notes / "docs" / "router.md", errno.EIO, status=True):
        report = run(notes)
    assert [file.source for file in report.files if file.status == "deleted"] == ["docs/lumen.md"]
    assert failures(report) == ["docs/router.md"]


def test_a_path_beyond_the_longest_is_named(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = os.pathconf(notes, "PC_PATH_MAX")
    deep = notes / "docs" / "sub"
    while len(str(deep)) < longest - 250:
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    (deep / "c.txt").write_text("The crane stands on pier nine.\n")
    run(notes)
    before = chunks(notes)
    moved = notes.parent / ("m" * 250) / "n"  # index and all
    moved.parent.mkdir()
    notes.rename(moved)
    monkeypatch.chdir(moved)
    report = run(moved)
    assert report.count("deleted") == 0 and chunks(moved) == before and len(before) == 5
    (name,) = failures(report)
    assert name.startswith("docs/sub/ddd")


def test_an_unreadable_list_of_what_to_ignore_lets_nothing_in(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (notes / ".git").mkdir()
    (notes / "docs" / ".gitignore").write_text("secret.txt\n")
    (notes / "docs" / "secret.txt").write_text("The safe opens at 4711.\n")
    run(notes)
    before, real = chunks(notes), os.open

    def refuse(path: Any, *rest: Any, **options: Any) -> int:
        if str(path).endswith("docs/.gitignore"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    report = run(notes)
    assert failures(report) == ["docs"] and chunks(notes) == before
    assert "whose .gitignore cannot be read" in report.files[0].reason


def test_files_whose_names_look_alike_stay_apart(notes: Path) -> None:
    for name, text in ((b"caf\xe9.md", "Coffee is at three."), (b"caf\\xe9.md", "Tea is at four.")):
        with open(os.path.join(os.fsencode(notes), b"docs", name), "w") as file:
            file.write(text)
    raw, literal = "docs/caf\\xe9.md", "docs/caf\\x5cxe9.md"
    assert {raw, literal} <= {file.source for file in run(notes).files if file.status == "added"}
    chosen = select(Index.at(notes), [os.fsdecode(b"docs/caf\xe9.md")])
    removed = delete(Index.at(notes), load("tiny.yaml"), chosen.named)
    assert removed.names == removed.excluded == [raw]
    assert [file.source for file in run(notes).files if file.status == "skipped"] == [raw]
    assert run(notes, os.fsdecode(b"docs/caf\xe9.md")).count("updated") == 1


def test_a_folder_without_a_name_in_utf8_is_a_root_like_another(notes: Path) -> None:
    folder = os.path.join(os.fsencode(notes), b"\xe9t\xe9")
    os.mkdir(folder)
    with open(os.path.join(folder, b"a.md"), "w") as file:
        file.write("Summer is warm.")
    root = os.fsdecode(b"\xe9t\xe9")
    assert run(notes, root).count("added") == 1
    os.remove(os.path.join(folder, b"a.md"))
    assert run(notes, root).count("deleted") == 1


def test_the_command_names_what_permissions_hide_and_exits_3(notes: Path) -> None:
    run(notes)
    os.chmod(notes / "docs", 0o444)  # its names can be listed, no more
    try:
        done = run_without_powers("-m", "rag", "ingest", "docs", code=EXIT_PARTIAL, cwd=notes)
    finally:
        os.chmod(notes / "docs", 0o755)
    assert "docs/router.md: cannot be looked at: Permission denied" in done.stdout
    assert "4 failed" in done.stdout and "deleted" not in done.stdout
