"""Publish: what becomes the live index is on the disk, is what the manifest says, and is nobody else's to read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.config import PipelineConfig, build, load
from rag.embed.hashing import HashingEmbedder
from rag.errors import CorruptError, SpaceError
from rag.index.disk import SPARE_BYTES, need_space
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.maintain.check import check
from rag.store.edge import EdgeStore
from rag.types import Chunk, Chunked, Embeddings, Hit, Query


@pytest.fixture
def config(notes: Path) -> PipelineConfig:
    """The pipeline of four notes that nobody ingested."""
    return load("tiny.yaml")


def run(config: PipelineConfig) -> None:
    ingest(Index.at("."), config, ["docs"])


def publish(config: PipelineConfig, *, fresh: bool = True) -> None:
    """A new generation of what is in the manifest."""
    index = Index.at(".")
    with index.edit_manifest() as manifest:
        index.publish(manifest, build(config).store, fresh=fresh)


def live() -> Path:
    """The folder of the live generation."""
    return Path(".rag/generations", Path(".rag/CURRENT").read_text().split()[0])


def test_a_generation_is_on_the_disk_before_it_is_live(config: PipelineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[tuple[int, int], tuple[int, ...]] = {}  # device and inode -> names in the folder, or the last change
    late: list[str] = []

    def state(path: Path | int) -> tuple[int, ...]:
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns

    def fsync(fd: int) -> None:
        status = os.fstat(fd)
        synced[status.st_dev, status.st_ino] = state(fd)
        genuine_fsync(fd)

    def rename(old: Any, new: Any, **options: Any) -> None:
        genuine_rename(old, new, **options)
        if Path(new).name == "CURRENT":
            paths = [*live().rglob("*"), live(), live().parent]
            late.extend(str(p) for p in paths if synced.get((p.stat().st_dev, p.stat().st_ino)) != state(p))

    genuine_fsync, genuine_rename = os.fsync, os.rename
    for name, double in (("fsync", fsync), ("rename", rename), ("replace", rename)):
        monkeypatch.setattr(os, name, double)
    run(config)
    (Path("docs") / "more.txt").write_text("A later text.\n")
    run(config)
    publish(config)
    assert len(list(live().rglob("*"))) > 10 and live().name == "3"
    assert late == []
    rag = Path(".rag")
    for name in ("CURRENT", "seal.json"):
        assert synced[rag.stat().st_dev, (rag / name).stat().st_ino] == state(rag / name), name
    assert synced[rag.stat().st_dev, (rag / ".gitignore").stat().st_ino] == state(rag / ".gitignore"), "the seal has it"
    assert synced[rag.stat().st_dev, rag.stat().st_ino] == state(rag), "a name in the folder itself"
    assert synced[rag.stat().st_dev, live().parent.stat().st_ino] == state(live().parent), "what was removed may return"
    assert (rag.stat().st_dev, Path(".").stat().st_ino) in synced, "the name of the folder"


def test_what_holds_text_is_its_owners_alone(config: PipelineConfig) -> None:
    before = os.umask(0o022)
    try:
        run(config)
        publish(config, fresh=False)
    finally:
        os.umask(before)
    rag = Path(".rag")
    for path in (rag, live(), rag / "manifest.sqlite", rag / "CURRENT", rag / "seal.json"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_manifest_is_its_owners_alone_while_it_is_written(config: PipelineConfig) -> None:
    run(config)
    before = os.umask(0o022)
    try:
        with Index.at(".").edit_manifest() as manifest, manifest.transaction():
            manifest.add_roots(["elsewhere"])
            for path in Path(".rag").glob("manifest.sqlite*"):
                assert path.stat().st_mode & 0o077 == 0, path
    finally:
        os.umask(before)


def rounded(vectors: Any) -> Any:
    """As a store would give them back that keeps fewer bits."""
    return None if vectors is None else np.asarray(vectors, np.float16).astype(np.float32)


class Rounds(EdgeStore):
    """Gives other vectors than it got."""

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        super().write(chunks, replace(embeddings, dense=rounded(embeddings.dense)))


class Forgets(EdgeStore):
    """Drops a chunk of each batch."""

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        super().write(chunks, embeddings)
        self.delete([chunks[-1].id])


class Keeps(EdgeStore):
    """Deletes nothing."""

    def delete(self, ids: Sequence[str]) -> None:
        pass


class Blind(EdgeStore):
    """Finds nothing."""

    def search(self, queries: Sequence[Query], **options: Any) -> list[list[Hit]]:
        return [[] for _ in queries]


class Confuses(EdgeStore):
    """Finds, and measures wrongly."""

    def search(self, queries: Sequence[Query], **options: Any) -> list[list[Hit]]:
        found = super().search(queries, **options)
        return [[replace(hit, score=hit.score * 0.9) for hit in hits] for hits in found]


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (Rounds, "changed the vector of a chunk of docs/"),
        (Forgets, "does not hold what the manifest says"),
        (Blind, "does not find what it holds"),
        (Confuses, "does not find what it holds"),
    ],
)
def test_a_store_that_does_not_hold_what_it_was_given_is_not_published(
    config: PipelineConfig, store: type[EdgeStore], reason: str
) -> None:
    run(config)
    before = Path(".rag/CURRENT").read_text(), sorted(Path(".rag/generations").iterdir())
    index = Index.at(".")
    sound = build(config).store
    assert isinstance(sound, EdgeStore)
    faulty = store(dim=sound.dim, sparse=sound.sparse, idf=sound.idf)
    with pytest.raises(CorruptError, match=reason), index.edit_manifest() as manifest:
        index.publish(manifest, faulty, fresh=True)
    assert (Path(".rag/CURRENT").read_text(), sorted(Path(".rag/generations").iterdir())) == before


def test_a_store_that_keeps_what_was_deleted_is_not_published(config: PipelineConfig) -> None:
    run(config)
    index = Index.at(".")
    sound = build(config).store
    assert isinstance(sound, EdgeStore)
    with pytest.raises(CorruptError, match="does not hold"), index.edit_manifest() as manifest:
        with manifest.transaction():
            manifest.drop_sources(["docs/canteen.txt"])
        index.publish(manifest, Keeps(dim=sound.dim, sparse=sound.sparse, idf=sound.idf), fresh=False)


def test_a_damaged_generation_is_no_base_for_the_next_one(config: PipelineConfig) -> None:
    run(config)
    file = max(
        (path for path in (live() / "shard").rglob("*") if path.is_file()), key=lambda path: path.stat().st_blocks
    )
    content = file.read_bytes()
    at = next(at for at, byte in enumerate(content) if byte)
    with open(file, "r+b") as opened:
        opened.seek(at)
        opened.write(bytes([content[at] ^ 1]))
    (Path("docs") / "more.txt").write_text("A later text.\n")
    run(config)
    assert live().name == "2" and check(Index.at("."), build(config).store, deep=True) == []


def test_space_is_asked_for_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=SPARE_BYTES + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    need_space(tmp_path, 1000)
    with pytest.raises(SpaceError, match="not enough free disk space"):
        need_space(tmp_path, 1001)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_publish_that_does_not_fit_is_not_begun(
    config: PipelineConfig, fresh: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(config)
    index = Index.at(".")
    opened: list[str] = []
    usage = shutil.disk_usage(".")._replace(free=SPARE_BYTES + 100)
    with index.edit_manifest() as manifest:
        with manifest.transaction():
            manifest.drop_sources(["docs/canteen.txt"])
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda path: usage)
            patch.setattr(EdgeStore, "ids", lambda store: opened.append(store.path))
            with pytest.raises(SpaceError, match="answers as before"):
                index.publish(manifest, build(config).store, fresh=fresh)
    assert opened == [] and not list(Path(".rag/generations").glob("*.new"))


@pytest.mark.parametrize("free", [1000, 20_000])  # not for the text; for the text, and not for its vectors
def test_an_ingest_that_does_not_fit_stores_nothing(
    config: PipelineConfig, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(config)
    (Path("docs") / "more.txt").write_text("".join(f"A later text is number {n}.\n\n" for n in range(100)))
    embedded: list[int] = []
    usage = shutil.disk_usage(".")._replace(free=SPARE_BYTES + free)

    def embed(embedder: HashingEmbedder, batch: Sequence[Chunked]) -> Embeddings:
        embedded.append(len(batch))
        return genuine(embedder, batch)

    genuine = HashingEmbedder.embed_chunks
    with closing(Index.at(".").read_manifest()) as manifest:
        before = manifest.counts()
    monkeypatch.setattr(HashingEmbedder, "embed_chunks", embed)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SpaceError, match="answers as before"):
        run(config)
    assert len(embedded) == (free > 1000)
    with closing(Index.at(".").read_manifest()) as manifest:
        assert manifest.counts() == before


@pytest.mark.parametrize("roots", [["docs"], ["docs/lumen.md"]])
def test_what_a_store_refuses_is_left_out_and_the_rest_is_whole(
    config: PipelineConfig, monkeypatch: pytest.MonkeyPatch, roots: list[str]
) -> None:
    genuine = EdgeStore.write

    def write(self: EdgeStore, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        if any(chunk.source == "docs/lumen.md" for chunk in chunks):
            raise ValueError("no lamps")
        genuine(self, chunks, embeddings)

    monkeypatch.setattr(EdgeStore, "write", write)
    report = ingest(Index.at("."), config, roots)
    failed = {file.source: file.reason for file in report.files if file.status == "failed"}
    assert failed == {"docs/lumen.md": "storing failed: ValueError: no lamps"}
    assert check(Index.at("."), build(config).store, deep=True) == []


@pytest.mark.parametrize(("error", "attempts"), [(ValueError("nothing at all"), 5), (SpaceError("full"), 1)])
def test_a_store_that_takes_nothing_is_an_error_of_its_own(
    config: PipelineConfig, monkeypatch: pytest.MonkeyPatch, error: Exception, attempts: int
) -> None:
    asked = []

    def write(self: EdgeStore, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        asked.append(len(chunks))
        raise error

    monkeypatch.setattr(EdgeStore, "write", write)
    with pytest.raises(type(error), match=str(error)):
        run(config)
    assert asked == [4, 1, 1, 1, 1][:attempts]


@pytest.mark.parametrize("left", ["CURRENT", "seal.json", "generations"])
def test_a_manifest_that_is_gone_is_not_begun_anew(config: PipelineConfig, left: str) -> None:
    run(config)
    for path in Path(".rag").iterdir():
        if path.name not in (left, "writer.lock"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(CorruptError, match="missing or emptied"):
        run(config)
