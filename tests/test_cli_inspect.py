"""`rag status FILE` and `rag inspect`: what was read of a file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.cli.terminal import progress_bars
from rag.index.manifest import SourceRow
from rag.maintain.inspect import SourceView
from rag.maintain.inspect_page import inspect_page
from rag.text.tables import count_tables
from rag.types import Chunk, Document, Section
from tests.connectors import samples


@pytest.fixture
def indexed(notes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(notes)
    pages = [["Router manual", "The R7 has four outlets."], ["Safety", "Keep it dry."]]
    (notes / "docs" / "manual.pdf").write_bytes(samples.pdf(pages, title="Router manual R7"))
    (notes / "docs" / "sites.csv").write_text("Site,Cars\nNorth,12\nSouth,7\n")
    (notes / "docs" / "lost.pdf").write_bytes(samples.pdf([["one"], []], picture=True))
    origin = "author: Ana Berg\ndate: 2025-03-04\nurl: https://x.example/<b>"
    (notes / "docs" / "plan.md").write_text(f"---\n{origin}\n---\n# Plan\n\nThe quay is paved.\n")
    run("ingest", "docs", "--pipeline", "tiny.yaml")
    return notes


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return str(done.stdout)


def test_an_ingest_says_how_much_it_read(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notes)
    (notes / "docs" / "sites.csv").write_text("Site,Cars\nNorth,12\nSouth,7\n")
    report = json.loads(run("ingest", "docs", "--pipeline", "tiny.yaml", "--json"))
    [sites] = [file for file in report["files"] if file["source"] == "docs/sites.csv"]
    assert (sites["characters"], sites["pages"], sites["tables"]) == (54, 0, 1)
    assert report["characters"] == sum(file["characters"] for file in report["files"]) > 54
    assert "read " not in run("ingest", "docs")


def test_status_of_a_file_says_what_was_read(indexed: Path) -> None:
    said = run("status", "docs/manual.pdf")
    assert "docs/manual.pdf: ok" in said and "title: Router manual R7" in said and "sections: 2 page" in said
    assert "page 2" in said
    lost = run("status", "docs/lost.pdf")
    assert "docs/lost.pdf: degraded: " in lost
    data = json.loads(run("status", "docs/sites.csv", "--json"))
    assert (data["tables"], data["sections"], data["status"]) == (1, {"row": 3}, "ok")


def test_where_when_and_by_whom_is_said(indexed: Path) -> None:
    said = run("status", "docs/plan.md")
    assert "title: Plan\nauthor: Ana Berg\ndate: 2025-03-04\nurl: https://x.example/<b>\n" in said
    [document] = json.loads(run("inspect", "docs/plan.md", "--json"))["documents"]
    assert (document["author"], document["date"], document["url"]) == (
        "Ana Berg",
        "2025-03-04",
        "https://x.example/<b>",
    )
    run("inspect", "docs/plan.md", "--html", "page.html")
    assert "author: Ana Berg" in (page := (indexed / "page.html").read_text()) and "https://x.example/&lt;b&gt;" in page


def test_a_file_that_is_not_indexed_is_named_with_those_like_it(indexed: Path) -> None:
    done = CliRunner().invoke(app, ["status", "docs/manuel.pdf"])
    assert done.exit_code != 0 and "Is it docs/manual.pdf" in str(done.exception)
    done = CliRunner().invoke(app, ["status", "manual.pdf"])
    assert done.exit_code == 0 and "docs/manual.pdf: " in done.output


def test_inspect_prints_the_text_and_writes_a_page(indexed: Path) -> None:
    assert "The R7 has four outlets." in run("inspect", "docs/manual.pdf")
    assert "page.html" in run("inspect", "docs/sites.csv", "--html", "page.html")
    page = (indexed / "page.html").read_text()
    assert "North,12" in page and "Site: North; Cars: 12" in page  # the file, and what was read of it
    (indexed / "docs" / "sites.csv").write_text("Site,Cars\nNorth,13\n")
    run("inspect", "docs/sites.csv", "--html", "page.html")
    page = (indexed / "page.html").read_text()
    assert "North,1" not in page and "has changed since it was indexed" in page


def test_what_a_document_says_is_never_markup() -> None:
    text = "<script>alert(1)</script>\nsecond page"
    sections = (Section(0, 25, "page", "page 1"), Section(26, len(text), "page", "<b>page 2"))
    document = Document("d", "<img src=x>", text, "t", sections)
    chunk = Chunk("c", "d", text[:25], 0, 25, "<img src=x>")
    view = SourceView(SourceRow("<img src=x>", (), "", "", "ok", "", 1, 1), (document,), ((chunk,),))
    page = inspect_page(view, pictures={"page 1": b"PNG"})
    assert "<script>alert" not in page and "<img src=x>" not in page and "<b>page 2" not in page
    assert "<mark>&lt;script&gt;alert(1)&lt;/script&gt;</mark>" in page and "second page" in page
    assert page.count("<img ") == 1


def test_tables_are_counted() -> None:
    assert count_tables("a | b\n1 | 2\n3 | 4\n\nprose | once\n\nName: x; Age: 3\nName: y; Age: 4\n") == 2
    assert count_tables("Prose: it is; so it goes\nno table") == 0


def test_one_bar_alone_shows_the_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from rich import progress

    made: list[Any] = []
    real = progress.Progress

    def remember(*columns: Any, **options: Any) -> Any:
        made.append(columns)
        return real(*columns, **options)

    monkeypatch.setattr(progress, "Progress", remember)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_bars() as update:
        update("load", 1, 2)
        update("embed", 1, 2)
        [columns] = made
        clock = columns[3]
        shown = [clock.render(SimpleNamespace(id=task)).plain for task in (0, 1)]
    assert shown[0] == "" and ":" in shown[1]
