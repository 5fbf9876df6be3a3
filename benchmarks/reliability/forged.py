"""S3: exports that somebody forged with the right hashes: cells of other types, sizes and shapes, rows that do not fit.

Each is an export of a small index with one thing changed and every hash after it computed anew, mostly the checksum of
its row, too. It is refused with a message and nothing is imported; or it is imported, and then the index is sound, it
answers, and an ingest and an export of it end well.
"""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from benchmarks.reliability import corpus
from benchmarks.reliability.damage import answers
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.config import PipelineConfig, build
from rag.errors import RagError
from rag.index.codec import chunk_checksum, row_checksum
from rag.index.folder import Index
from rag.index.tables import row_to_chunk, row_to_document
from rag.maintain.archive import export_index, import_index
from rag.maintain.check import check
from rag.maintain.members import measure

Forged = dict[str, bytes]
DEEP = "[" * 50_000 + "]" * 50_000
VALUES: list[Any] = [
    None, True, -1, 0, 3, 2**31, 2**63, -(2**63) - 1, 10**30, 1.5, float("nan"), float("inf"), 1e308, "", "x", "\0",
    "-1", "\ud800", "[]", "{}", "[1]", '["x"]', '{"x": [1]}', '{"x": {"y": 1}}', '{"x": NaN}', '{"": null}',
    f'{{"x": {10**30}}}', "[[0, 5, 1, 2]]", '[[-3, 5, "page", "x"]]', '[[0, 1e99, "page", "x"]]', "[[1]]", DEEP, [], {},
    '[["a", "b", "page", "x"]]', [1], "9" * 5000, "\N{HANGUL FILLER}" * 1000, "../../x", "/etc/passwd", "not json",
    "x" * 1_000_000,
]  # fmt: skip
ROWS_OF = ("roots", "sources", "documents", "chunks")


def forge(good: Forged, rng: random.Random) -> tuple[str, Forged]:
    """One change in words, and the members of the archive with it."""
    change = rng.choices([_cell, _line, _keys, _tensor, _head, _bytes], [12, 4, 2, 5, 3, 2])[0]
    members = dict(good)
    what = change(members, rng)
    return what, members


def _cell(members: Forged, rng: random.Random) -> str:
    name = rng.choice(ROWS_OF)
    rows = [json.loads(line) for line in members[f"{name}.jsonl"].splitlines()]
    row, value = rng.choice(rows), rng.choice(VALUES)
    at = rng.randrange(len(row))
    row[at] = value
    if honest := rng.random() < 0.8 and at < len(row) - 1:
        _sign(name, row, members)
    members[f"{name}.jsonl"] = _lines(rows)
    return f"{name}[{at}] = {str(value)[:40]!r}{' with its checksum' * honest}"


def _sign(name: str, row: list[Any], members: Forged) -> None:
    """Give a row the checksum, a document the digest, that it would have, where it could have one."""
    try:
        if name == "documents":
            row[2] = row_to_document(tuple(row[:-1])).digest
        if name == "chunks":
            owners = [json.loads(line) for line in members["documents.jsonl"].splitlines()]
            owner = next(owner for owner in owners if owner[0] == row[1])
            row[-1] = chunk_checksum(row_to_chunk(tuple(row[:-1]), row_to_document(tuple(owner[:-1]))), row[6])
        else:
            row[-1] = row_checksum(*row[:-1])
    except (ValueError, TypeError, AttributeError, StopIteration, RecursionError, OverflowError):
        row[-1] = row[-1] if isinstance(row[-1], int) else 0


def _line(members: Forged, rng: random.Random) -> str:
    name = f"{rng.choice(ROWS_OF)}.jsonl"
    lines = members[name].splitlines()
    at = rng.randrange(len(lines))
    changes: dict[str, Callable[[], Any]] = {
        "doubled": lambda: lines.insert(at, lines[at]),
        "dropped": lambda: lines.pop(at),
        "first": lambda: lines.insert(0, lines.pop(at)),
        "deep": lambda: lines.insert(at, DEEP.encode()),
        "short": lambda: lines.insert(at, b"[1]"),
        "an object": lambda: lines.insert(at, b"{}"),
        "a number": lambda: lines.insert(at, b"9" * 5000),
        "other bytes": lambda: lines.insert(at, b'["\xff\xfe"]'),
        "empty": lambda: lines.insert(at, b""),
    }
    how = rng.choice(list(changes))
    changes[how]()
    members[name] = b"".join(line + b"\n" for line in lines)
    return f"{name} line {at}: {how}"


def _keys(members: Forged, rng: random.Random) -> str:
    name = next(n for n in members if n.endswith(".keys.jsonl"))
    keys = [json.loads(line) for line in members[name].splitlines()]
    value = rng.choice([*VALUES, keys[0]])
    keys[rng.randrange(len(keys))] = value
    members[name] = _lines(keys)
    return f"a key of vectors = {str(value)[:40]!r}"


