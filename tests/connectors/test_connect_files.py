"""The connector as a whole: scanning, loading, limits, fifty bad files among a thousand."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import ConfigError, InputError
from rag.registry import find
from rag.stages import Connector
from rag.types import Loaded
from rag_connectors import budget
from rag_connectors.files import Files
from rag_connectors.parsed import ParseOptions
from rag_connectors.pool import ParserPool
from tests.connectors import samples

_SLOW = b"<div>" * 50_000  # the HTML parser takes very long over it


def put(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def names(folder: Path, connector: Files | None = None) -> list[str]:
    return [source.name for source in (connector or Files()).scan([str(folder)], base=str(folder))]


def load(folder: Path, connector: Files | None = None) -> dict[str, Loaded]:
    connector = connector or Files(workers=2, ocr="never")
    return {loaded.source.name: loaded for loaded in connector.load(connector.scan([str(folder)], base=str(folder)))}


def test_it_is_a_connector_under_its_name() -> None:
    assert find("connector", "files") is Files
    assert isinstance(Files(), Connector)


def test_scan_order_names_and_what_is_left_out(tmp_path: Path) -> None:
    put(
        tmp_path, {name: "x" for name in ("b.txt", "a/z.txt", "a.txt", ".hidden", ".rag/manifest", "a/.git/x", "ü.txt")}
    )
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    (tmp_path / "folder-link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe.txt")
    skipped = ["folder-link", "link.txt", "pipe.txt"]
    assert names(tmp_path) == sorted(["a.txt", "a/z.txt", "b.txt", "ü.txt", *skipped])
    loaded = load(tmp_path)
    assert {loaded[name].status for name in skipped} == {"skipped"}
    assert "not followed" in loaded["link.txt"].reason and loaded["folder-link"].reason == loaded["link.txt"].reason
    assert loaded["pipe.txt"].reason == "a pipe, not a file"


def test_scan_roots(tmp_path: Path) -> None:
    put(tmp_path, {"in/a.txt": "x", "in/sub/b.txt": "x", "out/c.txt": "x"})
    base = tmp_path / "in"
    roots = [str(tmp_path / "out"), str(base), str(base / "sub"), str(base / "a.txt")]
    found = [source.name for source in Files().scan(roots, base=str(base))]
    assert found == [str(tmp_path / "out" / "c.txt"), "a.txt", "sub/b.txt"]
    with pytest.raises(InputError, match="nowhere"):
        list(Files().scan([str(tmp_path / "nowhere")], base=str(tmp_path)))


def test_gitignore_nested_and_negated(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            ".git/HEAD": "x",
            ".gitignore": "*.log\nbuild/\n/top.txt\n!\n[z-a]\n",
            "docs/.gitignore": "!keep.log\ntop.txt\n",
            "docs/keep.log": "x",
            "docs/other.log": "x",
            "docs/top.txt": "x",
            "docs/build/x.txt": "x",
            "docs/deep/top.txt": "x",
            "docs/deep/good.txt": "x",
            "top.txt": "x",
        },
    )
    assert names(tmp_path) == ["docs/deep/good.txt", "docs/keep.log"]
    assert names(tmp_path / "docs") == ["deep/good.txt", "keep.log"]  # the repository's rules hold below its top
    assert len(names(tmp_path, Files(gitignore=False))) == 7


def test_include_and_exclude(tmp_path: Path) -> None:
    put(tmp_path, {name: "x" for name in ("a.md", "a.txt", "drafts/b.md", "sub/c.md")})
    assert names(tmp_path, Files(include=("*.md",), exclude=("drafts/",))) == ["a.md", "sub/c.md"]
    with pytest.raises(ConfigError, match="exclude"):
        names(tmp_path, Files(exclude=("[z-a]",)))


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    with open(path, "wb") as file:
        file.write(b"# Coffee")
    (loaded,) = load(tmp_path).values()
    assert loaded.source.name == "caf\\xe9.md"
    assert loaded.documents[0].title == "Coffee"


def test_documents(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "# Alpha\n\nText.", "r.jsonl": '{"id": 1, "text": "x"}\n{"id": 2, "text": "y"}'})
    loaded = load(tmp_path)
    (document,) = loaded["a.md"].documents
    assert (document.source, document.title, document.sections[0].label) == ("a.md", "Alpha", "Alpha")
    assert len(loaded["a.md"].sha256) == 64
    assert len({document.id for item in loaded.values() for document in item.documents}) == 3
    assert load(tmp_path) == loaded
    renamed = tmp_path / "b.md"
    (tmp_path / "a.md").rename(renamed)
    (moved,) = load(tmp_path)["b.md"].documents
    assert moved.digest == document.digest
    assert moved.id != document.id


def test_fingerprint_follows_what_shapes_documents() -> None:
    assert Files().fingerprint == Files(workers=3, include=("*.md",)).fingerprint
    assert Files().fingerprint != Files(text_field="q").fingerprint


def test_results_come_in_order_and_lazily(tmp_path: Path) -> None:
    put(tmp_path, {f"{number:03}.{'txt' if number % 2 else 'md'}": "words" for number in range(60)})
    connector = Files(workers=2)
    taken = 0

    def counted() -> Iterator[object]:
        nonlocal taken
        for source in connector.scan([str(tmp_path)], base=str(tmp_path)):
            taken += 1
            yield source

    stream = connector.load(counted())  # type: ignore[arg-type]
    assert next(stream).source.name == "000.md"
    assert taken < 30
    assert [loaded.source.name for loaded in stream] == names(tmp_path)[1:]


def test_a_file_that_is_swapped_after_the_scan_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, {"docs/a.txt": "mine", "secret/a.txt": "not yours", "docs/b.md": "mine", "secret/b.md": "no"})
    connector = Files()
    sources = list(connector.scan([str(tmp_path / "docs")], base=str(tmp_path)))
    (tmp_path / "docs").rename(tmp_path / "moved")
    (tmp_path / "docs").symlink_to(tmp_path / "secret")
    for loaded in connector.load(sources):
        assert (loaded.status, loaded.documents) == ("failed", ())
        assert "replaced" in loaded.reason


def test_a_file_that_becomes_a_link_or_pipe(tmp_path: Path) -> None:
    put(tmp_path, {"a.txt": "x", "b.md": "x", "c.md": "x"})
    connector = Files(workers=1)
    sources = list(connector.scan([str(tmp_path)], base=str(tmp_path)))
    for name in ("a.txt", "b.md", "c.md"):
        (tmp_path / name).unlink()
    (tmp_path / "a.txt").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "b.md")
    reasons = [loaded.reason for loaded in connector.load(sources)]
    assert reasons[0].startswith("a link, which is not followed")
    assert reasons[1:] == ["a pipe, not a file", "cannot be read: No such file or directory"]


def test_a_file_that_hangs_stops_no_other(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "# A", "b.html": _SLOW, "c.md": "# C"})
    loaded = load(tmp_path, Files(workers=1, timeout=1.5))
    assert loaded["b.html"].reason.startswith("refused: parsing takes longer than")  # or 9 by the clock
    assert [loaded[name].status for name in ("a.md", "c.md")] == ["ok", "ok"]


def test_time_is_the_processor_s_and_by_the_clock_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stands still, as on a machine that has no time for it."""
    put(tmp_path, {"a.html": "<p>A</p>", "b.html": "<p>B</p>", "c.html": "<p>C</p>"})
    pool = ParserPool(1, options=ParseOptions(), timeout=20, memory=1024)
    first = pool.submit(str(tmp_path / "a.html"), "a.html", 0)
    assert first.result().status == "ok"
    process = next(iter(pool._running))
    monkeypatch.setattr(pool, "_timeout", 1.0)
    monkeypatch.setattr(budget, "WALL", 60)
    process.send_signal(signal.SIGSTOP)
    held = pool.submit(str(tmp_path / "b.html"), "b.html", 0)
    time.sleep(1.5)
    assert not held.done()
    process.send_signal(signal.SIGCONT)
    assert held.result().status == "ok"
    monkeypatch.setattr(budget, "WALL", 0.5)
    process.send_signal(signal.SIGSTOP)
    given_up = pool.submit(str(tmp_path / "c.html"), "c.html", 0).result()
    assert given_up.reason == "refused: parsing takes longer than 0.5 s, 0.5 times connector.timeout"
    pool.close()


