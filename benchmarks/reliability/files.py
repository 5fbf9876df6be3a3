"""R9: a thousand files, fifty of them bad in twenty ways, in any order.

The bad ones are named with a reason, the good ones are answered from, the exit code is 3, and the index does not depend
on the order in which the files come.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.index.folder import Index

FILES, BAD = 1000, 50


def _zip(name: str, content: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {  # name -> content; what ends in / or -> is made by hand below
    "null.txt": lambda: b"abc\0def",
    "pdf-as.txt": lambda: b"%PDF-1.4\nnothing",
    "html-as.pdf": lambda: b"<html><body>Not found</body></html>",
    "empty.pdf": lambda: b"%PDF-1.4\n%%EOF",
    "random.pdf": lambda: b"%PDF-1.7\n" + random.Random(3).randbytes(5000),
    "words.docx": lambda: b"plain words",
    "old.docx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "nothing.xlsx": lambda: _zip("a.txt", b"x"),
    "broken.pptx": lambda: _zip("ppt/presentation.xml", b"<a><b></a>"),
    "bomb.docx": lambda: _zip("word/document.xml", b" " * 3_000_000),
    "laughs.docx": lambda: _zip("word/document.xml", b'<!DOCTYPE a [<!ENTITY a "ha">]><a>&a;</a>'),
    "cut.epub": lambda: _zip("META-INF/container.xml", b"<a/>")[:-30],
    "broken.json": lambda: b'{"a": [1, 2',
    "deep.json": lambda: b"[" * 100_000,
    "nothing.jsonl": lambda: b"[1\n{2",
    "broken.ipynb": lambda: b'{"no": "cells"}',
    "bomb.txt.gz": lambda: gzip.compress(b" " * 68_000_000, 1),
    "cut.txt.gz": lambda: gzip.compress(b"words " * 1000)[:-20],
    "noise.txt.gz": lambda: b"\x1f\x8b" + bytes(200),
    "empty.eml": lambda: b"\n\n",
}


def bad_files(count: int) -> Outcome:
    """`count` shuffles."""
    lost: list[str] = []
    digests = set()
    contents = {name: make() for name, make in KINDS.items()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        corpus.pipeline(folder)
        for seed in range(count):
            expected = _lay_out(folder, contents, seed)
            shutil.rmtree(folder / ".rag", ignore_errors=True)
            did = apart.command(["ingest", "docs", "--pipeline", "tiny.yaml", "--json"], folder)
            wrong = _judge(did, expected)
            again = apart.command(["ingest", "docs", "--json"], folder)
            if not wrong and (again.code != 3 or json.loads(again.out)["unchanged"] != FILES - BAD):
                wrong = f"the second run: exit {again.code}"
            if wrong:
                lost.append(f"seed {seed}: {wrong}")
            digests.add(hash(tuple(corpus.content(Index.at(folder)))))
    if len(digests) > 1:
        lost.append(f"{len(digests)} different indexes of the same files in {count} orders")
    return Outcome(count, count - len(lost), lost, f"{FILES:,} files, {BAD} bad of {len(KINDS)} kinds, each shuffle")


def _lay_out(folder: Path, contents: dict[str, bytes], seed: int) -> set[str]:
    """The same names and contents, created in an order of this seed; the names of the bad ones."""
    shutil.rmtree(folder / "docs", ignore_errors=True)
    names = list(contents)
    bad = {
        f"docs/{number % 7}/{number}-{names[number % len(names)]}": names[number % len(names)] for number in range(BAD)
    }
    todo = [*bad, *(f"docs/{number % 7}/{number}.txt" for number in range(FILES - BAD))]
    draws(seed).shuffle(todo)
    for path in todo:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        number = int(os.path.basename(path).split("-")[0].split(".")[0])
        (folder / path).write_bytes(contents[bad[path]] if path in bad else corpus.sentence(number).encode())
    return set(bad)


def _judge(did: apart.Done, expected: set[str]) -> str:
    if did.code != 3:
        return f"exit {did.code}: {did.err[-200:]}"
    files = {file["source"]: file for file in json.loads(did.out)["files"]}
    named = {name for name, file in files.items() if file["status"] != "added"}
    if named != expected:
        return f"named wrongly: {sorted(named ^ expected)[:3]}"
    silent = [name for name in expected if files[name]["status"] != "failed" or not files[name]["reason"]]
    unsaid = [name for name in silent if files[name]["status"] != "skipped"]
    return f"without a reason: {unsaid[:3]}" if unsaid else ""


ROWS: dict[str, Row] = {"R9": bad_files}
