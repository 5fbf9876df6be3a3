"""The reader's benchmark: how well a confidence separates, by hand; passages are searched for once."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import calibrate
from benchmarks.findings.plan import SOURCES
from benchmarks.reading import FAMILIES, GradedAnswer, intervals, separation
from rag.reader.candidates import SPAN_FEATURES, Candidate
from rag.reader.network import Span
from rag.train.reader.calibrate import CalibrationExample


def test_separation_by_hand() -> None:
    right = [GradedAnswer(1, 1, True, sure, True) for sure in (0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.1)]
    wrong = [GradedAnswer(0, 0.2, True, 0.2, True)]
    without = [GradedAnswer(0, 0, True, sure, False) for sure in (0.65, 0.25, 0.15, 0.05)]
    area, answered, least = separation([*right, *wrong, *without])
    assert least == 0.3  # nine of the ten right answers
    assert answered == 1 / 4
    assert area == pytest.approx((11 * 4 - 8 - 2 - 1) / (11 * 4))  # pairs in the wrong order, by each of the four
    assert separation([*right, *wrong])[:2] == (None, None)
    assert intervals([*right, *wrong]) == ["", ""]
    for value, interval in zip((area, answered), intervals([*right, *wrong, *without]), strict=True):
        low, high = map(float, interval.strip(" ()").split(" to "))
        assert value is not None and 0 <= low < value < high <= 1


def test_every_family_is_of_sources_with_answers() -> None:
    assert all(SOURCES[name].answers for names in FAMILIES.values() for name in names)


def test_each_part_is_answered_with_what_the_others_taught() -> None:
    def read(family: str, fold: int, leads: bool) -> calibrate.Row:
        """Two candidates; "good" is the right one, and has the larger margin where it `leads`."""
        margins = (3.0, -3.0) if leads else (-3.0, 3.0)
        found = tuple(
            Candidate(text, Span(0, 0, 1, margin), False, tuple(margin * (name == "margin") for name in SPAN_FEATURES))
            for text, margin in zip(("good", "bad"), margins, strict=True)
        )
        example = CalibrationExample(found, (True, False), 0.0)
        return calibrate.Row(family, family, fold, example, ("good",), True)

    odd = [read("many", 0, leads=False) for _ in range(5)]  # they alone say that a small margin is right
    said = calibrate.cross_validate([*odd, *(read("many", 1 + n % 4, leads=True) for n in range(60))])
    assert [one.em for one in said] == [0.0] * 5 + [1.0] * 60
    rows = [read("few", 0, leads=True)] * 5 + [read("many", 0, leads=True)] * 60
    weights = {row.family: row.example.weight for row in calibrate.balance(rows)}
    assert weights["few"] * 5 == pytest.approx(weights["many"] * 60)
    assert np.mean([row.example.weight for row in calibrate.balance(rows)]) == pytest.approx(1)
