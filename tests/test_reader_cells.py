"""Cells that a question's row and column decide."""

from __future__ import annotations

import pytest

from rag.reader.cells import find_cells

DUCKS = ("ducks.xlsx", "Year | Ducks\nYear: 2021; Ducks: 150\nYear: 2022; Ducks: 170\nYear: 2023; Ducks: 160")
CUPS = (
    "cups.xlsx",
    "Cups\nTeam | City | Cups\nTeam: Blues; City: STL; Cups: 1\nTeam: Leafs; City: TOR; Cups: 13\n\n"
    "Cups since 67\nTeam | City | Cups\nTeam: Blues; City: STL; Cups: 2\nTeam: Leafs; City: TOR; Cups: 0",
)
SALES = (
    "report-2023.xlsx",
    "In francs | January–June 2023\nSales (a); Profit; 2023: Costs\nHavn | 3128 | 678 | -81\nTotal | 9000 | 900 | -90\n"
    "In francs | January–June 2022\nSales (a); Profit; 2022: Costs\nHavn | 3190 | 777 | -20\nTotal | 9500 | 950 | -95",
)
COSTS = (
    "Nordlys",
    "| Costs | 2019 | 2018 |\n|---|---|---|\n| Fuel | 12 | 11 |\n| Other fuel | 3 | 2 |\n| Rent | 5 | 4 |",
)
PAIRS = (
    "report-2023.xlsx",
    "\n".join(
        f"In francs: {row}; January–June {year} Sales (a): {sales}; "
        f"January–June {year} of which impairment of property, plant and equipment: {loss}"
        for row, year, sales, loss in [("Havn", 2023, 3128, 9), ("Hellen", 2023, 90, 1)]
    )
    + "\n\nIn francs: Havn; January–June 2022 Sales (a): 3190; January–June 2022 Profit: 777",
)
REST = ("report Product Code | Category | Unit Cost", "SKU-1 | Tools | $20.00\n| SKU-2 | Paint | $3.50 |\n\nEnd.")
STAFF = ("", "Name | Office | Start date\nAnn Ray | Oslo | 3 May 2019\nBo Ek | Rome | 7 June 2020")


@pytest.mark.parametrize(
    ("question", "passage", "said"),
    [
        ("How many ducks were counted in 2022?", DUCKS, "170"),
        ("How many cups have the Leafs won since 67?", CUPS, "0"),
        ("What were Havn's sales in the first half of 2023?", SALES, "3128"),
        ("What were Havn's sales in January-June 2022?", SALES, "3190"),
        ("What were Havn's sales in the first half of 2023?", PAIRS, "3128"),
        ("What were Havn's sales in January-June 2022?", PAIRS, "3190"),
        ("What is the unit cost of SKU-2?", REST, "$3.50"),
        ("What did fuel of Nordlys cost in 2018?", COSTS, "11"),
        ("Which office is Bo Ek at?", STAFF, "Rome"),
        ("What is the start date of Ann Ray?", STAFF, "3 May 2019"),
    ],
)
def test_the_row_and_the_column_of_a_question_decide_the_cell(
    question: str, passage: tuple[str, str], said: str
) -> None:
    (span,) = find_cells(question, [("", "No table."), passage])
    assert span.passage == 1
    assert passage[1][span.start : span.end] == said
    assert 0 < span.score <= 1


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("How many ducks were counted in 2018?", DUCKS),  # another year than any row's
        ("How many cups have the Leafs won?", CUPS),  # two tables say different things
        ("Which year had the most ducks?", DUCKS),  # compares
        ("How many years are listed with ducks in 2022?", DUCKS),  # counts
        ("What did fuel cost Havn in 2018?", COSTS),  # a name that nothing here has
        ("Were 170 ducks counted in 2022?", DUCKS),  # yes or no
        ("Who wrote the memo?", DUCKS),
    ],
)
def test_nothing_is_found_where_the_cell_is_not_decided(question: str, passage: tuple[str, str]) -> None:
    assert find_cells(question, [passage]) == []


def test_words_in_the_headers_of_two_columns_decide_none() -> None:
    half = ("half.xlsx", "In millions: Nespresso; Sales (a): 3,128; January-June 2023 Depreciation: (135)")
    assert find_cells("What were Nespresso's sales in January-June 2023?", [half]) == []
    assert len(find_cells("What were the sales of Nespresso?", [half])) == 1


def test_two_tables_that_agree_give_both_cells() -> None:
    assert len(find_cells("How many ducks were counted in 2022?", [DUCKS, DUCKS])) == 2


def test_a_question_with_a_clause_inside_is_not_decided_by_a_row_that_has_half_of_it() -> None:
    rooms = ("rooms.csv", "Building: Building 4; Router: see building sheet; Built: 2006")
    assert find_cells("Who founded the company that made the router in building 4?", [rooms]) == []
    assert find_cells("Which router is in building 4?", [rooms]) == []  # what stands elsewhere is no answer
    rooms = ("rooms.csv", "Building: Building 4; Router: Lumen 7; Built: 2006")
    assert len(find_cells("Which router is in building 4?", [rooms])) == 1
