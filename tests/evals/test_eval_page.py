"""The report as a file: complete, valid, safe with hostile texts, readable without colours or pictures."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from rag.errors import InputError
from rag_evals import page
from rag_evals.page.charts import Series, charts
from rag_evals.page.svg import Scale, apart, decades, steps
from tests.evals.pages import HOSTILE, results

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Parsed(HTMLParser):
    """Elements with their attributes, texts, and whether every element was closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: list[str] = []
        self.data = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.inside[-1:] == ["script"] and self.elements[-1][1].get("id") == "data":
            self.data += data
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def parsed(*names: str, hostile: str = "") -> Parsed:
    return Parsed(page.render(results(*names, hostile=hostile)))


def test_the_page_is_complete_and_every_element_is_closed() -> None:
    found = parsed("default", "fast")
    assert found.inside == []
    headings = " ".join(found.texts)
    for title in ("Recall against k", "Recall@2 against latency", "Hop funnel", "Risk against coverage", "all gold@2"):
        assert title in headings
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    data = json.loads(found.data)
    assert [run["pipeline"] for run in data["runs"]] == ["default", "fast"]
    assert all(len(run["questions"]) == len(run["ids"]) == 12 for run in data["runs"])


def test_the_page_asks_for_nothing_outside_itself() -> None:
    found = parsed("default")
    policy = next(m["content"] for m in found.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    for _, attributes in found.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    text = page.render(results("default"))
    assert not re.search(r"url\(|@import|https?:", text)


def test_hostile_texts_stay_texts() -> None:
    found = parsed(f"p{HOSTILE}", hostile=HOSTILE)
    assert found.inside == []
    assert not found.named("img")
    assert len(found.named("script")) == 2
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    question = json.loads(found.data)["runs"][0]["questions"][0]
    assert question["question"].endswith(HOSTILE)
    assert "49" not in "".join(text for text in found.texts if "7*7" in text)
    assert "<img src=x" in "".join(found.texts)  # shown, not obeyed


def test_the_file_is_written_with_any_text(tmp_path: Path) -> None:
    page.write(tmp_path / "r.html", results("default", hostile=HOSTILE))
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(InputError, match="cannot be written"):
        page.write(tmp_path / "no" / "r.html", [])


def test_every_picture_says_what_it_is_and_has_its_numbers_as_a_table() -> None:
    (run,) = results("default")
    drawn = list(charts([Series(0, "default", run)], "d0"))
    assert [chart.title for chart in drawn] == [
        "Recall against k",
        "Recall@2 against latency",
        "Hop funnel",
        "Risk against coverage",
    ]
    for chart in drawn:
        root = ET.fromstring(chart.svg)
        names = {child.get("id"): child.text for child in root if child.tag in {"title", "desc"}}
        assert root.get("role") == "img"
        assert all(names[name] for name in str(root.get("aria-labelledby")).split())
        assert chart.rows and all(len(row) == len(chart.columns) for row in chart.rows)


def test_the_funnel_shows_where_gold_was_lost() -> None:
    (run,) = results("default")
    (chart,) = (chart for chart in charts([Series(0, "default", run)], "d") if chart.title == "Hop funnel")
    # of three kinds of question: both found; the second at hop 1 but below the first 2; the second not found
    assert chart.rows == [["default", "50.0% + 0.0%", "16.7% + 16.7%", "16.7%", "16.7%"]]
    assert ("below", "in the tree, not in the first 2") in chart.legend


def test_results_without_plots_and_questions_still_give_a_table() -> None:
    (run,) = results("default")
    old = {name: part for name, part in run.items() if name not in {"plots", "detail"}}
    found = Parsed(page.render([old]))
    assert json.loads(found.data)["runs"] == []
    text = " ".join(found.texts)
    assert "Recall@2 against latency" in text and "Hop funnel" not in text


def test_pipelines_that_are_files_are_called_by_their_name() -> None:
    (run,) = results("/folder/mine.yaml")
    assert "/folder" not in page.render([run])


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def themes() -> list[dict[str, str]]:
    style = (resources.files("rag_evals.page") / "page.css").read_text(encoding="utf-8")
    return [
        dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in re.findall(r":root \{(.*?--.*?)\}", style, re.S)
    ]


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_texts_have_the_contrast_of_wcag_aa(theme: dict[str, str]) -> None:
    pairs = [
        (front, back)
        for front in ("ink", "quiet", "accent", "good", "bad", *(f"s{i}" for i in range(6)))
        for back in ("paper", "raised", "hover", "chosen")
    ]
    pairs += [(f"on-{name}", name) for name in ("h0", "h1", "h2", "h3", "below", "missing")]
    for front, back in pairs:
        light, dark = sorted((luminance(theme[front]), luminance(theme[back])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{front} on {back}"


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (steps(0.2, 1), [0.2, 0.4, 0.6, 0.8, 1.0]),
        (steps(0, 0.31), [0, 0.1, 0.2, 0.3, 0.4]),
        (decades(28, 383), [20, 50, 100, 200, 500]),
        (decades(10, 10), [10, 20]),
        (apart([5, 5, 50], gap=10, low=0, high=60), [5, 15, 50]),
        (apart([58, 55], gap=10, low=0, high=60), [60, 50]),
        ([Scale(1, 100, 0, 10, log=True)(v) for v in (1, 10, 100)], [0, 5, 10]),
    ],
)
def test_axes_and_labels(found: list[Any], wanted: list[Any]) -> None:
    assert found == pytest.approx(wanted)