def test_a_file_that_wants_too_much_memory(tmp_path: Path) -> None:
    put(tmp_path, {"a.json": b"[" + b"[]," * 5_000_000 + b"1]", "b.md": "# B"})
    loaded = load(tmp_path, Files(workers=1, memory=200))
    assert loaded["a.json"].reason == "refused: it needs more than 306 MB of memory (connector.memory)"
    assert loaded["b.md"].status == "ok"


def test_large_files_may_take_more() -> None:
    assert [budget.seconds(10, size) for size in (0, 1 << 18, 1 << 20, 1 << 26)] == [10, 10, 32, 120]
    assert [budget.memory(512, size) >> 20 for size in (0, 1 << 20, 1 << 26)] == [512, 512, 1016]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGSEGV, "the parser crashed (signal 11)"),
        (
            signal.SIGABRT,  # which native code sends itself when it is given no memory
            "refused: its parser gave up; most likely it needs more than 1024 MB of memory (connector.memory)",
        ),
    ],
)
def test_a_parser_that_crashes_is_replaced(tmp_path: Path, number: signal.Signals, reason: str) -> None:
    put(tmp_path, {"slow.html": _SLOW, "b.md": "# B"})
    pool = ParserPool(1, options=ParseOptions(), timeout=60, memory=1024)
    slow = pool.submit(str(tmp_path / "slow.html"), "slow.html", 0)
    after = pool.submit(str(tmp_path / "b.md"), "b.md", 0)
    while not (running := list(pool._running)):
        time.sleep(0.01)
    os.kill(running[0].pid, number)
    assert slow.result().reason == reason
    assert after.result().status == "ok"
    pool.close()
    assert all(process.returncode is not None for process in running)


