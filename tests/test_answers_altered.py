"""Sentences with one fact altered, over the example documents: what `benchmarks.altered` counts by the thousand."""

from __future__ import annotations

import random

from benchmarks import altered, answers
from tests.test_answers_mutated import found


def test_altered_facts_are_caught() -> None:
    rng = random.Random(7)
    counts = altered.run(150, answers.facts(found(), rng), rng)
    assert set(counts) == set(altered.KINDS) and all(count.judged == 15 for count in counts.values())
    wrong = {name: count.wrong for name, count in counts.items() if count.wrong}
    assert sum(map(len, wrong.values())) <= 3 and not {"number", "code", "foreign name"} & set(wrong), wrong


def test_the_table_has_intervals_and_the_bars_can_fail() -> None:
    full = {name: answers.Count(100, 100) for name in altered.KINDS}
    assert altered.holds(full)
    assert "| unit | 100 | 100 | 100.0% | 96.3% to 100.0% | at least 98% |" in altered.table(full)
    assert not altered.holds({**full, "unit": answers.Count(100, 97)})
    assert not altered.holds({**full, "opposite": answers.Count(100, 79)})
