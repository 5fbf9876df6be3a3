"""The reader's benchmark: how well a confidence separates, by hand; passages are searched for once."""

from __future__ import annotations

import pytest

from benchmarks.findings.plan import SOURCES
from benchmarks.reading import FAMILIES, Said, interval, separation


def test_separation_by_hand() -> None:
    right = [Said(1, 1, True, sure, True) for sure in (0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.1)]
    wrong = [Said(0, 0.2, True, 0.2, True)]
    without = [Said(0, 0, True, sure, False) for sure in (0.65, 0.25, 0.15, 0.05)]
    area, answered, least = separation([*right, *wrong, *without])
    assert least == 0.3  # nine of the ten right answers
    assert answered == 1 / 4
    assert area == pytest.approx((11 * 4 - 8 - 2 - 1) / (11 * 4))  # pairs in the wrong order, by each of the four
    assert separation([*right, *wrong])[:2] == (None, None)
    assert interval([*right, *wrong]) == ""
    low, high = map(float, interval([*right, *wrong, *without]).strip(" ()").split(" to "))
    assert area is not None and low < area < high <= 1


def test_every_family_is_of_sources_with_answers() -> None:
    assert all(SOURCES[name].answers for names in FAMILIES.values() for name in names)
