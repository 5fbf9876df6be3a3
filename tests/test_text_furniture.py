"""Page numbers and running heads."""

from __future__ import annotations

import pytest

from rag.text.furniture import find_running, page_number


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Fielding, et al.            Standards Track                    [Page 12]", 12),
        ("     August 13, 1982              - 21 -                      RFC #822", 21),
        ("Seite 3 von 9", 3),
        ("4/12", 4),
        ("See [Page 12] for more.", None),
        ("A range of 3 - 4 - 5 metres", None),
        ("1999", None),
    ],
)
def test_a_line_that_only_counts_pages(line: str, number: int | None) -> None:
    assert page_number(line) == number


def test_a_line_that_counts_the_pages_is_furniture_and_a_table_is_not() -> None:
    pages = [[f"Text of {n * n}.", f"row {n} | {n * 3}", f"To appear in OSDI 2006 {n + 5}"] for n in range(6)]
    assert find_running(pages) == [set(), *[{2}] * 5]  # the first one says where it appeared


def test_a_page_number_alone_is_furniture_everywhere() -> None:
    assert find_running([["Text" * n, str(n)] for n in range(1, 5)]) == [{1}] * 4


def test_two_pages_show_nothing() -> None:
    assert find_running([["Head", "one"], ["Head", "two"]]) == [set(), set()]