def _tensor(members: Forged, rng: random.Random) -> str:
    name = next(n for n in members if n.endswith(".safetensors"))
    tensors = load(members[name])
    which = rng.choice(sorted(tensors))
    one = tensors[which]
    changes: dict[str, Callable[[], Any]] = {
        "dropped": lambda: None,
        "cut": lambda: one[:-1],
        "zeros": lambda: np.zeros_like(one),
        "other type": lambda: one.astype("f8" if one.dtype.kind == "f" else "i2"),
        "integers": lambda: one.astype("i4"),
        "floats": lambda: one.astype("f4"),
        "flat": lambda: one.reshape(-1),
        "deep": lambda: one.reshape(1, *one.shape),
        "negative": lambda: -one.astype("f4" if one.dtype.kind == "f" else "i8"),
        "vast": lambda: one + (np.float32(1e38) if one.dtype.kind == "f" else 2**62),
        "not a number": lambda: np.full_like(one, np.nan) if one.dtype.kind == "f" else one[::-1].copy(),
    }
    how = rng.choice(list(changes))
    with np.errstate(all="ignore"):
        tensors[which] = changes[how]()
    members[name] = save({key: value for key, value in tensors.items() if value is not None})
    return f"{which}: {how}"


def _head(members: Forged, rng: random.Random) -> str:
    head = json.loads(members["index.json"])
    key, value = rng.choice(["format", "facts", "counts", "members", "raghop"]), rng.choice(VALUES)
    if isinstance(head[key], dict) and rng.random() < 0.6:
        inner = rng.choice([*head[key], "more"])
        head[key][inner] = value
        key = f"{key}.{inner}"
    else:
        head[key] = value
    members["index.json"] = json.dumps(head).encode()
    return f"{key} = {str(value)[:40]!r}"


def _bytes(members: Forged, rng: random.Random) -> str:
    name = rng.choice(sorted(members))
    value = rng.choice([b"", b"\0" * 100, b"\xff" * 10, DEEP.encode(), b"9" * 10_000, b"null\n", b"[]\n", b'"x"\n'])
    members[name] = value
    return f"{name}: {value[:20]!r}"


def _lines(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def write(members: Forged, path: Path) -> None:
    """An archive with these members and, unless the head was forged to have none, their hashes."""
    try:
        head = json.loads(members["index.json"])
        for name, stated in head["members"].items():
            if name in members and isinstance(stated, dict):
                stated |= measure([members[name]])
        data = json.dumps(head).encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        data = members["index.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, "index.json": data}.items():
            archive.writestr(name, content)


def _judge(folder: Path, config: PipelineConfig, path: Path) -> str:
    """What was wrong with how an archive was taken, "" when nothing."""
    index = Index.at(folder)
    try:
        import_index(index, config, path)
    except RagError as error:
        if error.exit_code not in (1, 2, 4, 6):
            return f"exit {error.exit_code}: {error}"
        if not index.exists():
            return ""
        with closing(index.read_manifest()) as manifest:
            return "something was imported" if any(manifest.counts().values()) else ""
    try:
        answers(folder, config)
        shutil.copytree(path.parent / "docs", folder / "docs")
        corpus.run(folder, config)
        if found := check(index, build(config).store, deep=True):
            return f"imported, and then found: {found[0].what}"
        export_index(index, folder / "again.zip")
    except RagError as error:
        return f"imported, and then: {error}"
    return ""


def forged(count: int) -> Outcome:
    """`count` of them."""
    rng = draws(3)
    lost: list[str] = []
    taken = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = corpus.pipeline(folder)
        corpus.write(folder / "docs", range(8))
        (folder / "docs" / "page.md").write_text("---\nyear: 2024\n---\n# Piers\n\n## North\n\nPier one is long.\n")
        corpus.run(folder, config)
        export_index(Index.at(folder), folder / "good.zip")
        with zipfile.ZipFile(folder / "good.zip") as archive:
            good = {name: archive.read(name) for name in archive.namelist()}
        for number in range(count):
            what, members = forge(good, rng)
            write(members, folder / "forged.zip")
            place = folder / "place"
            shutil.rmtree(place, ignore_errors=True)
            try:
                wrong = _judge(place, config, folder / "forged.zip")
            except Exception as error:
                wrong = f"{type(error).__name__}: {str(error)[:200]}"
            taken += (place / ".rag" / "CURRENT").exists()
            if wrong:
                lost.append(f"{number}, {what}: {wrong}")
    return Outcome(count, count - len(lost), lost, f"{taken} were harmless and imported")


ROWS: dict[str, Row] = {"S3": forged}
