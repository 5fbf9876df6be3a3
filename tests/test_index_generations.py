"""Generations: what names the live one, what is taken for damage, and what is collected. And the seal."""

from __future__ import annotations

import shutil
from pathlib import Path
from zlib import crc32

import pytest

from rag.errors import CorruptError
from rag.index import seal
from rag.index.checksums import FOLDER
from rag.index.chunk_list import ChunkList
from rag.index.entries import open_private
from rag.index.folder import Index
from rag.index.generations import (
    Pointer,
    collect,
    list_generations,
    open_generation,
    read_pointer,
)
from rag.index.locks import share_lock
from tests.test_integrity import run


@pytest.mark.parametrize("pointer", [Pointer(1, 0), Pointer(999_999_999, 0xDEADBEEF)])
def test_a_pointer_comes_back(tmp_path: Path, pointer: Pointer) -> None:
    assert read_pointer(tmp_path) is None
    (tmp_path / "CURRENT").write_text(str(pointer))
    assert read_pointer(tmp_path) == pointer


@pytest.mark.parametrize(
    "text", ["", "1\n", "0 00000000\n", "01 00000000\n", "1 0000000\n", "1 00000000", "../1 00000000\n"]
)
def test_nothing_else_names_a_generation(tmp_path: Path, text: str) -> None:
    (tmp_path / "CURRENT").write_text(text)
    with pytest.raises(CorruptError, match="does not name a generation"):
        read_pointer(tmp_path)


def test_chunk_lists_have_one_order(tmp_path: Path) -> None:
    chunks = ChunkList({"b": 2, "a": 1})
    (tmp_path / "list").write_text(chunks.text)
    assert chunks.text == "a 1\nb 2\n" and ChunkList.read(tmp_path / "list").checksums == chunks.checksums
    listed = crc32(b"a 1\nb 2\n")
    assert chunks.content == ChunkList({"a": 1, "b": 2}).content == f"2-{listed:08x}"
    assert ChunkList({"a": 1, "b": 3}).content != chunks.content != ChunkList({"a": 1}).content
    (tmp_path / "list").write_text("a 1 2\n")
    assert ChunkList.read(tmp_path / "list").checksums == ChunkList.read(tmp_path / "absent").checksums == {}


def test_what_differs_from_its_checksums_is_no_generation(notes: Path) -> None:
    run(notes)
    folder = notes / ".rag"
    pointer = read_pointer(folder)
    assert pointer is not None
    live = open_generation(folder, pointer)
    home = live.folder
    assert live.shard == str(home / "shard") and FOLDER in live.files.values()
    assert {name.split("/")[0] for name in live.shard_files} == {"shard"} and "chunks.txt" in live.files
    assert live.read_chunks().content == live.content
    with pytest.raises(CorruptError, match="is not what CURRENT says"):
        open_generation(folder, Pointer(pointer.number, pointer.crc ^ 1))
    chunks = (home / "chunks.txt").read_bytes()
    (home / "chunks.txt").write_bytes(bytes([chunks[0] ^ 1]) + chunks[1:])
    assert open_generation(folder, pointer, deep=False) == live
    with pytest.raises(CorruptError, match=r"damaged: chunks\.txt: its content changed\. Run"):
        open_generation(folder, pointer)
    (home / "chunks.txt").write_bytes(chunks[1:])
    (home / "more").mkdir()
    with pytest.raises(CorruptError, match="does not belong here and 1 more"):
        open_generation(folder, pointer, deep=False)
    with pytest.raises(CorruptError, match="cannot be read"):
        open_generation(folder, Pointer(9, 0))


def test_what_nobody_reads_is_collected(tmp_path: Path) -> None:
    home = tmp_path / "generations"
    assert list_generations(tmp_path) == []
    for name in ("1", "2", "3", "4.new"):
        (home / name).mkdir(parents=True)
        (home / name / "file").write_text("x")
    (home / "7.lock").touch()
    (home / "3.lock").touch()
    with open(home / "2.lock", "a", opener=open_private) as reader:
        share_lock(reader)
        assert collect(tmp_path, 3) == [2]
    assert sorted(p.name for p in home.iterdir()) == ["2", "2.lock", "3", "3.lock"]
    assert sorted(list_generations(tmp_path)) == [2, 3]
    assert collect(tmp_path, 3) == []
    assert sorted(p.name for p in home.iterdir()) == ["3", "3.lock"]


def test_a_generation_that_would_be_half_dead_is_made_anew(notes: Path) -> None:
    texts = ["The gauge is on pier two.", "The crane is on pier three.", "The shed is on pier four."]
    (notes / "docs").joinpath("pier.md").write_text(
        "\n".join(f"# Part {n}\n\n{text}\n" for n, text in enumerate(texts))
    )
    run(notes)
    index = Index.at(notes)
    for name in ("router.md", "lumen.md", "halvorsen.md", "canteen.txt"):
        with index.hold_generation() as before:
            chunks, dead, number = len(before.read_chunks().checksums), before.dead, before.number
        (notes / "docs" / name).unlink()
        run(notes)
        with index.hold_generation() as after:
            left = len(after.read_chunks().checksums)
            assert left < chunks and after.number > number
            dead += chunks - left
            assert after.dead == (dead if dead <= left // 2 else 0)
    assert run(notes).published is False


def test_a_seal_covers_every_file_but_the_vector_index(notes: Path) -> None:
    run(notes)
    folder = notes / ".rag"
    sealed = seal.read(folder)
    assert sealed is not None and sealed.differences(folder) == []
    assert set(sealed.files) == {"CURRENT", ".gitignore", "manifest.sqlite"}
    assert sealed.first_page == (folder / "manifest.sqlite").read_bytes()[: seal.PAGE]
    (folder / "manifest.sqlite-wal").touch()
    assert sealed.differences(folder) == [], "an empty journal counts as none"
    (folder / "manifest.sqlite-wal").write_bytes(b"x")
    (folder / "CURRENT").unlink()
    (folder / ".gitignore").write_text("!\n")
    assert sealed.differences(folder) == [
        ".gitignore: its content changed", "CURRENT: missing", "manifest.sqlite-wal: its content changed",
    ]  # fmt: skip
    text = (folder / seal.NAME).read_bytes()
    assert seal.remove(folder) == text and seal.remove(folder) is None and seal.read(folder) is None
    (folder / seal.NAME).write_bytes(text.replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(CorruptError, match="fails its checksum"):
        seal.read(folder)
    body = text.split(b"\n", 1)[1].replace(b'"format": 1', b'"format": 9')
    (folder / seal.NAME).write_bytes(f"{crc32(body):08x}\n".encode() + body)
    assert seal.read(folder) is None, "of another version"
    shutil.rmtree(folder)


@pytest.mark.parametrize("gone", ["generations", "generations/1"])
def test_a_live_generation_that_is_gone_is_damage_with_what_mends_it(notes: Path, gone: str) -> None:
    run(notes)
    shutil.rmtree(notes / ".rag" / gone)
    with pytest.raises(CorruptError, match="Run `rag check --repair`"), Index.at(notes).hold_generation():
        pass