def test_closing_ends_the_processes(tmp_path: Path) -> None:
    put(tmp_path, {"a.md": "# A", "b.html": _SLOW})
    connector = Files(workers=2)
    stream = connector.load(connector.scan([str(tmp_path)], base=str(tmp_path)))
    assert next(stream).status == "ok"
    stream.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rag-parse")]


def test_the_current_folder_is_not_importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"json.py": "raise SystemExit(9)", "a.md": "# A"})
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path)["a.md"].status == "ok"


BAD: dict[str, tuple[bytes, str, str]] = {  # name: content, status, words of the reason
    "empty.txt": (b"", "skipped", "empty"),
    "blank.md": (b" \n\n\t ", "skipped", "no text"),
    "null.txt": (b"abc\0def", "skipped", "binary"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", "skipped", "a picture"),
    "program": (b"\x7fELF\x02\x01\x01\0\0", "skipped", "unsupported"),
    "archive.zip": (samples.archive({"a.txt": "x"}), "skipped", "unsupported type of file (.zip)"),
    "pdf-as.txt": (samples.pdf([["x"]]), "failed", "its content is a PDF"),
    "html-as.pdf": (b"<html><body>No, not found</body></html>", "failed", "not a PDF"),
    "cut.pdf": (samples.pdf([["x"]])[:200], "failed", "damaged"),
    "secret.pdf": (samples.pdf([["x"]], password="moon"), "failed", "password"),
    "scan.pdf": (samples.pdf([[], []], picture=True), "failed", "no text layer"),
    "bomb.pdf": (samples.pdf_of([b" " * 25_000_000]), "failed", "LimitReached"),
    "text.docx": (b"plain words", "failed", "no zip archive"),
    "old.docx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "failed",
        "an old Office file, or one with a password",
    ),
    "zip.xlsx": (samples.archive({"a.txt": "x"}), "failed", "no workbook inside"),
    "xml.pptx": (samples.archive({"ppt/presentation.xml": "<a><b></a>"}), "failed", "not well-formed"),
    "bomb.docx": (samples.archive({"word/document.xml": b" " * 3_000_000}), "failed", "more than 200 times"),
    "laughs.docx": (
        samples.archive({"word/document.xml": '<!DOCTYPE a [<!ENTITY a "ha">]><a>&a;</a>'}),
        "failed",
        "XML entities",
    ),
    "cut.epub": (samples.epub(["x"])[:-40], "failed", "no zip archive"),
    "broken.json": (b'{"a": [1, 2', "failed", "not valid JSON"),
    "deep.json": (b"[" * 100_000, "failed", "nested too deeply"),
    "nothing.jsonl": (b"[1\n{2", "failed", "not valid JSON"),
    "broken.ipynb": (b'{"no": "cells"}', "failed", "no cells"),
    "bomb.txt.gz": (gzip.compress(b" " * 68_000_000), "failed", "unpacks to more than 64 MB"),
    "cut.txt.gz": (gzip.compress(b"words " * 1000)[:-20], "failed", "cut short"),
    "large.txt": (b"", "skipped", "too large"),
}


