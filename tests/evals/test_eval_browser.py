"""The report in a real browser, without a network. Skipped where no Chromium is installed, unless RAGHOP_BROWSER=1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag_evals import page
from tests.evals.browser import Browser, chromium, executable
from tests.evals.pages import HOSTILE, results

FOCUSED = "document.activeElement"
OUTLINE = f"getComputedStyle({FOCUSED}).outlineStyle + ' ' + getComputedStyle({FOCUSED}).outlineWidth"
CHOSEN = "document.querySelector('#list [aria-selected=true] span:nth-child(2)').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    missing = pytest.fail if os.environ.get("RAGHOP_BROWSER") == "1" else pytest.skip
    if (path := executable()) is None:
        missing("no Chromium is on the PATH")
    with ExitStack() as stack:
        try:
            found = stack.enter_context(chromium(path, tmp_path_factory.mktemp("profile")))
        except (RuntimeError, TimeoutError, OSError) as error:
            missing(f"{path} does not start: {error}")
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    page.write(path, results("default", "fast", "a-pipeline-with-a-long-name", hostile=HOSTILE))
    return path


@pytest.mark.parametrize("width", [400, 800, 1000, 1300, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_without_complaint_and_fits(browser: Browser, report: Path, width: int, dark: bool) -> None:
    browser.open(report, width=width, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.complaints == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= browser.evaluate("innerWidth") == width
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 22, 26)") is dark
    assert browser.evaluate("document.querySelectorAll('figure svg').length") == 4
    assert browser.evaluate("document.images.length") == 0  # hostile texts made none


def test_nothing_it_could_be_made_to_ask_for_leaves_the_page(browser: Browser, report: Path) -> None:
    browser.open(report, width=1600)
    tried = browser.evaluate("fetch('http://127.0.0.1:9/').then(() => 'allowed', () => 'refused')")
    assert tried == "refused"
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)


def test_the_keyboard_moves_through_the_questions(browser: Browser, report: Path) -> None:
    browser.open(report, width=1600)
    browser.press("Tab")
    assert browser.evaluate(f"{FOCUSED}.className") == "skip"
    browser.press("Enter", "Tab")
    assert browser.evaluate(f"{FOCUSED}.id") == "metric"
    for _ in range(6):
        if browser.evaluate(f"{FOCUSED}.role") == "option":
            break
        assert "none" not in browser.evaluate(OUTLINE)
        browser.press("Tab")
    assert browser.evaluate(f"{FOCUSED}.role") == "option"
    first = browser.evaluate(CHOSEN)
    browser.press("ArrowDown")
    second = browser.evaluate(CHOSEN)
    assert browser.evaluate("document.querySelectorAll('#list [aria-selected=true]').length") == 1
    assert browser.evaluate(f"{FOCUSED}.getAttribute('aria-selected')") == "true"
    assert browser.evaluate(OUTLINE) == "solid 3px"
    browser.press("Enter")
    assert browser.evaluate(f"{FOCUSED}.id") == "detail"
    assert browser.evaluate("document.querySelector('#detail h3').textContent") == second
    browser.press("Escape", "ArrowUp")
    assert browser.evaluate(CHOSEN) == first
    browser.press("End")
    last = browser.evaluate(f"{FOCUSED}.getAttribute('aria-posinset')")
    assert last == browser.evaluate(f"{FOCUSED}.getAttribute('aria-setsize')")


def test_a_question_shows_its_gold_its_tree_and_its_answer(browser: Browser, report: Path) -> None:
    browser.open(report, width=1600)
    browser.evaluate("document.getElementById('search').value = 'question 5?'")
    browser.evaluate("document.getElementById('search').dispatchEvent(new Event('input'))")
    assert browser.evaluate("document.querySelectorAll('#list [role=option]').length") == 3  # one of each pipeline
    shown = browser.evaluate("document.getElementById('detail').innerText")
    for part in ("Question 5?", "Norvik", "Elsewhere.", "found at hop 1, but only rank 6", "Title of b5", "fast 0.50"):
        assert part in shown
    inner = "#detail .tree ul ul li"  # the passage that another one led to
    assert "Title of b5" in browser.evaluate(f"document.querySelector('{inner}').innerText")


def test_filters_narrow_the_list(browser: Browser, report: Path) -> None:
    browser.open(report, width=1600)

    def count(control: str, value: str) -> int:
        browser.evaluate(f"document.getElementById('{control}').value = '{value}'")
        browser.evaluate(f"document.getElementById('{control}').dispatchEvent(new Event('change'))")
        found = browser.evaluate("document.querySelectorAll('#list [role=option]').length")
        assert isinstance(found, int)
        return found

    assert count("pipeline", "fast") == 6  # of 12, three kinds of four have gold, and two of them lose some
    assert count("type", "bridge") == 3
    assert count("metric", "false_answer_rate") == 0  # unanswerable ones are all of the other type


def test_a_long_list_is_drawn_in_batches(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    page.write(path, results("default", n=300))
    browser.open(path, width=1600)
    drawn = "document.querySelectorAll('#list [role=option]').length"
    assert browser.evaluate(drawn) == 100
    browser.evaluate("document.querySelector('#list [tabindex=\"0\"]').focus()")
    browser.press("End")
    assert browser.evaluate(drawn) == 150
    assert browser.complaints == []
