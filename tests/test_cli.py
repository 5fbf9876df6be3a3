"""The installed command, as a user meets it: help, JSON shapes, exit codes, clean terminals."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.cli.terminal import clean
from rag.errors import ConfigError, GeneratorError

GOLDEN = Path(__file__).parent / "golden"
DOCS = runpy.run_path(str(GOLDEN.parent.parent / "scripts" / "docs.py"))
RAG = Path(sys.executable).parent / "rag"
QUESTION = "Where is the head office of the maker of the router in building 4?"


def rag(*words: str, code: int | None = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(RAG), *words], capture_output=True, text=True, cwd=cwd, check=False)
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def indexed(notes: Path) -> Path:
    rag("ingest", "docs", "--pipeline", "tiny.yaml")
    return notes


@pytest.mark.parametrize(("name", "words"), DOCS["commands"]().items())
def test_help_is_what_the_docs_show(name: str, words: tuple[str, ...]) -> None:
    assert DOCS["shown"](words) == (GOLDEN / name).read_text(), "if the change is meant: python scripts/docs.py"


def test_ingest_ask_and_search_print_the_documented_json(indexed: Path) -> None:
    report = json.loads(rag("ingest", "docs", "--json").stdout)
    assert {"added", "updated", "unchanged", "deleted", "degraded", "failed", "files", "seconds"} <= set(report)
    assert report["unchanged"] == 4
    assert set(report["files"][0]) == {"source", "status", "reason", "chunks", "characters", "pages", "tables"}

    answer = json.loads(rag("ask", QUESTION, "--json").stdout)
    assert set(answer) == {
        "question", "level", "answer", "abstained", "short", "confidence", "missing", "sides", "statements",
        "citations", "hits", "seconds", "unfinished",
    }  # fmt: skip
    assert set(answer["statements"][0]) == {"text", "verdict", "citations"}
    assert set(answer["citations"][0]) == {
        "marker",
        "document",
        "source",
        "address",
        "start",
        "end",
        "quote",
        "hop",
        "url",
        "date",
        "author",
    }
    assert set(answer["hits"][0]) == {
        "id", "document", "title", "source", "address", "start", "end", "score", "score_kind", "hop", "trail",
        "url", "date", "author",
        "context", "text",
    }  # fmt: skip
    for c in answer["citations"]:
        assert (indexed / c["source"]).read_text()[c["start"] : c["end"]] == c["quote"]

    hits = json.loads(rag("search", "router", "-k", "2", "--json").stdout)["hits"]
    assert len(hits) == 2 and set(hits[0]) == set(answer["hits"][0])


def test_people_see_answer_quotes_addresses_and_the_hop_tree(indexed: Path) -> None:
    text = rag("ask", QUESTION, "--trace").stdout
    assert text.startswith("These passages speak to it:\n\n  “") and "Tarnvik" in text.partition("hop tree")[0]
    assert "docs/halvorsen.md" in text and "hop tree" in text and "verify" in text
    assert re.search(r"docs/lumen\.md.*  cosine 0\.\d\d$", rag("search", "Lumen K2").stdout, re.MULTILINE)
    assert "4 sources" in rag("status").stdout


def test_a_pipeline_with_a_server_is_given_by_its_user_for_each_question_or_once(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = "{use: openai, base_url: 'http://127.0.0.1:9/v1', model: m, retries: 0}"
    (notes / "llm.yaml").write_text((notes / "tiny.yaml").read_text().replace("{use: extractive}", server))
    runner = CliRunner()
    assert runner.invoke(app, ["ingest", "docs", "--pipeline", "llm.yaml"]).exit_code == 0
    assert runner.invoke(app, ["ingest", "docs"]).exit_code == runner.invoke(app, ["search", "router"]).exit_code == 0
    refused = runner.invoke(app, ["ask", QUESTION]).exception
    assert isinstance(refused, ConfigError) and f"--pipeline {notes / 'llm.yaml'}" in str(refused)
    assert isinstance(runner.invoke(app, ["ask", QUESTION, "--pipeline", "llm.yaml"]).exception, GeneratorError)
    monkeypatch.setenv("RAGHOP_PIPELINE", "llm.yaml")
    assert isinstance(runner.invoke(app, ["ask", QUESTION]).exception, GeneratorError)


def test_an_abstention_exits_7_and_shows_the_closest_passages(indexed: Path) -> None:
    done = rag("ask", "Quelle est la recette du gateau basque?", code=7)
    assert "not hold enough evidence" in done.stdout
    assert "No passage found speaks of" in done.stdout and "gateau" in done.stdout


def test_bad_files_are_named_and_exit_3(indexed: Path) -> None:
    (indexed / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing here")
    done = rag("ingest", "docs", code=3)
    assert "broken.pdf" in done.stdout and "4 unchanged" in done.stdout
    assert "broken.pdf" in rag("status", "--failed").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("ingest", "nowhere"), 2, "nowhere"),
        (("ingest",), 2, "PATH"),
        (("ask", " "), 2, "the question is empty"),
        (("ingest", "docs", "--index", "docs/router.md"), 1, "docs/router.md"),
        (("ask", "x", "--pipeline", "defalt"), 2, "Did you mean default"),
        (("ask", "x", "--source", "*.doc"), 2, "no indexed file matches"),
        (("ask", "x", "--llm", "http://127.0.0.1:9/v1"), 2, "--model"),
        (("ask", "x", "--pipeline", "default"), 4, "--rebuild"),
        (("frobnicate",), 2, "frobnicate"),
        (("pipelines", "check", "bad.yaml"), 2, "bad.yaml:2: chunk.sise: unknown option. Did you mean size?"),
    ],
)
def test_errors_say_what_to_do_and_use_the_documented_codes(
    indexed: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (indexed / "bad.yaml").write_text("connector: {use: files}\nchunk: {use: structure, sise: 3}\n")
    if "bad.yaml" in words:
        (indexed / "bad.yaml").write_text((indexed / "tiny.yaml").read_text().replace("size: 60", "sise: 60"))
        message = message.replace(":2:", ":3:")
    done = rag(*words, code=code)
    assert message in done.stderr


def test_an_index_is_found_upward_and_missing_ones_are_explained(
    indexed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert "4 sources" in rag("status", cwd=indexed / "docs").stdout
    done = rag("ask", "x", cwd=tmp_path_factory.mktemp("elsewhere"), code=2)
    assert "rag ingest PATH" in done.stderr


def test_escape_sequences_in_documents_never_reach_the_terminal(indexed: Path) -> None:
    nasty = "The valve \x1b]52;c;aGk=\x07 is \x1b[31mred\x1b[0m and \u202ereversed\u202c, \x9b31mC1 too.\n"
    (indexed / "docs" / "valve.txt").write_text(nasty)
    rag("ingest", "docs")
    for words in (("ask", "Which colour is the valve?"), ("search", "valve"), ("status",)):
        out = rag(*words, code=None).stdout
        assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert clean("a\x1b[31mb\u200bc\n") == "a[31mbc\n"


def test_pipelines_are_listed_shown_checked_and_described(notes: Path) -> None:
    assert "default" in rag("pipelines", "list").stdout
    assert "use: structure" in rag("pipelines", "show", "default").stdout
    assert "ok (" in rag("pipelines", "check", "tiny.yaml").stdout
    assert json.loads(rag("pipelines", "schema").stdout)["additionalProperties"] is False
    assert "size: 60" in rag("config", "--pipeline", "tiny.yaml").stdout
    assert "retrieve" in rag("graph", "fast").stdout


def test_a_pipeline_whose_model_is_not_here_is_right_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    said = rag("pipelines", "check", "multilingual").stdout
    assert "ok (" in said and "`hf download intfloat/multilingual-e5-small`" in said


def test_a_faulty_pipeline_is_shown_as_it_is_and_its_mistakes_are_listed(tmp_path: Path) -> None:
    text = "# Mine.\nchunks: {use: structure}\nembed: {use: onnx, late: 2}\n"
    (tmp_path / "mine.yaml").write_text(text)
    assert rag("pipelines", "show", "mine.yaml", cwd=tmp_path).stdout == text
    assert rag("pipelines", "check", "mine.yaml", code=2, cwd=tmp_path).stderr.splitlines() == [
        "rag: mine.yaml: 3 problems:",
        "  mine.yaml: connector, store, retrieve, generate: missing; every pipeline needs connector, chunk, embed, "
        "store, retrieve, generate.",
        "  mine.yaml:2: chunks: unknown key. Did you mean chunk? Known: connector, chunk, embed, sparse, store, "
        "retrieve, hop, rerank, generate, ingest, description, k, depth, unsupported.",
        "  mine.yaml:3: embed.late: should be less than or equal to 1, not 2.",
    ]


def test_the_default_pipeline_asks_without_torch_or_transformers(notes: Path) -> None:
    rag("ingest", "docs", "--pipeline", "default")
    code = (
        "import sys\nfrom rag.cli import run\nsys.argv = ['rag', *sys.argv[1:]]\n"
        "try:\n    run()\nfinally:\n    loaded = {m.split('.')[0] for m in sys.modules}\n"
        "    print('LOADED', sorted({'torch', 'transformers', 'qdrant_client', 'sentence_transformers'} & loaded))"
    )
    for words in (("ask", QUESTION), ("search", "router"), ("ingest", "docs")):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "LOADED []"
        if words[0] == "ask":
            assert "Tarnvik" in done.stdout


def test_documents_in_another_language_are_named_and_get_quotes_alone(tmp_path: Path) -> None:
    (tmp_path / "urlaub.md").write_text("Der Urlaub beträgt jährlich mindestens 24 Werktage für jeden Arbeitnehmer.")
    ingested = rag("ingest", ".", cwd=tmp_path)
    assert "German (1 document): no short answers in this language" in ingested.stderr
    assert "languages of documents: German 1" in rag("status", cwd=tmp_path).stdout
    assert json.loads(rag("status", "--json", cwd=tmp_path).stdout)["languages"] == {"de": 1}
    asked = rag("ask", "Wie viele Werktage beträgt der Urlaub jährlich?", "--json", code=None, cwd=tmp_path)
    assert json.loads(asked.stdout)["level"] != "answer"
    assert "--pipeline multilingual" in asked.stderr