def test_fifty_bad_files_among_a_thousand(tmp_path: Path) -> None:
    put(tmp_path, {f"good/{number:03}.txt": f"Passage number {number}." for number in range(950)})
    kinds = list(BAD)
    bad = [f"bad/{number}/{kinds[number % len(kinds)]}" for number in range(50)]
    put(tmp_path, {name: BAD[Path(name).name][0] for name in bad})
    for path in tmp_path.glob("bad/*/large.txt"):
        os.truncate(path, 65 << 20)
    loaded = load(tmp_path)
    assert sum(item.status == "ok" for item in loaded.values()) == 950
    for name in bad:
        _, status, words = BAD[Path(name).name]
        assert (loaded[name].status, loaded[name].documents) == (status, ()), name
        assert words in loaded[name].reason, name
        assert str(tmp_path) not in loaded[name].reason
    json.dumps([item.reason for item in loaded.values()]).encode()


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"a.txt": "x", "closed/b.txt": "x"})
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    loaded = load(tmp_path)
    assert (loaded["a.txt"].status, loaded["closed"].status) == ("ok", "failed")
    assert "cannot be listed: Permission denied" in loaded["closed"].reason


@pytest.mark.parametrize(
    ("root", "rules", "own", "expected"),
    [
        ("data", "data/\n*.log\n", "", {"data/a.txt", "data/sub/c.txt"}),
        ("data", "data/*\n!data/.gitkeep\n", "", {"data/a.txt", "data/b.log", "data/sub/c.txt"}),
        ("data", "/data/**\n", "", {"data/a.txt", "data/b.log", "data/sub/c.txt"}),
        ("data", "*\n", "", {"data/a.txt", "data/b.log", "data/sub/c.txt"}),
        ("data", "", "*\n!.gitignore\n", {"data/a.txt", "data/b.log", "data/sub/c.txt"}),
        ("data", "", "*\n!*.txt\n", {"data/a.txt"}),
        ("data/sub", "data\n", "", {"data/sub/c.txt"}),
        ("data/sub", "", "*\n", {"data/sub/c.txt"}),
        ("docs", "*\n!*/\n!*.md\n", "", {"docs/d.md"}),
        ("docs", "*\n!keep.md\n", "", {"docs/d.md", "docs/e.txt"}),
        ("data", "*.txt\n", "", {"data/b.log"}),
        (".", "data/\n", "", {"docs/d.md", "docs/e.txt"}),
        (".", "*\n!*/\n!*.md\n", "", {"docs/d.md"}),
    ],
)
def test_a_named_folder_is_read_although_git_ignores_it(
    tmp_path: Path, root: str, rules: str, own: str, expected: set[str]
) -> None:
    (tmp_path / ".git").mkdir()
    files = dict.fromkeys(["data/a.txt", "data/b.log", "data/sub/c.txt", "docs/d.md", "docs/e.txt"], "x")
    put(tmp_path, {**files, ".gitignore": rules, **({"data/.gitignore": own} if own else {})})
    found = Files().scan([str(tmp_path / root)], base=str(tmp_path))
    assert {source.name for source in found} == expected


def test_names_with_a_number_sign_share_no_ids(tmp_path: Path) -> None:
    put(tmp_path, {"r.json": '[{"id": "p.json#q", "text": "one"}]', "r.json#p.json": '[{"id": "q", "text": "two"}]'})
    documents = [document for loaded in load(tmp_path).values() for document in loaded.documents]
    assert len({document.id for document in documents}) == len(documents) == 2
