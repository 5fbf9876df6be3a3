"""P2, P3: files of every type with bytes changed, taken out, doubled, cut off.

P2: no mutation may crash the connector, hang it, or end without a reason. P3: of the mutations that lose text, nearly
all must be marked (degraded, failed or skipped), and nearly no sound file may be. Text is lost when there are two in a
hundred words fewer than in the sound file. Plain text, e-mail of one plain part, Markdown, code and CSV have no
structure that could tell and are left out of P3; HTML has little, and is in.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import samples
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.types import Loaded
from rag_connectors.files import Files

UNMARKED = 0.02  # of the words may be missing before it counts as lost
TELLING = ("pdf", "docx", "pptx", "xlsx", "epub", "html", "parts.eml", "json", "jsonl", "ipynb", "gz")


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 3, 10, 50])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _remove(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 1 + len(data) // 4)]


def _zero(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    part = data[start : start + rng.randrange(1, 1 + len(data) // 4)]
    data[start : start + len(part)] = bytes(len(part))


def _double(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.randrange(1, 1 + len(data) // 4)]


def _noise(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    part = rng.randbytes(min(len(data) - start, rng.choice([4, 64, 512])))
    data[start : start + len(part)] = part


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _cut, _remove, _zero, _double, _noise)


def _mutated(count: int, types: tuple[str, ...], rng: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Name of the sound file, name of its mutation, and content."""
    sound = {name: data for name, data in samples.FILES.items() if not types or name.endswith(types)}
    names = sorted(sound)
    for number in range(count):
        name = names[number % len(names)]
        data = bytearray(sound[name])
        mutation = MUTATIONS[(number // len(names)) % len(MUTATIONS)]
        mutation(data, rng)
        yield name, f"{number}-{mutation.__name__[1:]}-{name}", bytes(data)


def load(folder: Path) -> dict[str, Loaded]:
    """Every file's outcome, as an ingest sees it."""
    connector = Files(workers=2, ocr="never")
    return {loaded.source.name: loaded for loaded in connector.load(connector.scan([str(folder)], base=str(folder)))}


def _words(loaded: Loaded) -> int:
    return sum(len(document.text.split()) for document in loaded.documents)


def mutated(count: int) -> Outcome:
    """P2: `count` mutations."""
    lost: list[str] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        for _, called, data in _mutated(count, (), draws(2)):
            (folder / called).write_bytes(data)
        outcomes = load(folder)
        for called in sorted(path.name for path in folder.iterdir()):
            if (wrong := _wrong(outcomes.get(called))) is not None:
                lost.append(f"{called}: {wrong}")
    statuses = Counter(loaded.status for loaded in outcomes.values())
    note = f"{len(samples.FILES)} sound files of every type; " + ", ".join(f"{n:,} {s}" for s, n in statuses.items())
    return Outcome(count, count - len(lost), lost, note)


def _wrong(loaded: Loaded | None) -> str | None:
    if loaded is None:
        return "no outcome"
    if loaded.status != "ok" and not loaded.reason:
        return f"{loaded.status} without a reason"
    if "crashed" in loaded.reason or "longer than" in loaded.reason:
        return loaded.reason
    return None


def losing(count: int) -> Outcome:
    """P3: mutations until `count` of them lost text; and every sound file."""
    marked = 0
    unmarked: list[str] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sound").mkdir()
        for called, data in samples.sound(count).items():
            (folder / "sound" / called).write_bytes(data)
        sound = load(folder / "sound")
        alarms = [f"{called}: {one.reason}" for called, one in sound.items() if one.status != "ok"]
        seed = 0
        while marked + len(unmarked) < count and seed < 50:
            batch = folder / str(seed)
            batch.mkdir()
            origin = {}
            for source, called, data in _mutated(max(66, count), TELLING, draws(seed)):
                origin[called] = source
                (batch / called).write_bytes(data)
            for called, loaded in load(batch).items():
                whole = _words(sound[origin[called]])
                gone = whole - _words(loaded)
                if gone <= UNMARKED * whole or marked + len(unmarked) == count:
                    continue
                if loaded.status == "ok":
                    unmarked.append(f"{seed}/{called}: {gone} of {whole} words gone, unmarked")
                else:
                    marked += 1
            seed += 1
    n = marked + len(unmarked)
    lost = [] if marked >= 0.95 * n else unmarked
    if len(alarms) > 0.02 * len(sound):
        lost += [f"false alarm: {alarm}" for alarm in alarms]
    html = sum(".html: " in one for one in unmarked)
    share = f"{marked / max(1, n):.1%} marked ({html} of {len(unmarked)} others are HTML)"
    note = f"{share}, {len(alarms)} false alarms on {len(sound)} sound files"
    return Outcome(n, marked, lost, note)


ROWS: dict[str, Row] = {"P2": mutated, "P3": losing}
