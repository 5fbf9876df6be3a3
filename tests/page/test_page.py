"""The page in a real Chromium: asking, sources opened where they are quoted, keyboard, widths, colours, no other host.

Skipped where no Chromium is installed, unless RAGHOP_BROWSER=1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect, sync_playwright

from rag.index.folder import Index
from rag.ingest.unfinished import note_begin, note_end
from rag.pipeline import Pipeline
from rag.serve.app import make_app
from rag.serve.settings import settings_of
from rag.serve.tokens import TokenFile
from tests.conftest import NOTES, TINY
from tests.evals.browser import FLAGS, executable
from tests.serving import served

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "documents"
FILES = (
    "contracts/shore-power-agreement.pdf",
    "fleet/grey-heron.md",
    "fleet/fleet-list.csv",
    "harbour/fares-2026.html",
)
HOSTILE = "<img src=x onerror=alert(1)>"
QUESTION = "How many years does the shore power agreement run?"
MAKER = "Where is the head office of the maker of the router in building 4?"
VIEWS = ("ask", "documents", "compare", "why")
WIDTHS = (360, 420, 768, 1024, 1280, 1800)
expect.set_options(timeout=60_000)
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a few real files, a hostile one and one that cannot be read."""
    base = tmp_path_factory.mktemp("page")
    (base / "docs").mkdir()
    for name in FILES:
        copy(EXAMPLES / name, base / "docs")
    for name, text in NOTES.items():
        (base / "docs" / name).write_text(text)
    (base / "docs" / "<i>hostile.md").write_text(f"# {HOSTILE}\n\nThe hostile gull ate {HOSTILE} in Oddvik harbour.\n")
    (base / "docs" / "broken.pdf").write_bytes(b"no pdf at all")
    (base / "tiny.yaml").write_text(TINY)
    (base / "flat.yaml").write_text(TINY.replace("hop: {use: links}\n", ""))
    with Pipeline.load(str(base / "tiny.yaml"), index=base) as pipeline:
        pipeline.ingest([base / "docs"])
    return base


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    settings = {"indexes": {"notes": str(folder)}, "pipelines": [str(folder / "flat.yaml")]}
    with served(make_app(settings_of(settings))) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    missing = pytest.fail if os.environ.get("RAGHOP_BROWSER") == "1" else pytest.skip
    if (path := executable()) is None:
        missing("no Chromium is on the PATH")
    with sync_playwright() as play:
        flags = [flag for flag in FLAGS if not flag.startswith(("--headless", "--remote", "--proxy"))]
        try:
            opened = play.chromium.launch(executable_path=path, args=flags)
        except Error as error:
            missing(f"{path} does not start: {error}")
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser, url: str) -> Iterator[BrowserContext]:
    """A fresh profile. Whatever it asks of another host, or complains of, fails the test."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    wrong: list[str] = []
    context.on("request", lambda one: None if one.url.startswith((url, "blob:")) else wrong.append(one.url))
    context.on("console", lambda one: wrong.append(one.text) if one.type in ("error", "warning") else None)
    context.on("weberror", lambda one: wrong.append(str(one.error)))
    context.on("dialog", lambda one: wrong.append(one.message))
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_label("Your question")).to_be_focused()
    return page


def ask(page: Page, question: str) -> Locator:
    """The answer to a question."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    return page.locator(".turn").last.locator("rag-answer")


def test_an_ingest_that_did_not_finish_is_told_on_the_page(folder: Path, page: Page) -> None:
    with Index.at(folder).edit_manifest() as manifest, manifest.transaction():
        note_begin(manifest, ["docs"])
    try:
        page.reload()
        expect(page.locator(".welcome .facts")).to_contain_text("Run `rag ingest docs` to finish it.")
        page.get_by_role("link", name="Documents").click()
        expect(page.locator("rag-documents > .facts")).to_contain_text("The last ingest did not finish")
    finally:
        with Index.at(folder).edit_manifest() as manifest, manifest.transaction():
            note_end(manifest, [str(folder)], str(folder))


def letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def test_a_question_streams_its_steps_and_statements_and_ends_in_an_answer(page: Page) -> None:
    page.evaluate(
        "window.seen = new Set(); new MutationObserver(() => document.querySelectorAll('.live li, .reply > .prose')"
        ".forEach((one) => seen.add(one.textContent))).observe(document.body, {childList: true, subtree: true})"
    )
    answer = ask(page, QUESTION)
    expect(answer.locator(".level")).to_have_text("Evidence")
    quote = answer.locator(".quote").first
    expect(quote).to_contain_text("runs for ten years")
    expect(quote.locator(".where")).to_contain_text("shore-power-agreement.pdf · page 5")
    seen = page.evaluate("[...seen].join('|')")
    assert "Search" in seen and "Rank kept" in seen and "runs for ten years" in seen


def test_a_citation_opens_the_page_of_the_pdf_with_boxes_over_the_quoted_words(page: Page, folder: Path) -> None:
    quote = ask(page, QUESTION).locator(".quote").first
    words = quote.locator("q").inner_text()
    quote.click()
    picture = page.get_by_alt_text("Page 5 of 7")
    expect(picture).to_be_visible()
    place = "(one) => {const box = one.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]}"
    left, top, right, bottom = picture.evaluate(place)
    pdf = pypdfium2.PdfDocument(folder / "docs" / "shore-power-agreement.pdf")[4]
    width, height = pdf.get_size()
    text = pdf.get_textpage()
    covered = ""
    for box in page.locator(".box").all():
        a, b, c, d = box.evaluate(place)
        assert left < a < c < right and top < b < d < bottom
        x, y = width / (right - left), height / (bottom - top)
        middle = height - ((b + d) / 2 - top) * y
        covered += text.get_text_bounded((a - left) * x, middle - 2, (c - left) * x, middle + 2)
    assert letters(covered) == letters(words)
    assert page.locator(".box").first.evaluate("(one) => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_alt_text("Page 6 of 7")).to_be_visible()
    expect(page.locator(".box")).to_have_count(0)


def test_markdown_rows_and_pages_of_the_web_are_shown_as_text_with_the_quote_marked(page: Page) -> None:
    for question, part, tag in (
        ("Which yard built the Grey Heron?", "She was built by Sellmark Yard", "p"),
        ("How many passengers does the MV Northern Eider take?", "MV Northern Eider", "td"),
    ):
        ask(page, question).locator(".quote", has_text=part).first.click()
        mark = page.locator(f"rag-source {tag} mark", has_text=part).first
        expect(mark).to_be_in_viewport()
        page.keyboard.press("Escape")


def test_the_hop_tree_is_drawn_from_what_was_found_to_what_it_led_to(page: Page) -> None:
    answer = ask(page, MAKER)
    answer.get_by_text("How it was found").click()
    tree = answer.locator("rag-tree")
    expect(tree.locator(".node.root")).to_contain_text("head office")
    nodes = tree.locator("li li")
    expect(tree.locator("path")).to_have_count(nodes.count())
    assert tree.locator(".node.cited").count() >= 1
    ends = tree.evaluate(
        "(tree) => {const plane = tree.querySelector('.plane').getBoundingClientRect();"
        "return [...tree.querySelectorAll('li li')].map((li, i) => {"
        "const box = li.querySelector('.node').getBoundingClientRect(), path = tree.querySelectorAll('path')[i],"
        "end = path.getPointAtLength(path.getTotalLength());"
        "return [end.x - (box.left - plane.left), end.y > box.top - plane.top, end.y < box.bottom - plane.top]})}"
    )
    assert ends and all(abs(x) < 2 and below and above for x, below, above in ends)
    tree.locator("button.node").first.click()
    expect(page.locator("rag-source mark").first).to_be_visible()


def test_level_confidence_disagreement_and_what_was_left_out_are_shown(page: Page) -> None:
    names = ("marker", "document", "source", "address", "start", "end", "quote", "hop")
    rows = [
        (1, "1", "a/old.md", "a/old.md, Term", 0, 9, "ten years", 0),
        (2, "2", "b.md", "b.md", 0, 12, "twelve years", 1),
    ]
    answer: dict[str, Any] = {
        "question": "How long?", "level": "answer", "answer": "It runs for ten years. [1] It was twelve. [2]",
        "short": "It runs for ten years. It was twelve.", "confidence": 0.91, "sides": [], "missing": [], "hits": [],
        "statements": [
            {"text": "It runs for ten years.", "verdict": "supported", "citations": [1]},
            {"text": "It was twelve.", "verdict": "partly supported", "citations": [2]},
            {"text": "It is blue.", "verdict": "unsupported", "citations": []},
        ],
        "citations": [dict(zip(names, row, strict=True)) for row in rows], "trace": [], "seconds": 1.5,
    }  # fmt: skip
    show = (
        "(data) => document.querySelector('.turns').appendChild(document.createElement('rag-answer')).show(data) && 1"
    )
    page.evaluate(show, answer)
    shown = page.locator("rag-answer")
    expect(shown.locator(".level")).to_have_text("Answer")
    expect(shown.locator(".sure")).to_contain_text("very sure, 0.91")
    prose = shown.locator(".prose")
    expect(prose).to_contain_text("It runs for ten years.1 It was twelve.2 partly supported")
    expect(prose.get_by_role("button", name="Source 1: a/old.md, Term")).to_be_visible()
    expect(shown.locator(".withheld summary")).to_have_text("1 statement left out for lack of support")
    expect(shown.locator(".quote").nth(1)).to_contain_text("found by a hop")
    sides = [
        {"answer": "ten years", "marker": 1, "date": "2024-05-03"},
        {"answer": "twelve years", "marker": 2, "date": ""},
    ]
    quoted = {"text": "“ten years”", "verdict": "supported", "citations": [1]}
    page.evaluate(show, {**answer, "level": "evidence", "short": "", "sides": sides, "statements": [quoted]})
    region = page.get_by_role("region", name="Sources that disagree")
    expect(region).to_contain_text("twelve years")
    expect(region.locator("time")).to_have_text("2024-05-03")


def test_a_conversation_goes_on_and_begins_anew(page: Page) -> None:
    ask(page, "Who makes the Lumen K2?").wait_for()
    expect(ask(page, "Where is its head office?").locator(".verdict")).to_be_visible()
    expect(page.locator(".asked", has_text="Understood as")).to_contain_text("Lumen K2")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()


def test_documents_show_their_states_and_an_upload_is_indexed(page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="Documents").click()
    broken = page.get_by_role("row", name="broken.pdf")
    expect(broken.locator(".state")).to_have_text("failed")
    assert broken.locator(".reason").inner_text()
    expect(page.get_by_role("row", name="MV Grey Heron").locator(".state")).to_have_text("read")
    new = tmp_path / "zephyr.md"
    new.write_text("# Zephyr pump\n\nThe Zephyr pump stands in the cellar of the lighthouse.\n")
    page.locator("#files").set_input_files(new)
    expect(page.locator(".job")).to_contain_text("1 added")
    expect(page.get_by_role("row", name="Zephyr pump")).to_be_visible()
    page.get_by_label("Filter by name").fill("zephyr")
    expect(page.locator("tbody tr:visible")).to_have_count(1)
    page.get_by_role("link", name="Ask").click()
    expect(ask(page, "Where does the Zephyr pump stand?").locator(".quote").first).to_contain_text("cellar")


def test_two_pipelines_answer_side_by_side(page: Page) -> None:
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_label("Second pipeline")).to_have_value("flat")
    page.locator("rag-compare").get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".column rag-answer")).to_have_count(2)
    first, second = (column.bounding_box() for column in page.locator(".column").all())
    assert first and second and first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]


