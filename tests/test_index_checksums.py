"""Digests of folders: what counts as theirs."""

from __future__ import annotations

from pathlib import Path

from rag.index.checksums import checksum_folder, copy_files, find_differences


def test_a_readers_temporary_files_are_no_damage_and_anything_else_is(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("x")
    expected = checksum_folder(tmp_path)
    (tmp_path / ".atomicwriteKCId").mkdir()
    (tmp_path / ".atomicwriteKCId" / "tmpfile.tmp").write_text("half")
    assert find_differences(tmp_path, expected, deep=True) == []
    (tmp_path / "more").write_text("y")
    assert find_differences(tmp_path, expected, deep=False) == ["more: does not belong here"]


def test_a_copy_holds_what_the_list_names_and_no_temporary_file(tmp_path: Path) -> None:
    live, copied = tmp_path / "live", tmp_path / "copied"
    (live / "segments" / "empty").mkdir(parents=True)
    (live / "segments" / "rows").write_bytes(b"x" * 5 + bytes(1 << 18) + b"y")
    listed = checksum_folder(live)
    (live / "segments" / ".atomicwriteZ1").symlink_to("gone")
    assert copy_files(live, listed, copied)
    assert checksum_folder(copied) == listed
    assert sorted(p.name for p in (copied / "segments").iterdir()) == ["empty", "rows"]
    (live / "segments" / "rows").write_bytes(b"y" * 5 + bytes(1 << 18) + b"y")
    assert not copy_files(live, listed, copied)
