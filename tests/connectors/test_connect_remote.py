"""What fsspec opens is read as a folder is."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from rag.errors import InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Source
from rag_connectors.remote import Fsspec


@pytest.fixture
def bucket() -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name, text in {
        "docs/winch.md": "# Winch\n\nIt lifts 750 kg.",
        "docs/in/a.txt": "Slip.",
        "docs/.x/b.txt": "x",
    }.items():
        memory.pipe(f"/bucket/{name}", text.encode())
    yield "memory://bucket/docs"
    memory.store.clear()


class TestFsspec(ConnectorConformance):
    @pytest.fixture
    def folder(self, bucket: str) -> tuple[Connector, str]:
        return Fsspec(workers=1), bucket


def scan(root: str, **options: object) -> dict[str, Source]:
    return {source.name: source for source in Fsspec(**options).scan([root], base="/")}  # type: ignore[arg-type]


def test_files_of_a_bucket(bucket: str) -> None:
    found = scan(bucket)
    assert set(found) == {f"{bucket}/winch.md", f"{bucket}/in/a.txt"}
    [loaded] = Fsspec(workers=1).load([found[f"{bucket}/winch.md"]])
    [document] = loaded.documents
    assert document.title == "Winch" and document.source == document.meta["url"] == f"{bucket}/winch.md"
    assert set(scan(bucket, include=("*.txt",))) == {f"{bucket}/in/a.txt"}
    fsspec.filesystem("memory").pipe("/bucket/docs/in/a.txt", b"Another slip.")
    assert scan(bucket)[f"{bucket}/in/a.txt"].stamp != found[f"{bucket}/in/a.txt"].stamp


def test_archives_and_faults(tmp_path: Path, bucket: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("docs/a.txt", "In a zip.")
    found = scan(f"zip://docs::file://{tmp_path}/a.zip")
    [loaded] = Fsspec(workers=1).load(found.values())
    assert loaded.documents[0].text == "In a zip."
    for root, says in (
        ("docs", "not an address"),
        ("nonsense://x/y", "cannot be opened"),
        (f"{bucket}/absent", "nothing is there"),
    ):
        with pytest.raises(InputError, match=says):
            scan(root)
    [large] = Fsspec(max_mb=1).load([Source("memory://x", f"{bucket}\n/x", (2 << 20, 0, 0, 0))])
    assert large.status == "failed" and "too large" in large.reason
