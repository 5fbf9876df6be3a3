"""Headings to spans, rows to lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag_connectors.grid import Merge, spread, table
from rag_connectors.writing import TextWriter, outline


def test_headings_reach_to_the_next_of_their_level() -> None:
    spans = sorted(outline([(0, 1, "Install"), (10, 2, "Linux"), (20, 2, "Mac"), (30, 1, "Use")], 40))
    assert spans == [
        (0, 30, "heading", "Install"),
        (10, 20, "heading", "Install > Linux"),
        (20, 30, "heading", "Install > Mac"),
        (30, 40, "heading", "Use"),
    ]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 6), st.text(min_size=1))))
def test_spans_nest(headings: list[tuple[int, int, str]]) -> None:
    headings.sort(key=lambda heading: heading[0])
    spans = list(outline(headings, 101))
    assert len(spans) == len(headings)
    for start, end, _, _ in spans:
        assert 0 <= start <= end <= 101
        assert all(not (start < other < end < stop) for other, stop, _, _ in spans)


def test_writer_keeps_offsets_when_it_cleans() -> None:
    writer = TextWriter()
    writer.add("one\r\ntwo\x00")
    start = writer.at
    writer.add("three")
    writer.span(start, "row", "row 1")
    record = writer.record()
    assert record.text == "one\ntwo\nthree\n"
    assert record.text[start:] == "three\n"


def test_rows_under_a_header() -> None:
    rows = enumerate(
        [["Name", "Building", ""], ["Router", "4", "spare"], ["", "5", ""], [], ["7", "x"], [], ["8", "", "9"]], 1
    )
    assert list(table(rows)) == [
        (1, "Name | Building"),
        (2, "Name: Router; Building: 4; spare"),
        (3, "Building: 5"),
        (5, "Name: 7; Building: x"),
        (7, "8 | | 9"),
    ]


def test_years_may_head_columns_but_numbers_may_not() -> None:
    assert list(table(enumerate([["Region", "2023", "2024"], ["North", "1", "2"]], 1)))[1][1] == (
        "Region: North; 2023: 1; 2024: 2"
    )
    assert list(table(enumerate([["North", "17"], ["South", "18"]], 1)))[1][1] == "South | 18"


def test_a_caption_is_no_header() -> None:
    rows = enumerate([["Prices"], ["Item", "Price"], ["Cable", "3"]], 1)
    assert [line for _, line in table(rows)] == ["Prices", "Item | Price", "Item: Cable; Price: 3"]


@given(st.lists(st.lists(st.text("ab1 \n", max_size=4), max_size=4), max_size=6))
def test_no_cell_is_lost(rows: list[list[str]]) -> None:
    lines = "\n".join(line for _, line in table(enumerate(rows, 1)))
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()) in lines


def lines(*rows: list[str]) -> list[str]:
    return [line for _, line in table(enumerate(rows, 1))]


def test_an_empty_cell_shifts_no_column() -> None:
    assert lines(["a", "", "3"], ["b", "4", ""], ["", "5", "6"]) == ["a | | 3", "b | 4", "| | 5 | 6 |"]


def test_headers_of_two_rows_name_columns_together() -> None:
    sub = ["Plant", "Q1", "Q2", "Q1", "Q2"]
    assert lines(["", "2024", "", "2025", ""], sub, ["North", "1", "", "3", "4"])[2] == (
        "Plant: North; 2024 Q1: 1; 2025 Q1: 3; 2025 Q2: 4"
    )
    names = lines(["ID", "Person", "", "Score"], ["", "First", "Last", ""], ["1", "Ann", "Lee", "9"])
    assert names[2] == "ID: 1; Person First: Ann; Person Last: Lee; Score: 9"


def test_a_period_over_the_last_of_its_columns_belongs_to_all_of_them() -> None:
    zone = ["North", "1", "2", "3"]
    one = lines(["In millions", "", "", "January–June 2023"], ["", "Sales", "Costs", "Profit"], zone)
    said = "January–June 2023"
    assert one[-1] == f"In millions: North; {said} Sales: 1; {said} Costs: 2; {said} Profit: 3"
    two = lines(["", "", "2023", "", "2022"], ["Zone", "Sales", "Costs", "Sales", "Costs"], [*zone, "4"])
    assert two[-1] == "Zone: North; 2023 Sales: 1; 2023 Costs: 2; 2022 Sales: 3; 2022 Costs: 4"
    other = lines(["Zone", "", "", "Budget"], ["", "Area", "Staff", "EUR"], zone)
    assert other[-1] == "Zone: North; Area: 1; Staff: 2; Budget EUR: 3"


def test_a_first_row_of_texts_is_no_second_header() -> None:
    assert lines(["Name", "City"], ["Depot", "Aberfield"], ["Mill", "Holm"])[1] == "Name: Depot; City: Aberfield"


def test_merged_cells_say_their_text_where_it_holds() -> None:
    grid = [
        ["Region", "2024", "", "2025", ""],
        ["", "Plan", "Actual", "Plan", "Actual"],
        ["North", "1", "2", "none", ""],
        ["", "5", "6", "7", "8"],
        ["Total", "", "", "15", ""],
    ]
    merges = [(0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 0, 4), (2, 0, 3, 0), (2, 3, 2, 4), (4, 0, 4, 2)]
    spread(grid, [Merge(*merge) for merge in merges])
    assert lines(*grid)[2:] == [
        "Region: North; 2024 Plan: 1; 2024 Actual: 2; 2025 Plan: none; 2025 Actual: none",
        "Region: North; 2024 Plan: 5; 2024 Actual: 6; 2025 Plan: 7; 2025 Actual: 8",
        "Region: Total; 2025 Plan: 15",
    ]


def test_a_list_of_amounts_has_no_header() -> None:
    assert lines(["Flow", "3 m3/h"], ["Head", "10 m"]) == ["Flow | 3 m3/h", "Head | 10 m"]
    assert lines(["Part", "1st load"], ["Winch", "750 kg"])[1] == "Part: Winch; 1st load: 750 kg"
