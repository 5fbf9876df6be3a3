"""`--where`: values by type, several of them, fields that are not there, and why nothing was found."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from rag import Filter, Pipeline, Range
from rag.cli.where import make_filter, readings, split, tell_absent
from rag.cli.where_auto import derive
from rag.errors import ConfigError, InputError

FILES = {
    "winch.md": "---\ntitle: Winch\nYear: 2024\nversion: 1.50\ndraft: no\ntags: [hoist, red]\nby: {name: Ada}\n"
    "tracking: 92055901755477000271990251\nsince: 2024-05-01\nat: 12:30\n---\nThe winch lifts 750 kg.\n",
    "crane.md": "---\nyear: '2024'\nversion: 2\ndraft: true\ntags: red\nby: {name: Bob}\nname: a=b\n---\n"
    "A crane lifts more.\n",
    "plain.txt": "A hoist without fields lifts little.\n",
}


@pytest.fixture
def pipe(notes: Path) -> Pipeline:
    for name, text in FILES.items():
        (notes / "docs" / name).write_text(text)
    (notes / "docs" / "records.json").write_text(
        '[{"id": "page", "text": "one lifts", "lat": 0.26633056045725956, "mass": 1e400},'
        ' {"id": "page", "text": "two lifts", "Tags": ["hoist"], "gaps": [NaN, null, []]},'
        ' {"id": "page#2", "Text": "three lifts", "name": "Router", "parts": [{"no": 1}, {"no": 2}]}]'
    )
    pipeline = Pipeline.load("tiny.yaml")
    report = pipeline.ingest(["docs"])
    assert {file.source for file in report.files if file.status == "degraded"} == {"docs/winch.md", "docs/records.json"}
    assert not report.count("failed")
    return pipeline


def found(pipe: Pipeline, *where: str) -> set[str]:
    hits = pipe.search("lifts", k=50, filter=make_filter(pipe.index, None, where))
    return {f"{Path(hit.chunk.source).stem} {hit.chunk.text.split()[0]}" for hit in hits}


def test_a_value_is_found_however_it_was_written(pipe: Pipeline) -> None:
    winch, crane = "winch The", "crane A"
    for where, expected in {
        ("year=2024",): {winch, crane},  # a number and a text; a capital letter
        ("YEAR=2024.0",): {winch},
        ("version=1.5",): {winch},
        ("version=1.50",): {winch},
        ("version=2.0",): {crane},
        ("draft=false",): {winch},
        ("draft=no",): {winch},
        ("draft=True",): {crane},
        ("draft=1",): set(),
        ("tags=hoist",): {winch, "records two"},
        ("tags=red",): {winch, crane},
        ("tags=hoist", "tags=red"): {winch, crane, "records two"},
        ("tags=red", "version=2"): {crane},
        ("by.name=Ada",): {winch},
        ("tracking=92055901755477000271990251",): {winch},
        ("since=2024-05-01",): {winch},
        ("at=12:30",): {winch},
        ("title=Winch",): {winch},
        ("name=a=b",): {crane},
        ("name=Router",): {"records three"},
        (" year = 2024 ",): {winch, crane},
        ("lat=0.26633056045725956",): {"records one"},
        ("mass=1e400",): {"records one"},
        ("gaps=NaN",): {"records two"},
        ("parts.no=2",): {"records three"},
        ("id=page",): {"records one", "records two"},
        ("id=page#2",): {"records three"},
        ("source=docs/plain.txt",): {"plain A"},
    }.items():
        assert found(pipe, *where) == expected, where


def test_bounds_are_of_numbers_or_of_words_and_what_is_not_equal_may_lack_the_field(pipe: Pipeline) -> None:
    winch, crane = "winch The", "crane A"
    everything = {hit.chunk.id for hit in pipe.search("lifts", k=50)}
    for where, expected in {
        ("year>=2024",): {winch, crane},  # a number and a text
        ("year<2025", "version>1.5"): {crane},
        ("version>=1.5", "version<2"): {winch},
        ("version>=1.5", "tags=red"): {winch, crane},
        ("lat<=0.3",): {"records one"},
        ("since>=2024-01-01",): {winch},
        ("since<=2024-05-01", "since>2023"): {winch},
        ("since<=2024",): {winch},  # all of it
        ("year>=2024", "year>=2023", "year<2025"): {winch, crane},
        ("year in 2023, 2024",): {winch, crane},
        ("tags in hoist,blue",): {winch, "records two"},
        ("title in Winch,x=y",): {winch},
    }.items():
        assert found(pipe, *where) == expected, where
    without = pipe.search("lifts", k=50, filter=make_filter(pipe.index, None, ["tags!=red"]))
    assert {hit.chunk.id for hit in without} == everything - {
        hit.chunk.id for hit in pipe.search("lifts", k=50, filter=Filter({"meta.tags": ("red",)}))
    }
    with pytest.raises(InputError, match=r"year>2024: no document has such a value\. Its values are: 2024, 2024\."):
        found(pipe, "year>2024")
    with pytest.raises(InputError, match=r"source>a: .*compared by = and != alone"):
        found(pipe, "source>a")
    for condition, said in {
        "year>=spring": r"'spring' is no number, and no date .* values are: 2024, 2024",
        "draft>0": r"no numbers or dates, .* = and != alone\. Its values are: False, True\.",
        "since>2024": r"no document has such a value\. Its values are: 2024-05-01\.",
        "yaer>=2024": r"no document has a field 'yaer'\. Did you mean",
    }.items():
        with pytest.raises(InputError, match=said):
            found(pipe, condition)
    with pytest.raises(InputError, match=r"range of 'year' is not of numbers"):
        pipe.search("lifts", filter=Filter(ranges={"meta.year": Range(least="spring")}))


def test_a_field_that_is_not_there_is_named(pipe: Pipeline) -> None:
    for where in ("yaer=2024", "meta.year=2024", "draft.x=1"):
        name = where.partition("=")[0]
        with pytest.raises(InputError, match=rf"no document has a field '{name}'.*Year.*"):
            found(pipe, where)
    with pytest.raises(InputError, match=r"'yaer'\. Did you mean"):
        pipe.search("lifts", filter=Filter(none_of={"meta.yaer": (2024,)}))
    with pytest.raises(InputError, match="'yaer'"):
        pipe.ask("What lifts?", filter=Filter(within=Filter({"meta.yaer": (2024,)})))
    for where in ("year", "=2024", ""):
        with pytest.raises(InputError, match="write NAME=VALUE"):
            found(pipe, where)


def test_values_that_no_document_has_are_told_with_those_there_are(
    pipe: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_absent(pipe.index, make_filter(pipe.index, None, ["tags=blue", "year=2024", "draft=maybe"]))
    said = capsys.readouterr().err
    assert "no document has tags = blue. Its values are: hoist, red." in said
    assert "draft = maybe. Its values are: False, True." in said and "year" not in said
    tell_absent(pipe.index, make_filter(pipe.index, None, ["version=2", "draft=false", "year>=2024"]))
    said = capsys.readouterr().err
    assert "meets all of these conditions together. version: Its values are: 1.5, 2." in said and "year: Its" in said


def test_numbers_of_any_kind_come_back_as_they_are(pipe: Pipeline) -> None:
    [hit] = pipe.search("lifts", filter=Filter({"meta.lat": (0.26633056045725956,)}))
    assert hit.chunk.meta["lat"] == 0.26633056045725956  # an engine's own JSON would round it


def test_readings_of_a_word() -> None:
    assert readings("2024") == ("2024", 2024)
    assert readings("1e3") == ("1e3", 1000.0)
    assert readings(" no") == (" no", "no", False)
    assert readings("null") == ("null",)
    assert readings("[1, 2]") == ("[1, 2]",)
    assert readings("2024-05-01") == ("2024-05-01",)
    assert readings("{") == ("{",) and readings("9" * 5000) == ("9" * 5000,)
    assert not any(isinstance(one, float) and not math.isfinite(one) for one in readings("1e999"))
    assert split("a=b=c", ["a=b"]) == ("a=b", "=", "c") and split("a=b=c", ["A"]) == ("a", "=", "b=c")
    assert split("a>b>=c", ["a>b"]) == ("a>b", ">=", "c") and split("a!=<", ["a"]) == ("a", "!=", "<")


def test_every_value_is_named_once_for_a_file(pipe: Pipeline, notes: Path) -> None:
    rows = [{"text": f"row {n}", "tracking": 10**30 + n} for n in range(50)]
    (notes / "docs" / "many.json").write_text(json.dumps(rows))
    [file] = [file for file in pipe.ingest(["docs"]).files if file.source == "docs/many.json"]
    assert file.reason == "the field tracking holds a whole number of over 64 bits, kept as text"


def test_conditions_that_a_question_states_are_taken_from_a_language_model(
    pipe: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def conditions(reply: str, *where: str) -> list[str] | None:
        def say(messages: list[dict[str, str]]) -> list[str]:
            told.append(messages[-1]["content"])
            return [reply]

        model = SimpleNamespace(reply=say, model="m", stream=None)
        monkeypatch.setattr(Pipeline, "stages", SimpleNamespace(generator=model))
        return derive(pipe, "Which crane of 2024 is red?", where or ("auto",))

    assert conditions("- year>=2024\n`tags=red`") == ["year>=2024", "tags=red"]
    assert "draft: False, True" in told[0] and "Year: 2024" in told[0] and told[0].endswith("red?\n</question>")
    assert "--where auto: year>=2024, tags=red" in capsys.readouterr().err
    # what is no condition, names no field, or is met by nothing is left out; what is given stays
    assert conditions("Sure:\nyaer=2024\nyear=1999\nyear>=spring\ntags=red", "draft=no", "auto") == [
        "draft=no",
        "tags=red",
    ]
    assert conditions("by.name=Ada\nby.name!=Ada\nversion=2") == []  # nothing meets all of them
    assert conditions("NONE") == [] and "states no condition" in capsys.readouterr().err
    assert conditions("tags=red", "draft=no") == ["draft=no"] and len(told) == 4  # nobody asked


def test_conditions_of_a_question_need_a_language_model(pipe: Pipeline) -> None:
    with pytest.raises(ConfigError, match="--where auto needs a language model: give `--llm`"):
        derive(pipe, "Which crane?", ["auto"])


def test_a_value_that_no_document_has_so_is_found_in_other_capitals_and_forms(notes: Path) -> None:
    (notes / "docs" / "a.md").write_text("---\nby: \u00c5sa Ek\nsince: 2024-05-01\ntags: [Red]\n---\nA crane lifts.\n")
    (notes / "docs" / "b.md").write_text("---\nby: Bo\nsince: 2023-04-02\ntags: [blue]\n---\nB crane lifts.\n")
    pipeline = Pipeline.load("tiny.yaml")
    pipeline.ingest(["docs"])
    for where in ("by=\u00e5sa  ek", "by=A\u030asa Ek", "tags=RED", "since=2024", "since=2024-05", "since==2024-05-01"):
        assert found(pipeline, where) == {"a A"}, where
    assert found(pipeline, "tags in [red, blue]") == {"a A", "b B"}
    assert found(pipeline, "by!=bo") >= {"a A"} and "b B" not in found(pipeline, "by!=bo")


def test_several_values_at_once_are_asked_for_by_in(pipe: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    tell_absent(pipe.index, make_filter(pipe.index, None, ["tags=hoist,red"]))
    assert '--where "tags in hoist,red"' in capsys.readouterr().err
