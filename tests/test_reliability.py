"""Small counts of the scoreboard's rows. What only measures time (R15) runs by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.reliability import __main__ as scoreboard
from benchmarks.reliability import hostile, speed, stop
from benchmarks.reliability.bars import BARS
from benchmarks.reliability.outcome import Outcome

SMALL = {"R1": 3, "R4": 2, "R6": 1, "R9": 1, "R10": 3, "F1": 6, "P1": 6, "P2": 60, "P5": 8, "S1": 44, "S2": 2, "S4": 3}


@pytest.mark.parametrize(("row", "count"), SMALL.items())
def test_faults_are_survived(row: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(hostile, "SECONDS", math.inf)  # how long it takes is measured, not tested
    outcome = scoreboard.rows()[row](count)
    if not outcome.injected:
        pytest.skip(outcome.note)
    assert outcome.lost == []
    assert outcome.survived == outcome.injected >= count


def test_lost_text_is_marked_and_sound_files_are_not() -> None:
    outcome = scoreboard.rows()["P3"](60)
    assert outcome.injected == 60 and outcome.survived >= 50
    assert "0 false alarms" in outcome.note


def test_a_signal_at_any_step_of_a_publish_leaves_an_index_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "SECONDS", math.inf)
    assert stop.publishing(100).lost == []


def test_checks_can_be_taken_out_to_see_their_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "BAR", math.inf)
    assert "4 files, tiny" in speed.cost(4).note


def test_every_row_has_a_bar() -> None:
    assert set(scoreboard.rows()) <= set(BARS)


def test_the_page_keeps_the_rows_that_did_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    scoreboard.write_page(page, {"R9": scoreboard.line("R9", Outcome(2, 2, []), 1.0)})
    scoreboard.write_page(page, {"R1": scoreboard.line("R1", Outcome(3, 2, ["kill 1 | of 3"]), 1.0)})
    scoreboard.write_page(page, {"R1": scoreboard.line("R1", Outcome(4, 3, ["kill 2 | of 4"]), 1.0)})
    table = [line for line in page.read_text().splitlines() if line.startswith("| R")]
    assert [line.split(" | ")[0] for line in table] == ["| R1", "| R9"]
    assert "1: kill 2 / of 4" in table[0]
