"""Delimited text, JSON, notebooks and gzip as people have them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest

from rag_connectors.data_uris import drop_data
from rag_connectors.parsed import RefusalError
from tests.connectors.test_connect_formats import labels, one, read


def rows(text: str, name: str = "a.csv") -> list[str]:
    return list(labels(one(text, name), "row").values())


def test_a_column_of_prose_is_not_cut_at_its_commas() -> None:
    text = "remark\nThe pump, when hot, leaks.\nFine.\nOil, water and air.\nShut, then opened, then shut, again.\n"
    assert rows(text) == text.strip().split("\n")
    for alike in ("The winch, which is red, lifts\nThe crane, which is blue, lifts\n", "Say\nPump, when hot, leaks\n"):
        assert rows(alike) == alike.strip().split("\n")
    assert rows("Name, First name\nBerg, Ana\nDahl, Bo\n")[1] == "Name: Berg; First name: Ana"
    assert rows('remark\n"Hot, wet"\n"Cold, dry"\n') == ["remark", "Hot, wet", "Cold, dry"]


def test_semicolons_part_cells_with_commas() -> None:
    assert rows("Part;Price, EUR\nBolt;1,50\nNut;2,25\n")[1] == "Part: Bolt; Price, EUR: 1,50"
    assert rows("1,5;2,5;3,5\n4,5;5,5;6,5\n") == ["1,5 | 2,5 | 3,5", "4,5 | 5,5 | 6,5"]
    assert rows("sep=;\nPart;Price\nBolt;1,50\n") == ["Part | Price", "Part: Bolt; Price: 1,50"]


def test_an_empty_cell_keeps_its_place() -> None:
    assert rows("Bolt,,3\nNut,4,\n,,7\n") == ["Bolt | | 3", "Nut | 4", "| | | 7 |"]


@pytest.mark.parametrize("inside", ['say \\"hi\\", twice', 'say ""hi"", twice'])
def test_quotes_inside_quotes(inside: str) -> None:
    assert rows(f'Id,Text\n1,"{inside}"\n2,"end"\n') == [
        "Id | Text",
        'Id: 1; Text: say "hi", twice',
        "Id: 2; Text: end",
    ]


def test_a_folder_at_the_end_of_a_cell_is_no_quote() -> None:
    assert rows('Id,Folder\n1,"C:\\dir\\"\n2,"D:\\"\n')[1:] == ["Id: 1; Folder: C:\\dir\\", "Id: 2; Folder: D:\\"]


@pytest.mark.parametrize("end", ["", '5,"x"\n'])
def test_a_quote_that_is_never_closed_swallows_no_rows(end: str) -> None:
    found = rows(f'Id,Text\n1,"open text\n2,Bolt\n3,"two\nlines"\n4,Nut\n{end}')
    assert found[:5] == [
        "Id | Text",
        "Id: 1; Text: open text",
        "Id: 2; Text: Bolt",
        "Id: 3; Text: two lines",
        "Id: 4; Text: Nut",
    ]


def test_inches_and_blanks_before_quotes() -> None:
    assert rows('Id,Size\n1,5" pipe\n2,6" pipe\n')[1:] == ['Id: 1; Size: 5" pipe', 'Id: 2; Size: 6" pipe']
    assert rows('Id, Name\n1, "Lee, Ann"\n2, "Ray, Bo"\n')[1] == "Id: 1; Name: Lee, Ann"


def test_every_field_of_a_record_is_found() -> None:
    value = {
        "id": 7,
        "title": "Pump",
        "text": "Main text.",
        "body": "More text.",
        "price": 12,
        "spec": {"volt": [230, 400]},
    }
    [record] = read(json.dumps([value]), "a.json").records
    assert record.text == "Main text.\n\nbody: More text.\nprice: 12\nspec.volt: 230, 400"
    assert record.meta["price"] == 12 and record.key == "7"


def test_numbers_stand_as_they_are_written() -> None:
    text = '{"text": "x", "a": 123456789012345678901234567890, "b": 1.10, "c": 0.12345678901234567890}'
    for name in ("a.json", "a.jsonl"):
        [record] = read(text, name).records
        assert "a: 123456789012345678901234567890\nb: 1.10\nc: 0.12345678901234567890" in record.text


def test_lines_without_a_text_field_are_records_too() -> None:
    lines = '{"level": "error", "msg": "pump stopped"}\n{"level": "info", "msg": "started"}\n'
    for name in ("a.jsonl", "a.json"):  # JSON lines are often called so
        result = read(lines, name)
        assert [record.text for record in result.records] == [
            "level: error\nmsg: pump stopped",
            "level: info\nmsg: started",
        ]
        assert result.status == "ok"


def notebook(*outputs: Mapping[str, object], kind: str = "code", source: str = "f()") -> str:
    return json.dumps({"cells": [{"cell_type": kind, "source": source, "outputs": list(outputs)}]})


def test_outputs_of_notebooks() -> None:
    table = "<table><tr><th>Site</th><th>Cars</th></tr><tr><td>North</td><td>12</td></tr></table>"
    only_html = {"data": {"text/html": [table]}}
    both = {"data": {"text/html": table, "text/plain": "<IPython.core.display.HTML object>"}}
    for output in (only_html, both):
        assert one(notebook(output), "n.ipynb").text == "f()\nSite | Cars\nNorth | 12"
    plain = {"data": {"text/html": table, "text/plain": "   Site  Cars\n0  North 12"}}
    assert one(notebook(plain), "n.ipynb").text == "f()\nSite | Cars\nNorth | 12"
    named = {"data": {"text/html": table, "text/plain": "Table(...)"}}
    assert one(notebook(named), "n.ipynb").text == "f()\nSite | Cars\nNorth | 12"
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no pump",
        "traceback": ["\x1b[0;31mTrace\x1b[0m"],
    }
    assert one(notebook(error), "n.ipynb").text == "f()\nTrace\nValueError: no pump"
    long = {"output_type": "stream", "text": [f"line {n}\n" for n in range(2000)]}
    assert one(notebook(long), "n.ipynb").text.endswith("line 1999")
    bar = {"output_type": "stream", "text": "10%|#  |\r50%|## |\r100%|###|\ndone\n"}
    assert one(notebook(bar), "n.ipynb").text == "f()\n100%|###|\ndone"


PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 40 + "="


def test_pictures_in_a_text_are_no_words() -> None:
    text = f"# Plan\n\n![The plan]({PICTURE})\n\nAfter.\n\n[ref]: <{PICTURE}>\n"
    assert one(text, "a.md").text == "# Plan\n\n![The plan](data:)\n\nAfter.\n\n[ref]: <data:>"
    cell = notebook(kind="markdown", source=f"![The plan]({PICTURE}) After.")
    assert one(cell, "n.ipynb").text == "![The plan](data:) After."
    wrapped = PICTURE[:80] + "\n" + PICTURE[80:]
    assert drop_data(f"a {wrapped} b") == "a data: b"
    assert drop_data("data: 12;base64 is a code") == "data: 12;base64 is a code"


def test_of_drawings_written_as_markup_the_words_stay() -> None:
    raw = "![Flow](data:image/svg+xml;utf8,<svg width='9'><path d='M1'/><text>Gate <b>7</b></text></svg>) after"
    assert drop_data(raw) == "![Flow](data: Gate 7) after"
    assert drop_data("a(data:image/svg+xml,%3Csvg%20x='1'%3E%3Cg/%3E%3C/svg%3E)b") == "a(data:)b"
    assert drop_data("data:image/svg+xml,<svg>and so on") == "data:image/svg+xml,<svg>and so on"


@pytest.mark.parametrize("name", ["<graphviz.Source>", "<IPython.core.display.SVG object>"])
def test_a_drawing_in_a_notebook_says_its_words(name: str) -> None:
    drawing = (
        "<?xml version='1.0'?><svg><text>Gate <tspan>7</tspan></text><foreignObject><p>Valve</p></foreignObject></svg>"
    )
    output = {"output_type": "display_data", "data": {"text/plain": [name], "image/svg+xml": [drawing]}}
    cell = {"cell_type": "code", "source": "draw()", "outputs": [output]}
    assert one(json.dumps({"cells": [cell]}), "n.ipynb").text == "draw()\nGate 7 Valve"


def test_gzip_of_several_members_is_read_whole() -> None:
    data = gzip.compress(b"first\n") + gzip.compress(b"second\n")
    assert one(data, "a.txt.gz").text == one(data + b"\0" * 512, "a.txt.gz").text == "first\nsecond"


def test_a_title_above_a_table_does_not_decide_what_parts_its_cells() -> None:
    assert rows("Stock of May\n\nName;Kg\nBolt;1,5\nNut;2,5\n") == [
        "Stock of May",
        "Name | Kg",
        "Name: Bolt; Kg: 1,5",
        "Name: Nut; Kg: 2,5",
    ]


def test_lines_above_a_table() -> None:
    assert rows("# of 2025, by Ana\nname,kg\nwinch,750\n") == ["name | kg", "name: winch; kg: 750"]
    assert one("# of 2025, by Ana\nname,kg\nwinch,750\n", "a.csv").text.startswith("# of 2025, by Ana\nname")
    assert rows("Report;Stock\n\nPart;Hall;Kg\nWinch;4;750\nCrane;2;9\n")[-1] == "Part: Crane; Hall: 2; Kg: 9"
    assert rows('"sep=;"\nname;kg\nwinch;750\n')[-1] == "name: winch; kg: 750"


def test_cells_as_programs_write_them() -> None:
    assert rows('zip,name\n="01234",Ana\n="00567",Bo\n')[1] == "zip: 01234; name: Ana"
    assert rows("name\x01kg\nwinch\x01750\n")[1] == "name: winch; kg: 750"


def test_a_name_that_comes_twice_in_an_object_has_both_values() -> None:
    assert one('{"note": "750 kg", "note": "900 kg", "n": 1}', "a.json").text == "note: 750 kg, 900 kg\nn: 1"


def test_tables_of_notebooks_keep_their_columns() -> None:
    page = "<table><tr><th>part<th>kg<tr><td>winch of hall four<td>750</table>"
    shown = {"text/html": page, "text/plain": "   part  kg\n0  winch of h...  750"}
    assert "winch of hall four | 750" in one(notebook({"data": shown}), "a.ipynb").text


def test_a_page_in_a_value_is_its_text() -> None:
    page = "<p>It <b>lifts</b> 750&nbsp;kg.</p>"
    assert one(json.dumps([{"id": 1, "text": page + "<p>Red.</p>", "note": page}]), "a.json").text == (
        "It lifts 750 kg.\n\nRed.\n\nnote: It lifts 750 kg."
    )
    assert rows(f'id,body\n1,"{page}"\n2,ok\n')[1] == "id: 1; body: It lifts 750 kg."
    code = "Use <br> and </p> in pages."
    assert one(json.dumps([{"id": 1, "text": code}]), "a.json").text == code


def test_commas_that_nothing_quotes_stay_in_their_cell() -> None:
    below = '1,INFO,ok\n2,WARN,Pressure low, valve 3 opened, all fine\n3,ERROR,"hot, stopped"\n'
    assert rows(f"Hall,Level,Message\n{below}")[2:] == [
        "Hall: 2; Level: WARN; Message: Pressure low, valve 3 opened, all fine",
        "Hall: 3; Level: ERROR; Message: hot, stopped",
    ]
    addresses = "Name,Phone,Address\nAna,11,Hill 4, 5020 Salzburg\nBo,22,Lake 3, 8010 Graz\n"
    assert rows(addresses)[1] == "Name: Ana; Phone: 11; Address: Hill 4, 5020 Salzburg"
    cells_of_lines = 'Name,Note\nWinch,"red, big\nfast, new, loud\n"\n'
    assert rows(cells_of_lines)[1] == "Name: Winch; Note: red, big fast, new, loud"


def test_names_of_rows_have_no_column_of_their_own() -> None:
    assert rows("mpg\tcyl\nMazda RX4\t21\t6\nDatsun\t22.8\t4\n", "a.tsv")[1] == "Mazda RX4; mpg: 21; cyl: 6"


def test_letters_of_utf_16_are_no_marks_between_cells() -> None:
    parsed = one("Name\tCity\nAna\tŁódź\n".encode("utf-16"), "a.csv")
    assert parsed.text.endswith("Name: Ana; City: Łódź")


def test_json_with_comments_is_text() -> None:
    text = '// limits\n{"url": "http://x//y", "load": "750 kg", /* of a winch */ "sizes": [1, 2,],}\n'
    assert one(text, "a.json").text == text.strip()


def test_lines_that_are_no_objects_or_broken_lose_no_text() -> None:
    lines = '{"id": 1, "text": "One."}\n{"id": 2, "text": "Two."\n"a line"\n[4, "five"]\nnull\n'
    outcome = read(lines, "a.jsonl")
    assert [record.text for record in outcome.records] == [
        "One.",
        '{"id": 2, "text": "Two."',
        "a line",
        "value: 4, five",
    ]
    assert outcome.status == "degraded" and outcome.reason.startswith("line 2 is not valid JSON")
    mixed = read('[1, "two", {"text": "three"}, null]', "a.json")
    assert [record.text for record in mixed.records] == ["value: 1", "two", "three"] and mixed.status == "ok"
    with pytest.raises(RefusalError, match="line 1 is not valid JSON"):
        read('{"text": "cut\n{"text": "cut', "a.jsonl")


def test_lines_of_one_cell_above_a_table_are_captions() -> None:
    text = one("Price list 2025\nValid from May\nPart,Price\nWinch,1240\nCrane,9000\n", "a.csv").text
    assert text == "Price list 2025\nValid from May\nPart | Price\nPart: Winch; Price: 1240\nPart: Crane; Price: 9000"
    prose = "The winch is red\nThe crane, which is old, lifts less\nBoth are oiled, and checked"
    assert one(prose, "a.csv").text == prose


def test_columns_of_one_name_keep_it_where_they_hold_numbers() -> None:
    text = one("Part,Price,Price\nWinch,1,2\nCrane,3,4\n", "a.csv").text
    assert text == "Part | Price | Price\nPart: Winch; Price: 1; Price: 2\nPart: Crane; Price: 3; Price: 4"
    assert one("a,b,b\nb,a,b\n", "a.csv").text == "a | b | b\nb | a | b"
