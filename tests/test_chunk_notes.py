"""Notes before chunks: asked for with the document, kept for the next run, never quoted, estimated before they cost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.chunk import notes
from rag.chunk.sentences import SentenceChunker
from rag.cli import app
from rag.embed.hashing import HashingEmbedder
from rag.errors import ConfigError, GeneratorError
from rag.generate.extractive import ExtractiveGenerator
from rag.generate.openai import OpenAIGenerator
from rag.pipeline import Pipeline
from rag.stages import Estimator, LanguageModel
from rag.types import Document
from tests.scripted import Handler, Server, delta

PIPELINE = """
connector: {{use: files}}
chunk: {{use: sentences, size: 8, context: llm}}
embed: {{use: hashing}}
sparse: {{use: bm25}}
store: {{use: edge}}
retrieve: {{use: search, by: sparse}}
generate: {{use: openai, base_url: "{url}", model: tiny, retries: 0}}
"""


def said(handler: Handler) -> None:
    """A note that names the document and begins with the chunk's first word."""
    shown = handler.body["messages"][1]["content"]
    title = json.loads(shown.partition("title=")[2].partition(">")[0])
    first = shown.partition("<chunk>\n")[2].split()[0]
    handler.begin()
    handler.say(delta(f"{first}: about the lighthouse\n of {title}."), delta(reason="stop"), "[DONE]")


def broken(handler: Handler) -> None:
    handler.begin(400, "application/json")


@contextmanager
def serving(*scripts: Callable[[Handler], None]) -> Iterator[Server]:
    with Server() as server:
        server.scripts = list(scripts)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_stopped_run_goes_on_and_an_unchanged_document_costs_nothing(tmp_path: Path) -> None:
    text = "It was built in 1810. Its lamp turned by clockwork. Nobody lives there now."
    document = Document("d", "d.txt", text, "Tarn Point")
    with serving(said, broken) as server:
        model = OpenAIGenerator(base_url=server.url, model="tiny", retries=0)
        chunker = SentenceChunker(embedder=HashingEmbedder(), generator=model, size=8, context="llm")
        with pytest.raises(GeneratorError):
            chunker.chunk([document])
        assert len(server.seen) == 2
        server.scripts = [said]
        [item] = chunker.chunk([document])
        assert len(server.seen) == 4  # two notes more: the first is kept
        assert chunker.chunk([document]) == [item]
        assert len(server.seen) == 4
    assert [chunk.context for chunk in item.chunks] == [
        f"Tarn Point > {first}: about the lighthouse of Tarn Point." for first in ("It", "Its", "Nobody")
    ]
    assert [chunk.text for chunk in item.chunks] == text.replace(". ", ".\n").split("\n")


class Echo:
    """Says what it was asked."""

    model = "echo"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.asked.append(messages[-1]["content"])
        yield from ["said "] * 1000


def test_of_a_long_document_the_beginning_and_the_surroundings_are_shown() -> None:
    text = "BEGINNING " + "a " * 20_000 + "BEFORE target AFTER " + "b " * 20_000 + "END"
    start = text.index("target")
    model = Echo()
    [note] = notes.write_notes(model, Document("d", "d.txt", text), [(start, start + 6)])
    assert all(part in model.asked[0] for part in ("BEGINNING", "BEFORE target AFTER", "<chunk>\ntarget\n"))
    assert "END" not in model.asked[0]
    assert len(model.asked[0]) < notes.SEEN + 1000
    assert len(note) == notes.LONGEST


def test_only_a_language_model_writes_notes() -> None:
    assert isinstance(OpenAIGenerator(base_url="http://localhost/v1", model="m"), LanguageModel)
    with pytest.raises(ConfigError, match="context: headings"):
        SentenceChunker(
            embedder=HashingEmbedder(), generator=ExtractiveGenerator(embedder=HashingEmbedder()), context="llm"
        ).chunk([Document("d", "s", "A text.")])


def test_ingest_says_what_notes_will_cost_finds_by_them_and_never_quotes_them(notes: Path) -> None:
    with serving(said) as server:
        (notes / "llm.yaml").write_text(PIPELINE.format(url=server.url))
        done = CliRunner().invoke(app, ["ingest", "docs/canteen.txt", "--pipeline", "llm.yaml"])
        assert done.exit_code == 0, done.output
        assert "2 notes to write: about " in done.stderr
        assert len(server.seen) == 2
        with Pipeline.load("llm.yaml", index=notes) as pipeline:
            [first, *_] = pipeline.search("lighthouse soup")
        assert "lighthouse" in first.chunk.context and "lighthouse" not in first.chunk.text
        again = CliRunner().invoke(app, ["ingest", "docs/canteen.txt", "--pipeline", "llm.yaml"])
        assert again.exit_code == 0 and "notes" not in again.stderr


def test_an_estimate_reads_no_document_where_no_language_model_is_asked() -> None:
    def unread() -> Iterator[Document]:
        yield from ()
        raise AssertionError("a document was read")

    chunker = SentenceChunker(embedder=HashingEmbedder())
    assert isinstance(chunker, Estimator) and chunker.estimate(unread()) is None
