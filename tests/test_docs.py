"""The documents are executed: what the README shows runs, and what is generated is up to date."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_library_example_runs_and_is_the_one_in_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ROOT / "examples" / "ask_your_docs.py"
    assert block("python") == script.read_text()
    (tmp_path / "k2.md").write_text("# Lumen K2\n\nThe Lumen K2 is a router made by Halvorsen Optik.\n")
    monkeypatch.setattr(sys, "argv", ["ask_your_docs.py", str(tmp_path), "Who makes the Lumen K2?"])
    runpy.run_path(str(script), run_name="__main__")
    assert "Halvorsen Optik" in capsys.readouterr().out


def test_the_readme_shows_the_default_pipeline_and_its_graph() -> None:
    from rag.pipeline import Pipeline

    assert block("yaml") == (ROOT / "pipelines" / "default.yaml").read_text()
    assert block("mermaid").strip() == Pipeline.load("default", index=ROOT / "nowhere").mermaid().strip()


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
    generated = runpy.run_path(str(ROOT / "scripts" / "docs.py"))["reference"]()
    assert (ROOT / "docs" / "reference" / "pipelines.md").read_text() == generated, "run python scripts/docs.py"


def test_the_public_names_are_these_and_all_resolve() -> None:
    import rag

    assert sorted(rag.__all__) == rag.__all__
    for name in rag.__all__:
        assert getattr(rag, name).__doc__
    with pytest.raises(AttributeError):
        _ = rag.nothing


def test_links_in_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


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
        hits = {hit.chunk.source: hit for hit in pipeline.search("The router in building 4")}
    names.cache_clear()
    assert hits["docs/lumen.md"].hop == 1 and hits["docs/lumen.md"].trail == (hits["docs/router.md"].chunk.id,)
