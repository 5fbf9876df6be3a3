"""Sentences with the other polarity, over the example documents: what `benchmarks.negated` counts by the hundred."""

from __future__ import annotations

import random

from benchmarks import answers, negated
from tests.test_answers_mutated import found


def test_negated_sentences_are_caught() -> None:
    rng = random.Random(3)
    counts = negated.run(60, answers.facts(found(), rng), rng)
    assert sum(count.judged for count in counts.values()) == 60 and sum(c.judged > 0 for c in counts.values()) >= 8
    assert sum(count.kept_out for count in counts.values()) >= 54, [c.wrong for c in counts.values()]


def test_the_table_counts_and_the_bar_can_fail() -> None:
    counts = {name: answers.Count(100, 80) for name in negated.KINDS}
    assert negated.holds(counts)
    assert "| without | 100 | 80 | 80.0% | 71.1% to 86.7% |" in negated.table(counts)
    assert not negated.holds({**counts, "without": answers.Count(100, 79)})