def test_what_was_not_found_is_explained(page: Page) -> None:
    ask(page, MAKER).get_by_role("button", name="Something missing?").click()
    expect(page.get_by_label("The question")).to_have_value(MAKER)
    page.get_by_label("The document").fill("docs/canteen.txt")
    page.keyboard.press("Enter")
    expect(page.locator(".summary")).to_contain_text("lost at")
    expect(page.locator(".stages h2").first).to_have_text("Search")
    page.locator(".stages summary").first.click()
    expect(page.locator(".stages details[open] .quote").first).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    quote = page.locator("rag-answer .quote").first
    expect(quote).to_be_visible()
    for _ in range(12):
        if quote.evaluate("(one) => one === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    expect(quote).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("rag-source h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("rag-source")).to_be_hidden()
    expect(quote).to_be_focused()
    page.goto("/")
    expect(page.get_by_label("Your question")).to_be_focused()  # the page stands
    page.locator("body").press("Tab")
    seen = set()
    for _ in range(20):
        seen.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.ariaLabel"))
        page.keyboard.press("Tab")
    assert {"Documents", "Compare", "Why not?", "Your question"} <= seen


def test_it_fits_from_a_phone_to_a_wide_screen(page: Page) -> None:
    answer = ask(page, MAKER)
    answer.get_by_text("How it was found").click()
    answer.locator("rag-tree .plane").wait_for()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVERFLOW) <= 0, width
        answer.locator(".quote").first.click()
        page.locator("rag-source mark").first.wait_for()
        assert page.evaluate(OVERFLOW) <= 0, width
        source, column = page.locator("rag-source").bounding_box(), page.locator("main").bounding_box()
        assert (
            source
            and column
            and (source["x"] >= column["x"] + column["width"] - 1 if width >= 1100 else source["x"] == 0)
        )
        page.keyboard.press("Escape")
    for view in VIEWS[1:]:
        page.locator(f"a[href='#{view}']").last.click()
        page.locator(f"rag-{view} h1").wait_for()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(OVERFLOW) <= 0, (view, width)


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_wrong(page: Page, dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if dark else "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(19, 22, 24)" if dark else "rgb(248, 247, 244)"
    )

    def check(what: str) -> None:
        found: Any = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == [], what

    check("welcome")
    answer = ask(page, MAKER)
    answer.get_by_text("How it was found").click()
    answer.locator("rag-tree .plane").wait_for()
    check("tree")
    answer.locator(".quote").first.click()
    page.locator("rag-source mark").first.wait_for()
    check("source")
    page.get_by_role("link", name="Why not?").click()
    page.get_by_label("The question").fill(MAKER)
    page.get_by_label("The document").fill("docs/canteen.txt")
    page.keyboard.press("Enter")
    page.locator(".stages").wait_for()
    check("why")
    page.get_by_role("link", name="Documents").click()
    page.get_by_role("row", name="broken.pdf").wait_for()
    check("documents")
    page.get_by_role("link", name="Compare").click()
    check("compare")


