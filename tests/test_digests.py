"""Digests of folders: what counts as theirs."""

from __future__ import annotations

from pathlib import Path

from rag.digests import differences, inventory


def test_a_readers_temporary_files_are_no_damage_and_anything_else_is(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("x")
    expected = inventory(tmp_path)
    (tmp_path / ".atomicwriteKCId").mkdir()
    (tmp_path / ".atomicwriteKCId" / "tmpfile.tmp").write_text("half")
    assert differences(tmp_path, expected, deep=True) == []
    (tmp_path / "more").write_text("y")
    assert differences(tmp_path, expected, deep=False) == ["more: does not belong here"]
