"""Citations, abstention and latency: hand-made fractions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_evals.metrics.abstention import aurc, auroc, false_answer_rate, risk_coverage
from rag_evals.metrics.citation import citation_precision, citation_recall, lexical_support, quote_exactness
from rag_evals.metrics.cost import percentile


def letters(statement: str, quotes: Sequence[str]) -> bool:
    """A judge for tests: the quotes hold every letter of the statement."""
    return set(statement) <= set("".join(quotes))


def test_citation_recall_is_the_share_of_supported_statements() -> None:
    assert citation_recall([("ab", ["a", "b"]), ("cd", ["c"]), ("e", [])], letters) == 1 / 3
    assert citation_recall([], letters) == 0


def test_a_citation_is_needed_alone_or_together() -> None:
    assert citation_precision([("ab", ["a", "b"])], letters) == 1  # both halves are needed
    assert citation_precision([("ab", ["ab", "x"])], letters) == 1 / 2  # x adds nothing
    assert citation_precision([("ab", ["ab", "ab"])], letters) == 1  # each would do alone
    assert citation_precision([("cd", ["c", "x"]), ("a", ["a"])], letters) == 1 / 3  # unsupported: none is needed
    assert citation_precision([("a", [])], letters) == 0


def test_lexical_support_wants_numbers_names_and_most_words() -> None:
    quote = "The router in Building 4 was made by Halden Networks, founded in 1998."
    assert lexical_support("The router was made by Halden Networks in 1998.", [quote])
    assert not lexical_support("The router was made by Halden Networks in 1999.", [quote])
    assert not lexical_support("The router was made by Norvik Networks.", [quote])
    assert not lexical_support("Chickens wander across nearby meadows.", [quote])
    assert lexical_support("Halden Networks was founded in 1998.", ["Halden Networks, founded", "was in 1998"])
    assert not lexical_support("", [quote])


def test_quotes_are_exact_or_not() -> None:
    assert quote_exactness(["abc", "abd"], ["abc", "abc"]) == 1 / 2
    assert quote_exactness([], []) == 0


def test_risk_and_coverage_by_hand() -> None:
    confidence, correct = [0.9, 0.8, 0.7, 0.6], [True, False, True, False]
    assert risk_coverage(confidence, correct) == [(1 / 4, 0), (2 / 4, 1 / 2), (3 / 4, 1 / 3), (1, 2 / 4)]
    assert aurc(confidence, correct) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    # right answers at 0.9 and 0.7 against wrong ones at 0.8 and 0.6: 3 of 4 pairs in order
    assert auroc(confidence, correct) == 3 / 4


def test_equal_confidence_enters_together() -> None:
    assert risk_coverage([1, 1], [True, False]) == [(1, 1 / 2)]
    assert aurc([1, 1], [True, False]) == 1 / 2
    assert auroc([1, 1], [True, False]) == 1 / 2


def test_what_is_undefined_is_none_and_never_nan() -> None:
    assert aurc([], []) is None
    assert auroc([1, 2], [True, True]) is None
    assert false_answer_rate([True], [True]) is None


answers = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@given(answers, st.randoms())
def test_order_among_questions_changes_nothing(pairs: list[tuple[int, bool]], rng: object) -> None:
    shuffled = sorted(pairs, key=lambda _: rng.random())  # type: ignore[attr-defined]
    for metric in (aurc, auroc):
        assert metric(*zip(*pairs, strict=True)) == pytest.approx(metric(*zip(*shuffled, strict=True)))


@given(answers)
def test_auroc_is_the_share_of_ordered_pairs(pairs: list[tuple[int, bool]]) -> None:
    right = [c for c, ok in pairs if ok]
    wrong = [c for c, ok in pairs if not ok]
    scores = [(r > w) + (r == w) / 2 for r in right for w in wrong]
    expected = sum(scores) / len(scores) if scores else None
    assert auroc([c for c, _ in pairs], [ok for _, ok in pairs]) == pytest.approx(expected)


def test_false_answers_are_counted_among_the_unanswerable() -> None:
    assert false_answer_rate([True, True, False, True], [True, False, False, False]) == 2 / 3


def test_percentile_is_a_value_that_occurred() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3
    assert percentile(values, 0.95) == 5
    assert percentile([7.0], 0.5) == 7
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)
