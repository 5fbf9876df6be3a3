"""P1, P5: files made to hang, fill or leave the parser: PDF files, archives, XML.

Each goes through the connector with the limits of the default pipeline, a sound file after it. It must end within its
processor time with a status and, unless its text was read, a reason; the sound one must be read as ever, nothing may be
written outside, and nothing on the network may be reached. `resource` limits hold the memory; the peak of the workers
is measured too.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from benchmarks.reliability import hostile_archives, hostile_pdfs
from benchmarks.reliability.outcome import Outcome, Row
from rag.types import Loaded
from rag_connectors.files import Files

SECONDS = 10.0  # of processor time
MEGABYTES = 512
CANARY = "canary-7f3a"


def _load_each(folder: Path) -> Iterator[tuple[Loaded, Loaded, float]]:
    """Of every file but the last what came of it, of the last read after it, and the processor seconds it took."""
    connector = Files(workers=1, ocr="never")
    *sources, sound = connector.scan([str(folder)], base=str(folder))
    for source in sources:
        before = _children_seconds()
        both = connector.load([source, sound])
        first = next(both)
        killed = _children_seconds() - before  # its process has not ended, unless it was killed for this file
        (second,) = both
        yield first, second, killed or _children_seconds() - before


def _children_seconds() -> float:
    """Processor time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wrong(loaded: Loaded, seconds: float) -> str:
    if seconds > SECONDS:
        return f"took {seconds:.1f} s of processor time"
    if loaded.status != "ok" and not loaded.reason:
        return f"{loaded.status} without a reason"
    if "crashed" in loaded.reason:
        return loaded.reason
    if any(CANARY in document.text for document in loaded.documents):
        return "text from outside the file"
    return ""


def _run(files: dict[str, bytes]) -> Outcome:
    lost: list[str] = []
    slowest, peak_before = 0.0, _peak()
    with TemporaryDirectory() as name:
        folder = Path(name) / "docs"
        folder.mkdir()
        (Path(name) / "secret.txt").write_text(CANARY)
        before = sorted(path for path in Path(name).rglob("*") if folder not in path.parents)
        for called, data in files.items():
            (folder / called).write_bytes(data.replace(b"SECRET", os.fsencode(Path(name) / "secret.txt")))
        (folder / "zzz-sound.md").write_text("# Sound")
        with patch.object(socket.socket, "connect", side_effect=AssertionError("a socket was opened")):
            for loaded, sound, seconds in _load_each(folder):
                slowest = max(slowest, seconds)
                if wrong := _wrong(loaded, seconds) or (sound.status != "ok" and f"a file after it: {sound.reason}"):
                    lost.append(f"{loaded.source.name}: {wrong}")
        if sorted(path for path in Path(name).rglob("*") if folder not in path.parents) != before:
            lost.append("something was written outside the folder")
    peak = _peak()
    if peak > max(MEGABYTES, peak_before):
        lost.append(f"a worker took {peak:.0f} MB")
    note = f"slowest {slowest:.1f} CPU s, workers' peak {peak:.0f} MB"
    return Outcome(len(files), len(files) - len(lost), lost, note)


def _peak() -> float:
    """The most memory (MB) any ended child of this process had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def bad_pdfs(count: int) -> Outcome:
    """P1: the first `count` of them, spread over the kinds."""
    return _run(dict(list(hostile_pdfs.pdfs().items())[:count]))


def bombs_and_escapes(count: int) -> Outcome:
    """P5: the first `count` archives, XML and JSON files."""
    return _run(dict(list(hostile_archives.archives().items())[:count]))


ROWS: dict[str, Row] = {"P1": bad_pdfs, "P5": bombs_and_escapes}
