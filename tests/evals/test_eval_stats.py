"""Statistics: known answers, few false alarms between equals, and a planted loss that is found."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.findings import power
from rag_evals import stats


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
def test_a_pipeline_against_itself_is_no_difference_in_95_of_100(noise: float) -> None:
    assert np.mean(power.p_values(noise=noise, loss=0) > stats.ALPHA) >= 0.95


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.075])
def test_a_planted_loss_of_3_points_on_500_questions_is_found_in_80_of_100(noise: float) -> None:
    assert np.mean(power.p_values(noise=noise, loss=0.03, repeats=400) <= stats.ALPHA) >= 0.80


def test_the_verdicts_of_100_repeats() -> None:
    said = {
        loss: [
            stats.verdict(stats.compare(*power.repeat(seed, noise=0.05, loss=loss), resamples=500))
            for seed in range(100)
        ]
        for loss in (0, 0.03)
    }
    assert sum("no difference" in words for words in said[0]) >= 95
    assert sum(words.startswith("A is better than B") for words in said[0.03]) >= 80


def test_the_planted_loss_is_what_it_says() -> None:
    a, b = map(np.array, power.repeat(1, noise=0, loss=0.03))
    assert 0.029 <= (a - b).mean() <= 0.03
    assert np.isclose((a - b)[a != b][:, None], [1 / 2, 1 / 3, 1 / 4]).any(axis=1).all()


def test_the_interval_of_a_mean_covers_it() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        found = stats.bootstrap_mean(rng.random(60), resamples=1000, seed=seed)
        covered += found.low <= 0.5 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_the_bootstrap_agrees_with_the_normal_interval() -> None:
    sample = np.random.default_rng(4).normal(2, 1, size=2000)
    found = stats.bootstrap_mean(sample)
    half = 1.96 * sample.std() / 2000**0.5
    assert found.value == pytest.approx(sample.mean())
    assert (found.low, found.high) == pytest.approx((sample.mean() - half, sample.mean() + half), abs=0.1 * half)


def test_the_same_seed_gives_the_same_interval_and_equal_values_a_point() -> None:
    assert stats.bootstrap_mean([0.0, 1, 1]) == stats.bootstrap_mean([0.0, 1, 1])
    assert stats.bootstrap_mean([0.5] * 9) == stats.Interval(0.5, 0.5, 0.5)


def test_the_randomisation_test_by_hand() -> None:
    # three differences of one sign: 2 of the 8 sign patterns are as extreme
    assert stats.randomisation_test([0, 0, 0, 7], [1, 1, 1, 7]) == 2 / 8
    assert stats.randomisation_test([1, 2], [1, 2]) == 1


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_the_exact_test_enumerates_every_pattern(differences: list[int]) -> None:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    expected = sum(s >= abs(sum(differences)) for s in sums) / len(sums)
    assert stats.randomisation_test([0.0] * len(differences), differences) == pytest.approx(expected)


def test_drawn_and_exact_p_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = [0.0] * 12, [1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, 0.5]
    exact = stats.randomisation_test(a, b)
    monkeypatch.setattr(stats, "EXACT", 0)
    assert stats.randomisation_test(a, b) == pytest.approx(exact, abs=0.01)


def test_holm_by_hand() -> None:
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, 0.9]) == [1, 1]
    assert stats.holm([]) == []


def test_sample_size_grows_with_the_square() -> None:
    one, half = stats.questions_needed(0.3, 0.02), stats.questions_needed(0.3, 0.01)
    assert half == pytest.approx(4 * one, abs=4)
    # (1.96 + 0.8416)^2 * 0.25 / 0.01 at the customary 5%
    assert stats.questions_needed(0.5, 0.1, alpha=0.05) == 197
    with pytest.raises(ValueError, match="difference of 0"):
        stats.questions_needed(0.3, 0)


def test_dominance_counts_wins_less_losses() -> None:
    found = stats.compare([0, 0, 1, 1], [1, 0, 0, 1], metric="recall@5")
    assert (found.wins, found.losses, found.ties, found.dominance) == (1, 1, 2, 0)
    assert stats.compare([0, 0], [1, 1]).dominance == 1


def test_the_verdict_speaks_plainly() -> None:
    a, b = [0.0] * 30 + [1.0] * 70, [1.0] * 100
    found = stats.compare(a, b, metric="recall@5")
    assert stats.verdict(found, names=("fast", "default")).startswith(
        "default is better than fast on recall@5: +30.0 points"
    )
    assert stats.verdict(found, names=("fast", "default"), up=False).startswith("fast is better than default")
    assert stats.verdict(found, p=0.5).startswith("no difference shown between A and B on recall@5")
    assert "needs about" in stats.verdict(stats.compare([0, 1, 0, 0], [0, 1, 1, 0]))
    assert "needs about" not in stats.verdict(stats.compare([0, 1], [0, 1]))


@pytest.mark.parametrize("bad", [[], [float("nan")], [[1.0]]])
def test_what_is_no_list_of_numbers_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.bootstrap_mean(bad)


def test_unpaired_values_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        stats.compare([1.0], [1.0, 2.0])
