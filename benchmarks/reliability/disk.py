"""R4: a disk that is full, at many sizes, before and in the middle of an ingest, and when a question is asked.

The index lies on a small tmpfs. Documents change, a filler leaves so much room, and the ingest runs; in every other
case the filler takes nearly all when the new generation is being written, after the check for room. Then the index
must answer from the old text or the new, and with room again the ingest must succeed. Needs the right to mount.
"""

from __future__ import annotations

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
        if any((disk / ".rag" / "generations").glob("*.new")):
            return _fill(disk, leave)


ROWS: dict[str, Row] = {"R4": full_disk}
