"""What fsspec opens is read as a folder is."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from rag.errors import InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Source
from rag_connectors.remote import Fsspec
from tests.connectors.s3_server import S3, s3_server


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


def test_a_listing_without_dates_is_compared_by_content(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find, info, opened = MemoryFileSystem.find, MemoryFileSystem.info, MemoryFileSystem._open

    def shut(self: Any, path: str, *args: Any, **options: Any) -> Any:
        raise PermissionError("not for you")

    def bare(facts: dict[str, Any]) -> dict[str, Any]:
        return {"name": facts["name"], "size": facts["size"], "type": facts["type"]}

    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path, **options: bare(info(self, path, **options)))
    monkeypatch.setattr(
        MemoryFileSystem, "find",
        lambda self, path, **options: {name: bare(facts) for name, facts in find(self, path, **options).items()},
    )  # fmt: skip
    first = scan(bucket)
    assert scan(bucket) == first and len(first) == 2
    fsspec.filesystem("memory").pipe("/bucket/docs/in/a.txt", b"Skip.")  # as long as before
    assert {name for name, source in scan(bucket).items() if source != first[name]} == {f"{bucket}/in/a.txt"}
    monkeypatch.setattr(MemoryFileSystem, "_open", shut)
    assert "not for you" in scan(bucket)[f"{bucket}/in/a.txt"].reason
    monkeypatch.setattr(MemoryFileSystem, "_open", opened)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    module = pytest.importorskip("s3fs", reason="pip install s3fs")
    with s3_server("KEY1") as server:
        environment = {
            "AWS_ACCESS_KEY_ID": "KEY1", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "eu-central-1", "AWS_CONFIG_FILE": "/dev/null", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        module.S3FileSystem.clear_instance_cache()
        server.objects |= {f"docs/{n}.txt": f"Slip {n}.".encode() for n in range(3)}
        yield server
        module.S3FileSystem.clear_instance_cache()


def test_a_bucket_of_s3(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scan("s3://yard/docs")
    assert set(first) == {f"s3://yard/docs/{n}.txt" for n in range(3)}
    assert not [asked for asked in s3.asked if asked.endswith(".txt")]  # a scan reads no content
    [document] = [one.documents[0] for one in Fsspec(workers=1).load([first["s3://yard/docs/1.txt"]])]
    assert document.text == "Slip 1." and document.meta["date"] == "2025-03-04T09:00:00+00:00"
    s3.busy = 1
    assert scan("s3://yard/docs") == first
    s3.objects["docs/0.txt"] = b"Slip 9."
    s3.objects["docs/new.txt"] = s3.objects.pop("docs/1.txt")
    second = scan("s3://yard/docs")
    assert set(second) == {f"s3://yard/docs/{name}.txt" for name in ("0", "2", "new")}
    assert second["s3://yard/docs/0.txt"].stamp != first["s3://yard/docs/0.txt"].stamp
    for root, says in (("s3://absent/docs", "NoSuchBucket"), ("s3://yard/absent", "nothing is there")):
        with pytest.raises(InputError, match=says):
            scan(root)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY2")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(InputError, match=r"InvalidAccessKeyId.*keys its library looks for"):
        scan("s3://yard/docs")
    with pytest.raises(InputError, match="FSSPEC_SFTP_PASSWORD"):
        scan("sftp://me:secret@x.example/docs")
