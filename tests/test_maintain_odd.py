"""Odd documents: the distance by hand, what is found in an index, and what is said of one that is too small."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag import Pipeline
from rag.cli import app
from rag.errors import InputError
from rag.maintain.odd import find_odd, neighbour_distances
from rag.testing import make_vectors


def test_the_distance_is_the_mean_of_the_nearest_by_hand() -> None:
    angles = np.radians([0, 10, 30, 180])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    distances, nearest = neighbour_distances(rows, 2)
    expected = [[10, 30], [10, 20], [20, 30], [150, 170]]  # degrees to the two nearest of each
    assert distances == pytest.approx([1 - np.cos(np.radians(two)).mean() for two in expected], abs=1e-6)
    assert nearest.tolist() == [1, 0, 1, 2]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_vectors(50, 8)
    whole = neighbour_distances(rows, 5)
    monkeypatch.setattr("rag.maintain.odd.BLOCK", 7)
    parts = neighbour_distances(rows, 5)
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-6)
    np.testing.assert_array_equal(parts[1], whole[1])


def test_the_document_that_is_unlike_the_others_comes_first(notes: Path) -> None:
    for n in range(8):
        (notes / "docs" / f"pump{n}.md").write_text(f"# Pump {n}\n\nThe pump in building {n} moves water at {n} bar.\n")
    for name in ("poem.txt", "copy of poem.txt"):
        (notes / "docs" / name).write_text("Schwer lag der Nebel, und keiner sang mehr.")
    with Pipeline.load("tiny.yaml") as pipeline:
        pipeline.ingest(["docs"])
        with closing(pipeline.index.read_manifest()) as manifest:
            first, *_ = find_odd(manifest, 3)
    assert first.source in ("docs/poem.txt", "docs/copy of poem.txt") and 0.5 < first.distance <= 1.01
    said = CliRunner().invoke(app, ["status", "--odd"], catch_exceptions=False)
    assert "poem.txt" in said.stdout.splitlines()[1] and said.exit_code == 0


def test_few_documents_are_not_judged(folder: Path) -> None:
    with closing(Pipeline.load(index=folder).index.read_manifest()) as manifest, pytest.raises(InputError, match="few"):
        find_odd(manifest, 3)
