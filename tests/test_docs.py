"""The documents are executed: what they show runs, what is generated is up to date, and the site is built."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.blocks import RUN, Block, blocks, environment, pages

ROOT = Path(__file__).parent.parent
PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
EXECUTED = [name for name, page in PAGES.items() if any(block.language in RUN for block in blocks(page))]


def only(page: Path, language: str) -> str:
    """The text of the first block in this language."""
    return next(block.text for block in blocks(page) if block.language == language)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of examples/ with an index."""
    folder = tmp_path_factory.mktemp("indexed")
    shutil.copytree(ROOT / "examples" / "documents", folder / "documents")
    subprocess.run(["rag", "ingest", "documents"], cwd=folder, env=environment(folder), check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", EXECUTED)
def test_every_block_of_a_page_runs(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page, folder = PAGES[name], tmp_path / "home"
    if "<!-- indexed -->" in page.read_text():
        shutil.copytree(request.getfixturevalue("indexed"), folder)
    else:
        shutil.copytree(ROOT / "examples" / "documents", folder / "documents")
    for block in blocks(page):
        block.run(folder)


def test_a_block_that_shows_what_is_not_printed_fails(tmp_path: Path) -> None:
    Block("here:1", "console", "", "$ echo 12 MB of memory\n7 MB of memory\n$ echo one; echo two\n...\ntwo\n").run(
        tmp_path
    )
    with pytest.raises(AssertionError, match="here:2"):
        Block("here:2", "console", "", "$ echo one\ntwo\n").run(tmp_path)
    with pytest.raises(AssertionError, match="exit code 3"):
        Block("here:3", "shell", "", "exit 3\n").run(tmp_path)
    Block("here:4", "shell", "exit code 3", "exit 3\n").run(tmp_path)


def test_a_block_that_is_not_run_may_name_only_options_there_are(tmp_path: Path) -> None:
    needs = "needs a server"
    Block("here", "shell", needs, 'rag ask "Who?" --llm URL\nrag eval gate a.json --update  # once\n').run(tmp_path)
    for wrong in ("rag ask --lllm URL", "rag answer Who", "rag eval gates a.json"):
        with pytest.raises(Exception, match=r"lllm|answer|gates"):
            Block("here", "shell", needs, wrong).run(tmp_path)


@pytest.mark.slow
def test_the_demo_shows_a_hop(indexed: Path) -> None:
    shown = re.search(r'show (rag ask ".*" --trace)', (ROOT / "scripts" / "demo").read_text())
    assert shown is not None and f"$ {shown[1]}" in (ROOT / "README.md").read_text()
    done = subprocess.run(
        ["bash", "-c", shown[1]], cwd=indexed, env=environment(indexed), capture_output=True, text=True, check=True
    )
    answer, _, tree = done.stdout.partition("hop tree")
    assert "twice weekly in offices" in answer and re.search(r"\(hop [1-9]\)$", answer, re.MULTILINE)
    assert len(re.findall(r"^  “", answer, re.MULTILINE)) in (2, 3) and "\n     hop 1  " in tree


@pytest.mark.slow
def test_the_plug_in_project_installs_and_its_chunker_ingests(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*pip, str(tmp_path / "site"), str(ROOT / "examples" / "plugin")], check=True, capture_output=True)
    installed = {**environment(tmp_path), "PYTHONPATH": str(tmp_path / "site")}

    def run(command: str) -> str:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=installed, capture_output=True, text=True)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    assert run(f"{sys.executable} -m pytest -q -c /dev/null {ROOT}/examples/plugin/tests").startswith("0 ..")
    (tmp_path / "talk.txt").write_text("Engineer: The crane is back.\n\nHarbour master: Since when?\n")
    run("rag pipelines show default | sed 's/use: structure, size: 200/use: turns, shortest: 5/' > mine.yaml")
    assert run("rag pipelines check mine.yaml").startswith("0 ")
    assert "\n2 chunks, 2 embedded" in run("rag ingest talk.txt --pipeline mine.yaml")
    run("sed -i.old 's/shortest: 5/shortest: 0/' mine.yaml")
    wrong = run("rag pipelines check mine.yaml")
    assert wrong.startswith("2 ") and "mine.yaml:3: chunk.shortest: " in wrong


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(
        mkdocs, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert built.returncode == 0, built.stderr
    for page in tmp_path.rglob("*.html"):
        assert not re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?//[^"]*', page.read_text()), (
            page
        )
    assert "TurnChunker" in (tmp_path / "search" / "search_index.json").read_text()
    for name in ("Pipeline", "Citation", "Conversation", "Filter"):
        assert f">{name}<" in (tmp_path / "reference" / "python" / "index.html").read_text().replace(" ", ""), name


