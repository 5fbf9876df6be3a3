"""Sources that are no files: what is unchanged is not loaded again, what is gone is dropped, an address names them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rag.config import load
from rag.index.folder import Index
from rag.ingest.report import Report
from rag.ingest.run import ingest
from rag.ingest.sources import find_deleted, name_of, path_of
from rag.maintain.remove import delete
from rag.maintain.select import select
from rag.types import Source


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


def outcomes(report: Report) -> dict[str, str]:
    return {file.source.rpartition("/")[2]: file.status for file in report.files}


def test_a_repository_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGHOP_CACHE", str(tmp_path / "cache"))
    tiny = (Path(__file__).parent / "tiny.yaml").read_text().replace("{use: files}", "{use: git}")
    (tmp_path / "tiny.yaml").write_text(tiny)
    far = tmp_path / "far"
    far.mkdir()
    git(far, "init", "-q")
    for name in ("winch.md", "slip.md"):
        (far / name).write_text(f"# {name}\n\nIt is in the yard.\n")
    git(far, "add", "-A")
    git(far, "commit", "-qm", "One")
    index, config, address = Index.at(tmp_path / "near"), load(str(tmp_path / "tiny.yaml")), f"file://{far}"
    assert outcomes(ingest(index, config, [address])) == {"winch.md": "added", "slip.md": "added"}
    assert outcomes(ingest(index, config, [address])) == {"winch.md": "unchanged", "slip.md": "unchanged"}
    git(far, "rm", "-q", "slip.md")
    git(far, "commit", "-qm", "Two")
    assert outcomes(ingest(index, config, [address])) == {"winch.md": "unchanged", "slip.md": "deleted"}
    chosen = select(index, [f"{address}/winch.md"])
    assert chosen.named == [f"{address}/winch.md"]
    delete(index, config, chosen.named)
    assert outcomes(ingest(index, config, [address])) == {"winch.md": "skipped"}
    shutil.rmtree(tmp_path / "cache")


def test_names_and_places_of_addresses() -> None:
    assert name_of("https://x.example/docs/", "/base") == "https://x.example/docs"
    assert path_of("https://x.example/docs/a", "/base") == "https://x.example/docs/a"


def test_below_an_address_that_cannot_be_looked_at_nothing_is_gone() -> None:
    class Row:
        status = "ok"

    names = ["https://x.example/docs/a", "https://x.example/docs/b/c", "https://x.example/docs/d", "here.md"]
    known = dict.fromkeys(names, Row())
    scanned = {"b": Source("https://x.example/docs/b", "https://x.example/docs/b", (0, 0, 0, 0), "it does not answer")}
    assert find_deleted(known, scanned, ["https://x.example/docs/"], "/base") == [names[0], names[2]]  # type: ignore[arg-type]
