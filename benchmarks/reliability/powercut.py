"""R3: the power goes while an index is made, changed, published, purged, imported, repaired or migrated.

The command runs once, recorded call by call. Then the disk is put back as a power cut at some call may have left it,
many times: what was synced is there, of the rest nothing, all, names without content, content without names, or any
part, sector by sector. The old or the new index must answer, and the same command run again must end where an
uninterrupted one does. After the last call the new index must be there, with nothing left to chance.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.reliability import corpus
from benchmarks.reliability.crash import ACTS, config_of, prepare
from benchmarks.reliability.damage import Whole, answers, make
from benchmarks.reliability.outcome import Outcome, Row, draws
from benchmarks.reliability.recording import Call, is_possible, record
from benchmarks.reliability.volatile import Disk, File, Keep, coin, digest, lay_out, look
from rag.config import build
from rag.errors import CorruptError, IndexMissing
from rag.index.folder import Index
from rag.maintain.archive import export_index, import_index
from rag.maintain.check import check
from rag.maintain.remove import delete

State = dict[str, File | None]
EXPORT = "export.zip"
PURGED = corpus.sentence(7)  # what a purge takes out


def _first(folder: Path) -> None:
    corpus.run(folder, config_of(folder))


def _delete(folder: Path) -> None:
    delete(Index.at(folder), config_of(folder), ["docs/00007.txt"])


def _ingest_beside_a_reader(folder: Path) -> None:
    with closing(Index.at(folder).read_manifest()):
        ACTS["ingest"](folder)


def _import(folder: Path) -> None:
    import_index(Index.at(folder), config_of(folder), folder / EXPORT)


COMMANDS: dict[str, Callable[[Path], None]] = {
    "first ingest": _first,
    "delete": _delete,
    "beside a reader": _ingest_beside_a_reader,
    "import": _import,
    "mend": ACTS["repair"],
    **ACTS,
}
ALLOWED: dict[str, type[Exception]] = {
    "first ingest": IndexMissing,
    "import": IndexMissing,
    "repair": CorruptError,
    "mend": CorruptError,
}
WAYS = 8  # to lose what is not sure: four that leave nothing to chance, and chance


def prepare_for(whole: Whole, command: str) -> None:
    """The index as it was, or none, before a command."""
    prepare(whole, command)
    if ALLOWED.get(command) is IndexMissing:
        shutil.rmtree(whole.folder / ".rag")
    if command == "mend":
        flip_text(whole.folder / ".rag" / "manifest.sqlite", corpus.sentence(11))


def flip_text(path: Path, text: str) -> None:
    """Another letter where this text stands."""
    data = bytearray(path.read_bytes())
    data[data.index(text.encode())] ^= 1
    path.write_bytes(data)


def _cut(disk: Disk, how: int, rng: random.Random) -> State:
    """What may be left if the power goes now: of what is not sure nothing, all, only names, only content, any part."""
    nothing, everything = coin(rng, 0), coin(rng, 1)
    certain: list[tuple[Keep, Keep]] = [
        (nothing, nothing), (everything, everything), (nothing, everything), (everything, nothing)
    ]  # fmt: skip
    part = rng.choice((0.1, 0.5, 0.9))
    return disk.cut(*(certain[how] if how < len(certain) else (coin(rng, part), coin(rng, rng.choice((part, 1))))))


def _cuts(disk: Disk, calls: Sequence[Call], count: int, rng: random.Random) -> list[tuple[int, State]]:
    """`count` different ones, if there are as many, each with the number of calls made before it."""
    places = [n for n, call in enumerate(calls, 1) if call.kind not in ("open", "seek", "map")]
    chosen = Counter(rng.choices(places, k=2 * count) if count < len(places) else places * (2 * count // len(places)))
    found: dict[bytes, tuple[int, State]] = {}
    for number, call in enumerate(calls, 1):
        disk.apply(call)
        for _ in range(chosen[number]):
            left = _cut(disk, rng.randrange(WAYS), rng)
            found.setdefault(digest(left), (number, left))
    return rng.sample(list(found.values()), min(count, len(found)))


def _put_back(left: State, folder: Path) -> None:
    shutil.rmtree(folder / ".rag", ignore_errors=True)
    lay_out({name: file for name, file in left.items() if name.split("/")[0] == ".rag"}, folder)
    for shared in (folder / ".rag").glob("*-shm"):
        shared.unlink()  # SQLite keeps it in memory only


def _judge(whole: Whole, command: str, old: Any, new: tuple[str, Any]) -> str:
    """What is wrong with an index after a power cut, "" when nothing."""
    try:
        if answers(whole.folder, whole.config) not in (old, new[1]):
            return "neither the old nor the new index answered"
    except Exception as error:
        if not isinstance(error, ALLOWED.get(command, ())):
            return f"no answer: {type(error).__name__}: {error}"
    try:
        COMMANDS[command](whole.folder)
        if found := check(Index.at(whole.folder), build(whole.config).store, deep=True):
            return f"found after the next run: {found[0].what}"
    except Exception as error:
        return f"the next run: {type(error).__name__}: {error}"
    return "" if corpus.digest(whole.folder, whole.config) == new[0] else "another index than without it"


def _judge_end(whole: Whole, command: str, new: tuple[str, Any]) -> str:
    """What is wrong with an index whose power went after the command was done."""
    index = Index.at(whole.folder)
    try:
        if answers(whole.folder, whole.config) != new[1] or corpus.digest(whole.folder, whole.config) != new[0]:
            return "what was done is gone"
        if found := check(index, build(whole.config).store, deep=True):
            return found[0].what
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if command == "purge":
        kept = [p.name for p in index.path.rglob("*") if p.is_file() and PURGED.encode() in p.read_bytes()]
        return f"what was purged is back in {kept[0]}" if kept else ""
    return ""


def cuts(count: int, commands: Sequence[str] = tuple(COMMANDS)) -> Outcome:
    """`count` power cuts, shared by the commands, and some after the end of each."""
    if not is_possible():
        return Outcome(0, 0, [], "needs strace")
    rng, lost, injected, notes = draws(3), list[str](), 0, list[str]()
    with TemporaryDirectory() as name:
        whole = make(Path(name).resolve() / "here", documents=20)
        export_index(Index.at(whole.folder), whole.folder / EXPORT)
        (whole.folder / ".rag").rename(whole.folder / "kept")
        for number, command in enumerate(commands):
            prepare_for(whole, command)
            old = None if command in ALLOWED else answers(whole.folder, whole.config)
            disk, calls = _record(whole.folder, command)
            new = corpus.digest(whole.folder, whole.config), answers(whole.folder, whole.config)
            states = _cuts(disk, calls, count // len(commands) + (number < count % len(commands)), rng)
            for at, left in states:
                _put_back(left, whole.folder)
                if wrong := _judge(whole, command, old, new):
                    lost.append(f"{command}, call {at} of {len(calls)}: {wrong}")
            ends = {digest(left): left for left in (_cut(disk, how, rng) for how in range(WAYS))}
            for left in ends.values():
                _put_back(left, whole.folder)
                if wrong := _judge_end(whole, command, new):
                    lost.append(f"{command}, after its end: {wrong}")
            injected += len(states) + len(ends)
            notes.append(f"{command} {len(calls)} calls")
    return Outcome(injected, injected - len(lost), lost, ", ".join(notes))


def _record(folder: Path, command: str) -> tuple[Disk, list[Call]]:
    """The disk before a command, and what that does; it is done."""
    before = _look(folder)
    with TemporaryDirectory() as work:
        run = [sys.executable, "-m", "benchmarks.reliability.powercut", command, str(folder)]
        calls = [call for call in record(run, folder, Path(work) / "calls") if _concerns(call, folder)]
    last = _look(folder)
    replayed = Disk(folder, before, last)
    for call in calls:
        replayed.apply(call)
    if replayed.cut(lambda: True).keys() != last.keys():
        raise RuntimeError(f"{command}: what was recorded is not what was done")
    return Disk(folder, before, last), calls


def _concerns(call: Call, folder: Path) -> bool:
    """Whether a call is about the index, or makes its name durable."""
    return Path(call.path).is_relative_to(folder / ".rag") or (call.kind, call.path) == ("sync", str(folder))


def _look(folder: Path) -> State:
    """What is in `folder/.rag`, and that it is there."""
    return {name: file for name, file in look(folder).items() if name.split("/")[0] == ".rag"}


ROWS: dict[str, Row] = {"R3": cuts}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](Path(sys.argv[2]))