def test_markup_of_documents_stays_text_everywhere(page: Page) -> None:
    answer = ask(page, f"What did the hostile gull eat? {HOSTILE}")
    quote = answer.locator(".quote", has_text="Oddvik").first
    expect(quote).to_contain_text(HOSTILE)
    quote.click()
    expect(page.locator("rag-source h1", has_text=HOSTILE)).to_be_visible()
    page.get_by_role("link", name="Documents").click()
    expect(page.get_by_role("row", name="<i>hostile.md")).to_be_visible()
    assert page.locator("main img, rag-source article img, main i").count() == 0


def test_the_address_of_a_citation_opens_the_page_with_its_source(page: Page, url: str) -> None:
    answer = page.request.post("/v1/ask", data={"question": QUESTION}).json()
    citation = answer["citations"][0]
    assert citation["url"].startswith(f"{url}/v1/documents/")
    page.goto(citation["url"])
    expect(page.get_by_alt_text("Page 5 of 7")).to_be_visible()
    expect(page.locator("rag-source h2")).to_contain_text("Shore power agreement")
    assert page.locator(".box").count() >= 1


def test_a_citation_opened_by_a_stranger_asks_for_a_token_first(browser: Browser, folder: Path, tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "tokens")
    token = tokens.make("ada", "reader", None)
    with served(make_app(settings_of({"indexes": {"notes": str(folder)}, "tokens": str(tokens.path)}))) as url:
        page = browser.new_page(base_url=url)
        known = {"Authorization": f"Bearer {token}"}
        reply = page.request.post("/v1/ask", data={"question": QUESTION}, headers=known).json()
        page.goto(reply["citations"][0]["url"])
        dialog = page.get_by_role("dialog", name="Token")
        expect(dialog.get_by_label("Token", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.type("rag_wrong")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("That token is not known here.")
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        expect(page.get_by_alt_text("Page 5 of 7")).to_be_visible()
        assert not dialog.is_visible() and page.locator(".box").count() >= 1
        assert token not in page.url
        page.close()


def test_the_look_is_chosen_and_kept(page: Page) -> None:
    page.get_by_role("button", name="Dark colours").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 22, 24)"
    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(248, 247, 244)"


def test_nothing_it_could_be_made_to_ask_for_leaves_the_page(browser: Browser, url: str) -> None:
    page = browser.new_page(base_url=url)
    page.goto("/")
    refused = "fetch('http://127.0.0.1:9/').then(() => 'allowed', () => 'refused')"
    told: list[str] = []
    page.on("console", lambda one: told.append(one.text))
    assert page.evaluate(refused) == "refused"
    assert any("Content Security Policy" in text for text in told)
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")
    page.close()
