"""Training: the schedule sees every pair, rows are numbered right, and a few steps bring questions to their targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rag.cli.train import app
from rag.errors import InputError
from rag.hop.encoder import load
from rag.train.common.dataset import HopDataset, Pair
from rag.train.common.loop import pace
from rag.train.hop.train import HopOptions, make_task, schedule, train_hop
from rag.types import Vectors


@settings(deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(0, 5))
def test_an_epoch_sees_every_pair_once(lengths: list[int], seed: int) -> None:
    options = HopOptions(batch=8, seed=seed)
    order = schedule(lengths, options)
    assert sorted(i for batch in order for i in batch) == list(range(len(lengths)))
    assert order == schedule(lengths, options)


def test_the_rate_rises_and_falls() -> None:
    assert pace(0) == 0
    assert pace(1) == 0
    assert pace(0.05) == pytest.approx(1)
    assert pace(0.5) > pace(0.9) > 0


def test_rows_are_numbered_across_folders() -> None:
    one = HopDataset(
        {"a": ("", "A"), "b": ("", "B")}, (Pair("q", "", "b", ("a",)),), vectors=np.eye(2, dtype=np.float32)
    )
    held_out = (Pair("s", "", "a", ()),)
    two = HopDataset({"a": ("", "C")}, (Pair("r", "", "a", ()),), (), held_out, np.ones((1, 2), np.float32))
    work, held = (
        make_task([one, two], lambda texts: {"input_ids": [[1]] * len(texts)}, held_out=held) for held in (False, True)
    )
    assert work.targets.tolist() == [1, 2]
    assert work.others == [[0], []]
    assert work.passages.shape == held.passages.shape == (3, 2)
    assert held.targets.tolist() == [2]


def labelled(folder: Path) -> None:
    rows = [
        {"pid": f"p{i}", "title": f"Town {name}", "text": f"{name} lies on a lake."}
        for i, name in enumerate("ABCDEFGH")
    ]
    asked = [{"id": r["pid"], "question": f"Where is {r['title']}?", "gold": [r["pid"]]} for r in rows]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("questions_train.jsonl", "questions_dev.jsonl"):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in asked))


@pytest.mark.slow
def test_training_writes_weights_that_fit_and_help(tmp_path: Path) -> None:
    labelled(tmp_path)
    said: list[str] = []
    out = tmp_path / "hop.safetensors"
    options = HopOptions(epochs=4, batch=4, limit=24)
    report = train_hop([tmp_path], out, model="bundled", options=options, most=None, say=said.append)
    assert report.steps == 8
    assert report.difference.keys() == load(out).difference.keys()
    assert "7 pairs, 8 passages, 1 questions held out" in said[0]
    assert "| 8 | 7 | 1 |" in out.with_suffix(".md").read_text()
    assert load(out).facts["max_tokens"] == "24"


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    labelled(tmp_path)
    options = HopOptions(epochs=3, batch=4, limit=24)

    def run(name: str, say: Callable[[str], None]) -> dict[str, Vectors]:
        out = tmp_path / f"{name}.safetensors"
        train_hop([tmp_path], out, model="bundled", options=options, most=None, say=say)
        assert not out.with_suffix(".state.safetensors").exists()
        return dict(load(out).difference)

    def killed(text: str) -> None:
        if text.startswith("step"):
            raise KeyboardInterrupt

    whole = run("whole", lambda text: None)
    with pytest.raises(KeyboardInterrupt):
        run("killed", killed)  # progress is told at the last step, before its check is written
    assert (tmp_path / "killed.state.safetensors").exists()
    said: list[str] = []
    again = run("killed", said.append)
    assert [text[:11] for text in said if text.startswith("step")] == ["step 6 of 6"]  # five were done
    assert all(np.allclose(again[name], whole[name], atol=1e-6) for name in whole)


def test_folders_without_pairs_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"pid": "p", "text": "x"}\n')
    (tmp_path / "questions_train.jsonl").write_text('{"id": "q", "question": "?", "gold": ["elsewhere"]}\n')
    with pytest.raises(InputError, match="no question whose gold passages"):
        train_hop([tmp_path], tmp_path / "o", model="bundled", options=HopOptions(), most=None, say=lambda text: None)


def test_the_command_names_a_folder_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["hop", str(tmp_path / "absent"), "--out", str(tmp_path / "o")])
    assert isinstance(result.exception, InputError)
    assert "absent: no file named corpus" in str(result.exception)
