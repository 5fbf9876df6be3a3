"""A repository at a commit is read as a folder is, without a checkout."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Loaded
from rag_connectors.git import Git

WHO = ("-c", "user.name=Ana Berg", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "yard"
    (folder / "docs").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "docs/winch.md").write_text("# Winch\n\nIt lifts 750 kg.\n")
    (folder / "old.txt").write_text("The slip is steep.\n")
    (folder / ".hidden").write_text("x")
    (folder / "big.pdf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "link.txt").symlink_to("old.txt")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "One", "--date=2025-03-04T09:00:00Z")
    git(folder, "tag", "v1")
    (folder / "docs/winch.md").write_text("# Winch\n\nIt lifts 900 kg.\n")
    git(folder, "rm", "-q", "old.txt")
    git(folder, "commit", "-qam", "Two", "--date=2025-05-01T09:00:00Z")
    (folder / "docs/winch.md").write_text("not committed")
    return folder


class TestGit(ConnectorConformance):
    @pytest.fixture
    def folder(self, repository: Path) -> tuple[Connector, Path]:
        return Git(workers=1), repository


def load(connector: Git, root: str | Path, base: Path) -> dict[str, Loaded]:
    return {one.source.name: one for one in connector.load(connector.scan([str(root)], base=str(base)))}


def test_files_are_those_of_the_commit(repository: Path, tmp_path: Path) -> None:
    now = load(Git(), repository, tmp_path)
    assert set(now) == {"yard/docs/winch.md", "yard/big.pdf", "yard/link.txt"}
    assert now["yard/link.txt"].status == "skipped" and "a link" in now["yard/link.txt"].reason
    [document] = now["yard/docs/winch.md"].documents
    assert "900 kg" in document.text and document.source == "yard/docs/winch.md"
    assert document.meta["author"] == "Ana Berg" and str(document.meta["date"]).startswith("2025-05-01")
    assert document.meta["commit"] == git(repository, "rev-parse", "HEAD")
    assert now["yard/big.pdf"].status == "failed" and "LFS" in now["yard/big.pdf"].reason
    before = load(Git(ref="v1", exclude=("*.pdf",)), repository, tmp_path)
    assert "750 kg" in before["yard/docs/winch.md"].documents[0].text and set(before) == {
        "yard/docs/winch.md",
        "yard/old.txt",
        "yard/link.txt",
    }


def test_a_folder_of_a_repository_and_a_copy_of_one(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(load(Git(), repository / "docs", tmp_path)) == {"yard/docs/winch.md"}
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    assert "bare.git/docs/winch.md" in load(Git(), tmp_path / "bare.git", tmp_path)
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    address = f"file://{repository}"
    assert "900 kg" in load(Git(), address, tmp_path)[f"{address}/docs/winch.md"].documents[0].text
    git(repository, "commit", "-qam", "Three")
    assert "not committed" in load(Git(), address, tmp_path)[f"{address}/docs/winch.md"].documents[0].text


def test_stamps_change_with_content_alone(repository: Path, tmp_path: Path) -> None:
    def stamps() -> dict[str, object]:
        return {one.name: one.stamp for one in Git().scan([str(repository)], base=str(tmp_path))}

    before = stamps()
    git(repository, "commit", "-q", "--allow-empty", "-m", "Three")
    assert stamps() == before
    git(repository, "commit", "-qam", "Four")
    assert {name for name, stamp in stamps().items() if stamp != before[name]} == {"yard/docs/winch.md"}


@pytest.mark.parametrize(("ref", "says"), [("absent", "no such branch"), ("--output=x", "begins with a dash")])
def test_what_is_not_there_is_named(repository: Path, tmp_path: Path, ref: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        list(Git(ref=ref).scan([str(repository)], base=str(tmp_path)))
    with pytest.raises(InputError, match="git cannot read it"):
        list(Git().scan([str(tmp_path)], base=str(tmp_path)))
    [source, *_] = Git().scan([str(repository / "docs")], base=str(tmp_path))
    [lost] = Git().load([replace(source, path=source.path[:-40] + "0" * 40)])
    assert lost.status == "failed" and "run the ingest again" in lost.reason


def test_a_copy_follows_what_happens_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    address = f"file://{repository}"
    git(repository, "branch", "-q", "side", "v1")
    winch = f"{address}/docs/winch.md"
    assert "750 kg" in load(Git(ref="side"), address, tmp_path)[winch].documents[0].text
    git(repository, "branch", "-qf", "side", "main")  # another history under the same name
    assert "900 kg" in load(Git(ref="side"), address, tmp_path)[winch].documents[0].text
    git(repository, "branch", "-qD", "side")
    with pytest.raises(InputError, match="no such branch"):
        load(Git(ref="side"), address, tmp_path)
    git(repository, "branch", "-qm", "main", "trunk")  # the one that is checked out
    assert winch in load(Git(), address, tmp_path)
    for copy in (tmp_path / "cache").rglob("HEAD"):
        copy.unlink()  # damaged
    assert winch in load(Git(), address, tmp_path)


def test_every_file_has_its_own_last_change(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "-qf", "-b", "side", "v1")
    (repository / "docs/rope.md").write_text("A rope.")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Rope", "--date=2025-06-01T09:00:00Z")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-edit", "side")
    dates = {
        name: str(one.documents[0].meta["date"])[:10]
        for name, one in load(Git(include=("*.md",)), repository, tmp_path).items()
    }
    assert dates == {"yard/docs/winch.md": "2025-05-01", "yard/docs/rope.md": "2025-06-01"}


def test_what_is_not_in_the_repository_is_told(repository: Path, tmp_path: Path) -> None:
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "inner")
    (repository / "large.txt").write_text("x" * (2 << 20))
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Inner")
    found = load(Git(max_mb=1), repository, tmp_path)
    assert found["yard/inner"].status == "skipped" and "name its own address" in found["yard/inner"].reason
    assert found["yard/large.txt"].status == "skipped" and "connector.max_mb" in found["yard/large.txt"].reason
    with pytest.raises(InputError, match="leave the password out"):
        load(Git(), "https://me:secret@example.org/x.git", tmp_path)
    with pytest.raises(InputError, match="see whether the address is right"):
        load(Git(), "http://127.0.0.1:9/x.git", tmp_path)
