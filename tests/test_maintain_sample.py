"""A sample is spread over an index, central where it is dense, and the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.maintain.sample import choose_rows
from rag.pipeline import Pipeline


def test_every_group_gives_its_most_central_row() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(6, dtype=np.float32)
    near = [centre + 0.2 * rng.standard_normal((20, 6)).astype(np.float32) for centre in centres]
    rows = np.concatenate([*near, centres])[rng.permutation(126)]
    chosen = choose_rows(rows, 6)
    assert sorted(rows[list(chosen)].argmax(axis=1).tolist()) == [0, 1, 2, 3, 4, 5]
    assert (rows[list(chosen)].max(axis=1) / np.linalg.norm(rows[list(chosen)], axis=1)).min() > 0.97
    assert list(choose_rows(rows, 6)) == list(chosen)
    assert list(choose_rows(rows[:4], 6)) == [0, 1, 2, 3]
    same = np.ones((9, 3), np.float32)
    assert len(set(choose_rows(same, 4))) == 4  # where all are alike, any will do


@pytest.mark.parametrize("count", [3, 500])
def test_the_command_writes_a_passage_a_line_and_no_file_over(tmp_path: Path, count: int) -> None:
    for i in range(8):
        (tmp_path / f"{i}.md").write_text(f"# Place {i}\n\nThe ferry\nnumber {i} leaves at {i} o'clock.\n")
    with Pipeline.load("tests/tiny.yaml", index=tmp_path) as pipeline:
        pipeline.ingest([tmp_path])
    target = tmp_path / "sample.txt"
    result = CliRunner().invoke(app, ["sample", str(target), "-n", str(count), "--index", str(tmp_path)])
    assert result.exit_code == 0, result.output
    lines = target.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == min(count, 8) and all("The ferry number" in one for one in lines)
    again = CliRunner().invoke(app, ["sample", str(target), "--index", str(tmp_path)])
    assert "exists already" in str(again.exception) and target.read_text(encoding="utf-8").splitlines() == lines
