"""R4, R5: a disk that is full, at many sizes, before and in the middle of a write, and when a question is asked.

The index lies on a small tmpfs. R4 changes documents; a filler leaves so much room, and the ingest runs; in every other
case the filler takes nearly all when the new generation is being written, after the check for room (of a chat, the
conversation; of an export, the archive). R5 does the same
to every command that writes. Then the index must answer from the old text or the new, hold no damage, and with room
again the same command must succeed. Needs the right to mount.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.index import checksums

SIZE = 320 << 20
MOST = 200 << 20  # bytes free at most
DOCUMENTS = 60
CHANGED = 33
_NUMBERS = re.compile(r"[\d,.]+ MB needed, [\d,.]+ MB free")


def full_disk(count: int) -> Outcome:
    """`count` amounts of free space from none to 200 MB."""
    lost: list[str] = []
    codes: dict[int, int] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for case in range(count):
            with _mounted(folder / "disk") as disk:
                if disk is None:
                    return Outcome(0, 0, [], "not run: no tmpfs can be mounted here")
                free = int((case / max(1, count - 1)) * MOST)
                wrong, code = _case(folder, disk, free, late=case % 2 == 1)
            codes[code] = codes.get(code, 0) + 1
            if wrong:
                lost.append(f"{free / 1e6:.0f} MB free{', filled in the middle' * (case % 2)}: {wrong}")
    shown = ", ".join(f"exit {code}: {n}" for code, n in sorted(codes.items()))
    return Outcome(
        count,
        count - len(lost),
        lost,
        f"free space 0 to {MOST / 1e6:.0f} MB, half of the cases taken in the middle; {shown}",
    )


@contextmanager
def _mounted(place: Path) -> Iterator[Path | None]:
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},huge=never", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(disk: Path, leave: int) -> None:
    """A file that takes all but `leave` bytes."""
    with open(disk / "filler", "ab") as filler, suppress(OSError):
        while (room := shutil.disk_usage(disk).free - leave) > 0:
            filler.write(bytes(min(room, 1 << 20)))
            filler.flush()


def _case(folder: Path, disk: Path, free: int, *, late: bool) -> tuple[str, int]:
    """What went wrong ("" if nothing) and the ingest's exit code."""
    config = ["--pipeline", str(folder / "tiny.yaml"), "--index", str(disk)]
    ask = ["search", corpus.sentence(CHANGED), "--index", str(disk), "-k", "1"]
    shutil.rmtree(folder / "docs", ignore_errors=True)
    corpus.pipeline(folder)
    corpus.write(folder / "docs", range(DOCUMENTS))
    if apart.command(["ingest", "docs", *config], folder).code:
        return "the first ingest failed", -1
    corpus.write(folder / "docs", range(20, 50), version=1)
    over = threading.Event()
    if late:  # the check for room passes; then another program takes it
        watcher = threading.Thread(target=_fill_later, args=(disk, free // 16, over))
        watcher.start()
    else:
        _fill(disk, free)
    did = apart.command(["ingest", "docs", *config], folder)
    over.set()
    if late:
        watcher.join()
    if did.code not in (0, 1) or (did.code == 1 and not _NUMBERS.search(did.err)):
        return f"the ingest ended with {did.code}: {did.err[-300:]}", did.code
    full = apart.command(ask, folder)
    if full.code not in (0, 1) or "Traceback" in full.err or (full.code == 0 and not _right(full.out, did.code)):
        return f"asked on the full disk: {full.code} {full.out[:100]} {full.err[-200:]}", did.code
    (disk / "filler").unlink(missing_ok=True)
    roomy = apart.command(ask, folder)
    if roomy.code or not _right(roomy.out, did.code):
        return f"asked with room again: {roomy.code} {roomy.out[:100]} {roomy.err[-200:]}", did.code
    again = apart.command(["ingest", "docs", *config], folder)
    last = apart.command(ask, folder)
    if again.code or not _right(last.out, 0):
        return f"ingested with room again: {again.code} {again.err[-200:]}", did.code
    return "", did.code


def _right(said: str, code: int) -> bool:
    """The new text after a success, the old one after an error."""
    return corpus.sentence(CHANGED, 0 if code else 1) in " ".join(said.split())


def _fill_later(disk: Path, leave: int, over: threading.Event) -> None:
    while not over.wait(0.001):
        if any(any(disk.glob(begun)) for begun in BEGUN):
            return _fill(disk, leave)


SIZES = [
    0,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    2 << 20,
    8 << 20,
    32 << 20,
    66 << 20,
    72 << 20,
    96 << 20,
    160 << 20,
]
ON = ["--index", "."]
OTHER = corpus.TINY.replace("size: 60", "size: 40")
BEGUN = (".rag/generations/*.new", "new/.rag/generations/*.new", "*.part", ".rag/chats.sqlite-wal")  # is being written
REMOVED = 7  # the document that `delete` and `purge` take out
WRITERS: dict[str, list[str]] = {
    "ingest": ["ingest", "docs", *ON, "--pipeline", "tiny.yaml"],
    "ingest --rebuild": ["ingest", "docs", *ON, "--rebuild", "--pipeline", "other.yaml"],
    "delete": ["delete", f"docs/{REMOVED:05}.txt", *ON],
    "purge": ["purge", f"docs/{REMOVED:05}.txt", *ON],
    "rebuild": ["rebuild", *ON],
    "check --repair": ["check", "--repair", *ON],
    "export": ["export", "out.zip", *ON],
    "import": ["import", "good.zip", "--index", "new", "--pipeline", "tiny.yaml"],
    "chat": ["chat", *ON],
}


def every_writer(count: int) -> Outcome:
    """`count` runs: every command at every size, in turn."""
    lost: list[str] = []
    codes: dict[int, int] = {}
    cases = [(command, size) for size in SIZES for command in WRITERS]
    with TemporaryDirectory() as name, _mounted(Path(name) / "disk") as disk:
        if disk is None:
            return Outcome(0, 0, [], "not run: no tmpfs can be mounted here")
        kept = _prepare(Path(name) / "kept")
        for number in range(count):
            command, free = cases[number * len(cases) // count] if count < len(cases) else cases[number % len(cases)]
            late = number >= len(cases)  # filled in the middle
            wrong, code = _run_writer(kept, disk, command, free, late=late)
            codes[code] = codes.get(code, 0) + 1
            if wrong:
                lost.append(f"{command}, {free:,} bytes free{', filled in the middle' * late}: {wrong}")
    shown = ", ".join(f"exit {code}: {n}" for code, n in sorted(codes.items()))
    note = f"{len(WRITERS)} commands at {len(SIZES)} sizes from 0 to {SIZES[-1] / 1e6:.0f} MB; {shown}"
    return Outcome(count, count - len(lost), lost, note)


def _prepare(folder: Path) -> Path:
    """An index with an export beside it, a conversation in it, and documents that changed since."""
    folder.mkdir()
    corpus.pipeline(folder)
    (folder / "other.yaml").write_text(OTHER)
    corpus.write(folder / "docs", range(DOCUMENTS))
    for words in (WRITERS["ingest"], WRITERS["export"]):
        if apart.command(words, folder).code:
            raise RuntimeError(f"{words} failed on a disk with room")
    (folder / "out.zip").rename(folder / "good.zip")
    (folder / "typed").write_text(f"{corpus.sentence(CHANGED)}\n")
    _chat(folder)
    return folder


def _chat(folder: Path) -> apart.Done:
    return apart.command(WRITERS["chat"], folder, typed=folder / "typed")


def _run_writer(kept: Path, disk: Path, command: str, free: int, *, late: bool) -> tuple[str, int]:
    """What went wrong ("" if nothing) and the command's exit code."""
    for path in disk.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(kept, disk, dirs_exist_ok=True, copy_function=checksums.copy)
    if command == "ingest":
        corpus.write(disk / "docs", range(20, 50), version=1)
    if command == "check --repair":
        (disk / ".rag" / "CURRENT").write_text("nonsense")
    over = threading.Event()
    watcher = threading.Thread(target=_fill_later, args=(disk, free // 16, over))
    if late:
        watcher.start()
    else:
        _fill(disk, free)
    words = WRITERS[command]
    did = _chat(disk) if command == "chat" else apart.command(words, disk)
    over.set()
    if late:
        watcher.join()
    said = did.out + did.err
    if did.code not in (0, 1) or "bug" in said or "Traceback" in said or "Remove" in said:
        return f"it ended with {did.code}: {said[-300:]}", did.code
    if did.code and not _NUMBERS.search(did.err):
        return f"it does not say how much is needed and free: {did.err[-300:]}", did.code
    (disk / "filler").unlink(missing_ok=True)
    asked = apart.command(["search", corpus.sentence(CHANGED), *ON, "-k", "1"], disk)
    broken = command == "check --repair" and did.code
    right = any(corpus.sentence(CHANGED, version) in " ".join(asked.out.split()) for version in (0, 1))
    if not (asked.code == 0 and right) and not (broken and asked.code == 6):
        return f"asked with room again: {asked.code} {asked.out[:100]} {asked.err[-200:]}", did.code
    found = [] if broken else json.loads(apart.command(["check", "--deep", "--json", *ON], disk).out)["found"]
    if wrong := [one for one in found if one["part"] != "seal" and "interrupted" not in one["what"]]:
        return f"damaged: {wrong[0]}", did.code
    again = _chat(disk) if command == "chat" else apart.command(words, disk)
    gone = command == "delete" and not did.code  # what is out of the index is not named again
    if again.code and not (gone or (command == "export" and not did.code)):
        return f"with room again it ended with {again.code}: {again.err[-300:]}", did.code
    place = ["--index", "new"] if command == "import" else ON
    last = apart.command(
        ["check", "--deep", *place, "--pipeline", "other.yaml" if "other" in str(words) else "tiny.yaml"], disk
    )
    return (f"in the end: {last.out[-300:]}" if last.code else ""), did.code


ROWS: dict[str, Row] = {"R4": full_disk, "R5": every_writer}
