"""Tables of a text: cells under their headers, as exact spans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.tables import read_tables

PIPES = "Ducks by year\n\n| Year | Ducks |\n|------|------:|\n| 2021 | 150 |\n| 2022 | 170 |\n"
PLAIN = "Ducks by year\n\nYear | Ducks\n2021 | 150\n2022 | 170\n"
PAIRS = "Ducks by year\nYear | Ducks\nYear: 2021; Ducks: 150\nYear: 2022; Ducks: 170\n"


@pytest.mark.parametrize("text", [PIPES, PLAIN, PAIRS])
def test_a_table_has_headers_rows_and_a_caption_however_it_is_written(text: str) -> None:
    (table,) = read_tables(text)
    assert table.headers == ("Year", "Ducks")
    assert [[cell.text for cell in row] for row in table.rows] == [["2021", "150"], ["2022", "170"]]
    assert "Ducks by year" in table.caption


def test_headers_parted_by_semicolons_leave_out_that_of_the_first_column() -> None:
    text = "January 2023\nSales; Profit; Costs\nZone A | 12 | 3 | 9\nZone B | 13 | 2 | 11\n"
    (table,) = read_tables(text)
    assert table.headers == ("", "Sales", "Profit", "Costs")
    assert table.caption == "January 2023"


def test_a_short_row_above_other_headers_names_the_table_below() -> None:
    text = "A; B; C\nx | 1 | 2 | 3\nIn francs | 2022\nA; B; C\nx | 4 | 5 | 6\n"
    first, second = read_tables(text)
    assert "2022" not in first.caption
    assert second.caption == "In francs 2022"


def test_a_row_of_too_few_cells_is_left_out() -> None:
    (table,) = read_tables("A | B | C\n1 | 2 | 3\nmerged | 5\n7 | 8 | 9\n")
    assert [row[0].text for row in table.rows] == ["1", "7"]


@pytest.mark.parametrize("text", ["", "No table here.", "a | b", "He came; he saw; he won.", "1 | 2\n3 | 4\n5 | 6"])
def test_prose_and_rows_without_headers_are_no_table(text: str) -> None:
    assert read_tables(text) == []


@given(st.text(alphabet="ab1|;: -\n", max_size=80))
def test_every_cell_is_an_exact_span(text: str) -> None:
    for table in read_tables(text):
        for row in table.rows:
            assert len(row) == len(table.headers)
            assert all(text[cell.start : cell.end] == cell.text for cell in row)
