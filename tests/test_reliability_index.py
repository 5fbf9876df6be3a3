"""Small counts of the scoreboard's rows about the index: damage, crashes, histories, fingerprints."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks.reliability import crash, damage, disk, forged, history, kill, powercut
from benchmarks.reliability.outcome import Row

ROWS: dict[str, tuple[Row, int]] = {
    "R2": (crash.kills, 5),
    "R7": (history.unchanged, 2),
    "R8": (history.histories, 4),
    "R11": (damage.places, 6),
    "R13": (damage.fingerprints, 12),
    "S3": (forged.forged, 6),
}
LONG: dict[str, tuple[Row, int]] = {
    "R2": (crash.kills, 12),
    "R3": (partial(powercut.cuts, commands=("first ingest", "ingest", "purge", "migration")), 8),
    "R5": (disk.every_writer, 3),
    "R8": (history.histories, 12),
    "R11": (damage.places, 12),
    "R12": (damage.storage, len(damage.WHOLE)),
    "R14": (kill.kill_every_command, 3),
}


@pytest.mark.parametrize("row", ROWS)
def test_nothing_is_lost(row: str) -> None:
    run, count = ROWS[row]
    outcome = run(count)
    assert outcome.lost == [] and outcome.survived == outcome.injected > 0


@pytest.mark.slow
@pytest.mark.parametrize("row", LONG)
def test_nothing_is_lost_in_many(row: str) -> None:
    run, count = LONG[row]
    outcome = run(count)
    if not outcome.injected:
        pytest.skip(outcome.note)
    assert outcome.lost == [] and outcome.survived == outcome.injected > 0
