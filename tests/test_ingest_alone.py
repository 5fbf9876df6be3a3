"""One file must never stop the rest: an exception at any step of one document fails that document alone."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rag import Pipeline
from rag.chunk.build import SizedChunker
from rag.embed.hashing import HashingEmbedder
from rag.errors import GeneratorError
from rag.index.manifest import Manifest
from rag.ingest.report import FileReport
from rag.store.edge import EdgeStore
from rag.types import Document, Loaded, Source
from rag_connectors.files import Files

POISON = "quicksilver"
PLACES: dict[str, tuple[Any, str, Callable[..., str]]] = {  # what may raise, and the text that it is about
    "load": (import_module(__name__), "split", lambda source: Path(source.path).read_text()),
    "chunk": (SizedChunker, "chunk", lambda self, batch: "".join(document.text for document in batch)),
    "tokens": (HashingEmbedder, "token_spans", lambda self, texts: "".join(texts)),
    "keys": (import_module("rag.ingest.vectorize"), "content_key", lambda stages, item, chunk: chunk.text),
    "embed": (HashingEmbedder, "embed_chunks", lambda self, batch: _text(batch)),
    "accept": (import_module("rag.ingest.load"), "accept", lambda loaded: _documents(loaded)),
    "store": (Manifest, "replace_documents", lambda self, source, batch, keys: _text(batch)),
    "write": (EdgeStore, "write", lambda self, chunks, embeddings: "".join(chunk.text for chunk in chunks)),
}
ERRORS: list[Exception] = [
    RuntimeError("no reason"),
    sqlite3.IntegrityError("UNIQUE constraint failed"),
    OSError(errno.EACCES, "Permission denied"),
    RecursionError("too deep"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    MemoryError("64 MB"),
    KeyError("text"),
    OverflowError("Python int too large to convert to SQLite INTEGER"),
]


def _text(batch: Any) -> str:
    return "".join(chunk.text for one in batch for chunk in one.chunks)


def _documents(loaded: Loaded) -> str:
    return "".join(document.text for document in loaded.documents)


def poison(patch: pytest.MonkeyPatch, place: str, error: Exception) -> None:
    """From now on this step raises for the document that holds the word."""
    owner, name, text = PLACES[place]
    original = getattr(owner, name)

    def broken(*args: Any, **kwargs: Any) -> Any:
        if POISON in text(*args, **kwargs):
            raise error
        return original(*args, **kwargs)

    patch.setattr(owner, name, broken)


def split(source: Source) -> Loaded:
    """A file as a document for each of its lines."""
    lines = Path(source.path).read_text().splitlines()
    documents = [Document(f"{source.name} {n}", source.name, line) for n, line in enumerate(lines)]
    return Loaded(source, "ok", "", tuple(documents), str(hash(tuple(lines))))


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read here: that others parse them is tested elsewhere."""
    monkeypatch.setattr(Files, "load", lambda self, sources: (split(source) for source in sources))


def ingest(pipeline: Pipeline) -> dict[str, FileReport]:
    return {file.source: file for file in pipeline.ingest(["docs"], progress=lambda *_: None).files}


def find(pipeline: Pipeline, word: str) -> set[str]:
    return {hit.chunk.source for hit in pipeline.search(word, k=9) if word in hit.chunk.text}


def test_an_exception_at_any_step_fails_one_document_alone(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, many, new = (notes / "docs" / name for name in ("one.txt", "many.txt", "new.txt"))
    with Pipeline.load("tiny.yaml") as pipeline:
        one.write_text("Before load.\n")
        many.write_text("Before load.\n")
        ingest(pipeline)
        for n, (place, error) in enumerate(zip(PLACES, ERRORS, strict=True)):
            one.write_text(f"Number {n} is {POISON}.\n")
            many.write_text(f"Gold is yellow.\nYellow is no {POISON}, says {n}.\nSilver tarnished in {place}.\n")
            new.write_text(f"Rhodium is rare in {place}.\n")
            with monkeypatch.context() as patch:
                poison(patch, place, error)
                report = ingest(pipeline)
            failed = {name for name, file in report.items() if file.status == "failed"}
            assert failed == {"docs/one.txt", "docs/many.txt"}, place
            assert all(type(error).__name__ in report[name].reason for name in failed), report
            assert find(pipeline, f"Rhodium is rare in {place}"), place
            old = f"Number {n - 1}" if n else "Before load"
            assert bool(find(pipeline, old)) == (place != "write") and not find(pipeline, f"Number {n}"), place
            in_part = place in ("chunk", "tokens", "keys", "embed")
            assert bool(find(pipeline, f"Silver tarnished in {place}")) == in_part, "others of its file are indexed"
            assert ("the other 2 are indexed" in report["docs/many.txt"].reason) == in_part
            assert {file.status for file in ingest(pipeline).values()} == {"updated", "unchanged"}
            assert find(pipeline, f"Number {n}") and find(pipeline, f"says {n}")


def test_what_is_not_about_one_document_ends_the_ingest(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Pipeline.load("tiny.yaml") as pipeline:
        for error in (GeneratorError("the server is gone"), OSError(errno.EIO, "Input/output error")):
            with monkeypatch.context() as patch:
                (notes / "docs" / "metals.md").write_text(f"The {POISON} is heavy.\n")
                poison(patch, "chunk", error)
                with pytest.raises(type(error)):
                    ingest(pipeline)
        assert {file.status for file in ingest(pipeline).values()} == {"added"}