def test_the_library_example_is_the_one_in_the_readme() -> None:
    assert only(ROOT / "README.md", "python") == (ROOT / "examples" / "ask_your_docs.py").read_text()


def test_the_library_example_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k2.md").write_text("# Lumen K2\n\nThe Lumen K2 is a router made by Halvorsen Optik.\n")
    monkeypatch.setattr(sys, "argv", ["ask_your_docs.py", str(tmp_path), "Who makes the Lumen K2?"])
    runpy.run_path(str(ROOT / "examples" / "ask_your_docs.py"), run_name="__main__")
    assert "Halvorsen Optik" in capsys.readouterr().out


def test_the_documents_show_the_default_pipeline_and_its_graph() -> None:
    from rag.pipeline import Pipeline

    graph = Pipeline.load("default", index=ROOT / "nowhere").mermaid()
    assert only(ROOT / "README.md", "yaml") == (ROOT / "pipelines" / "default.yaml").read_text()
    assert only(ROOT / "docs" / "concepts" / "overview.md", "mermaid").strip() == graph.strip()


def test_the_documents_list_the_extras_there_are() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    table = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
    install = (ROOT / "docs" / "guides" / "install.md").read_text()
    assert set(table.findall(install[: install.index("## Where")])) == extras
    readme = (ROOT / "README.md").read_text()
    assert set(table.findall(readme[: readme.index("## Ask")])) == extras - {"docs", "dev"}


def test_every_public_name_is_in_the_reference() -> None:
    import rag

    listed = {line.rpartition(".")[2] for line in (ROOT / "docs/reference/python.md").read_text().splitlines()}
    assert set(rag.__all__) - listed == {"RagError"}  # with its tree, on the page of errors


def test_pages_are_short() -> None:
    for name, page in PAGES.items():
        if "research" not in name and page.name not in ("pipelines.md", "commands.md"):
            assert len(page.read_text().splitlines()) <= 250, name


def test_the_ranking_is_written_with_the_weights_that_are_shipped() -> None:
    from rag.hop.encoder import SHIPPED, load
    from rag.hop.score import WEIGHTS

    written = re.search(r"s\(c\)       =.*?\n\n", (ROOT / "docs" / "concepts" / "hops.md").read_text(), re.DOTALL)
    assert written is not None
    numbers = re.findall(r"\d\.\d+", written[0])
    assert numbers == [
        f"{weight:.3f}" if "words" in name else f"{weight:.2f}"
        for name, weight in zip(WEIGHTS, load(SHIPPED).rank, strict=True)
    ]


def test_the_reference_is_generated() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "docs.py"))
    for name, write in (("pipelines.md", "reference"), ("commands.md", "command_reference")):
        assert (ROOT / "docs" / "reference" / name).read_text() == script[write](), "run python scripts/docs.py"


def test_the_public_names_are_these_and_all_resolve() -> None:
    import rag

    assert sorted(rag.__all__) == rag.__all__
    for name in rag.__all__:
        assert getattr(rag, name).__doc__
    with pytest.raises(AttributeError):
        _ = rag.nothing


def test_links_in_the_documents_lead_somewhere() -> None:
    for name, page in PAGES.items():
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{name}: {target}"


def test_the_plug_in_example_is_a_chunker() -> None:
    from rag.types import Document

    paragraphs = runpy.run_path(str(ROOT / "examples" / "custom_chunker.py"))["Paragraphs"]
    document = Document("d", "a.txt", "One.\nStill one.\n\n  Two.  \n\n\nThree.")
    (chunked,) = paragraphs().chunk([document])
    assert [chunk.text for chunk in chunked.chunks] == ["One.\nStill one.", "Two.", "Three."]
    assert all(document.text[c.start : c.end] == c.text for c in chunked.chunks)


def test_a_link_hop_reaches_the_chunks_of_the_plug_in_example(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag import Pipeline
    from rag.registry import BUILTIN, names

    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setitem(BUILTIN["chunk"], "paragraphs", "custom_chunker:Paragraphs")
    names.cache_clear()
    text = (notes / "tiny.yaml").read_text().replace("use: structure, size: 60", "use: paragraphs, shortest: 20")
    (notes / "plug-in.yaml").write_text(text.replace("depth: 10", "depth: 1"))
    with Pipeline.load("plug-in.yaml") as pipeline:
        pipeline.ingest(["docs"])
        events = [event.data for event in pipeline.stream("The router in building 4", k=1) if event.kind == "step"]
    names.cache_clear()
    assert [(step["hop"], step["new"]) for step in events if step["step"] == "retrieve"][:2] == [(0, 1), (1, 1)]
