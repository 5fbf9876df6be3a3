"""R11, R12, R13: an index that was damaged is never quietly wrong, is found damaged, and is mended exactly.

Each fault is done to a copy of one small index. Then three things must hold: a question is answered as before or
refused with CorruptError; a deep check finds something; after a repair there is nothing to find, and ids, vectors and
answers are those of before.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import corpus
from benchmarks.reliability.outcome import Outcome, Row, draws
from rag.config import PipelineConfig, build
from rag.errors import CorruptError, MismatchError
from rag.index import checksums
from rag.index.folder import Index
from rag.maintain.check import check
from rag.maintain.repair import repair
from rag.pipeline import Pipeline

DOCUMENTS = 60
QUESTIONS = ("How long is berth 7 of Capra?", "Which berth lies at pier 4?")


@dataclass(frozen=True, slots=True)
class Whole:
    """An index before anything was done to it."""

    folder: Path
    config: PipelineConfig
    digest: str
    answers: tuple[object, ...]


def answers(folder: Path, config: PipelineConfig) -> tuple[object, ...]:
    """What a person would see."""
    with Pipeline(config, Index.at(folder)) as opened:
        found = [opened.ask(question) for question in QUESTIONS]
    return tuple(
        (a.text, a.abstained, a.citations, [(h.chunk, h.score, h.hop, h.trail) for h in a.hits]) for a in found
    )


def make(folder: Path, *, documents: int = DOCUMENTS, embed: str = "hashing") -> Whole:
    """A small index with a history: an edit and a deletion lie behind it."""
    folder.mkdir(exist_ok=True)
    config = corpus.pipeline(folder)
    if embed != "hashing":
        config = config.with_stage("embed", {"use": embed})
    corpus.write(folder / "docs", range(documents))
    (folder / "docs" / "long.txt").write_text("\n\n".join(corpus.sentence(n) for n in range(1000, 1400)))
    corpus.run(folder, config)
    corpus.write(folder / "docs", [3], version=1)
    (folder / "docs" / "00005.txt").unlink()
    corpus.run(folder, config)
    return Whole(folder, config, corpus.digest(folder, config), answers(folder, config))


def again(whole: Whole) -> Path:
    """The index as it was."""
    shutil.rmtree(whole.folder / ".rag", ignore_errors=True)
    shutil.copytree(whole.folder / "kept", whole.folder / ".rag", copy_function=checksums.copy)
    return whole.folder / ".rag"


def flip(path: Path, rng: random.Random) -> str:
    """One byte becomes another, mostly where there is data."""
    at = rng.randrange(path.stat().st_size)
    if rng.random() < 0.8:
        with open(path, "rb") as file:
            written = [start for start, _ in checksums.blocks(file.fileno(), path.stat().st_size)]
            if written:
                start = rng.choice(written)
                file.seek(start)
                block = file.read(checksums.BLOCK)
                at = start + rng.choice([i for i in range(len(block)) if block[i]])
    with open(path, "r+b") as file:
        file.seek(at)
        old = file.read(1)[0]
        file.seek(at)
        file.write(bytes([old ^ (1 << rng.randrange(8))]))
    return f"byte {at:,} flipped"


def cut(path: Path, rng: random.Random) -> str:
    """The end is gone."""
    size = rng.randrange(path.stat().st_size)
    with open(path, "r+b") as file:
        file.truncate(size)
    return f"cut to {size:,} bytes"


def remove(path: Path, rng: random.Random) -> str:
    """The file is gone."""
    path.unlink()
    return "removed"


def empty(path: Path, rng: random.Random) -> str:
    """Nothing is left in it."""
    path.write_bytes(b"")
    return "emptied"


def swap(path: Path, rng: random.Random) -> str:
    """Two files change places."""
    home = path.parents[-1 - next(i for i, p in enumerate(reversed(path.parents)) if p.name == ".rag")]
    mine = checksums.checksum_file(path)
    others = [p for p in _files(home) if checksums.checksum_file(p) != mine]
    alike = [p for p in others if p.stat().st_size == mine[0]]
    other = rng.choice(alike or others)
    aside = path.with_name("aside")
    path.rename(aside)
    other.rename(path)
    aside.rename(other)
    return f"swapped with {other.relative_to(home)}"


FAULTS: dict[Callable[[Path, random.Random], str], int] = {flip: 12, cut: 3, remove: 2, empty: 2, swap: 2}


def _files(folder: Path) -> list[Path]:
    """Every file that holds something; locks do not, and -shm, which SQLite makes anew, is none of the index."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size and p.suffix != ".sqlite-shm")


def _judge(whole: Whole) -> str:
    """What was wrong with how a damaged index behaved, "" when nothing."""
    index = Index.at(whole.folder)
    try:
        if answers(whole.folder, whole.config) != whole.answers:
            return "answered otherwise"
    except CorruptError:
        pass
    if not check(index, build(whole.config).store, deep=True):
        return "not found by check --deep"
    done = repair(index, whole.config)
    if done.remaining or done.lost:
        return f"not mended: {done.remaining or done.lost}"
    if check(index, build(whole.config).store, deep=True):
        return "still damaged after the repair"
    if corpus.digest(whole.folder, whole.config) != whole.digest:
        return "mended to another content"
    return "" if answers(whole.folder, whole.config) == whole.answers else "mended to other answers"


def _run(count: int, fault: Callable[[Path, random.Random, int], str]) -> Outcome:
    rng = draws(11)
    lost = []
    with TemporaryDirectory() as name:
        whole = make(Path(name))
        (whole.folder / ".rag").rename(whole.folder / "kept")
        for number in range(count):
            what = fault(again(whole), rng, number)
            try:
                wrong = _judge(whole)
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                lost.append(f"{what}: {wrong}")
    return Outcome(count, count - len(lost), lost, f"{DOCUMENTS} documents; seed 11")


def places(count: int) -> Outcome:
    """R11: one fault in one file, half of them in the manifest."""

    def one(folder: Path, rng: random.Random, number: int) -> str:
        manifest = folder / "manifest.sqlite"
        path = manifest if rng.random() < 0.5 else rng.choice(_files(folder))
        fault = rng.choices(list(FAULTS), weights=list(FAULTS.values()))[0]
        return f"{path.relative_to(folder)} {fault(path, rng)}"

    return _run(count, one)


def storage(count: int) -> Outcome:
    """R12: the vector index or the manifest gone, emptied, of another time, of another index, out of step."""

    def one(folder: Path, rng: random.Random, number: int) -> str:
        name, fault = list(WHOLE.items())[number % len(WHOLE)]
        fault(folder, rng)
        return name

    return _run(count, one)


def _live(folder: Path) -> Path:
    return folder / "generations" / (folder / "CURRENT").read_text().split()[0]


def _without_rows(folder: Path, rng: random.Random) -> None:
    """The vector index loses chunks that the manifest still names (36 of 1,178 sources were left, LangChain #39937)."""
    config = corpus.pipeline(folder.parent)
    store = build(config, path=str(_live(folder) / "shard"), readonly=False).store
    with closing(store):
        store.delete(sorted(store.ids())[::3])
        store.flush()


def _without_sources(folder: Path, rng: random.Random) -> None:
    """The manifest loses sources behind our back."""
    import sqlite3

    with closing(sqlite3.connect(folder / "manifest.sqlite")) as db, db:
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("DELETE FROM sources WHERE name LIKE '%7.txt'")


def _older(folder: Path, rng: random.Random) -> None:
    """The live generation is exchanged for one that another ingest made."""
    with TemporaryDirectory() as name:
        other = make(Path(name), documents=20)
        live = _live(folder)
        shutil.rmtree(live)
        shutil.copytree(_live(other.folder / ".rag"), live, copy_function=checksums.copy)


def _older_pointed_to(folder: Path, rng: random.Random) -> None:
    """As before, and `CURRENT` with it: whole in itself, but not this index."""
    with TemporaryDirectory() as name:
        other = make(Path(name), documents=20)
        shutil.rmtree(folder / "generations")
        shutil.copytree(other.folder / ".rag" / "generations", folder / "generations", copy_function=checksums.copy)
        shutil.copyfile(other.folder / ".rag" / "CURRENT", folder / "CURRENT")


def _other_manifest(folder: Path, rng: random.Random) -> None:
    with TemporaryDirectory() as name:
        other = make(Path(name), documents=20)
        shutil.copyfile(other.folder / ".rag" / "manifest.sqlite", folder / "manifest.sqlite")


def _unpublished(folder: Path) -> None:
    (folder / "CURRENT").unlink()
    shutil.rmtree(folder / "generations")


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


WHOLE: dict[str, Callable[[Path, random.Random], object]] = {
    "generations removed": lambda folder, rng: shutil.rmtree(folder / "generations"),
    "generations emptied": lambda folder, rng: _emptied(folder / "generations"),
    "live generation removed": lambda folder, rng: shutil.rmtree(_live(folder)),
    "live generation emptied": lambda folder, rng: _emptied(_live(folder)),
    "shard removed": lambda folder, rng: shutil.rmtree(_live(folder) / "shard"),
    "shard emptied": lambda folder, rng: _emptied(_live(folder) / "shard"),
    "segments removed": lambda folder, rng: shutil.rmtree(_live(folder) / "shard" / "segments"),
    "manifest removed": lambda folder, rng: (folder / "manifest.sqlite").unlink(),
    "manifest emptied": lambda folder, rng: (folder / "manifest.sqlite").write_bytes(b""),
    "CURRENT removed": lambda folder, rng: (folder / "CURRENT").unlink(),
    "CURRENT to another number": lambda folder, rng: (folder / "CURRENT").write_text("99 00000000\n"),
    "CURRENT and generations removed": lambda folder, rng: _unpublished(folder),
    "generation of another index": _older,
    "generation and CURRENT of another index": _older_pointed_to,
    "manifest of another index": _other_manifest,
    "chunks lost in the engine": _without_rows,
    "sources lost in the manifest": _without_sources,
}


def fingerprints(count: int) -> Outcome:
    """R13: another chunker, embedder, sparse embedder; exit 4 that says which."""
    lost = []
    changes = list(CHANGES.items())[:count]
    with TemporaryDirectory() as name:
        bases = {use: make(Path(name) / use, documents=8, embed=use) for use in ("hashing", "onnx")}
        for what, (use, kind, options, cause) in changes:
            whole = bases[use]
            stages = {k: v for k, v in whole.config.stages.items() if (k, options) != (kind, None)}
            if options is None:
                stages["retrieve"] = {**stages["retrieve"], "by": "dense"}
            else:
                stages[kind] = options if "use" in options else {**stages[kind], **options}
            config = replace(whole.config, stages=stages)
            for act in (answers, corpus.run):
                try:
                    act(whole.folder, config)
                    lost.append(f"{what}: not noticed by {act.__name__}")
                except MismatchError as error:
                    if cause not in str(error):
                        lost.append(f"{what}: {error}")
    return Outcome(len(changes), len(changes) - len({w.partition(":")[0] for w in lost}), lost)


CHUNKER, MODEL, SPARSE = "the chunker or its settings", "the embedding model", "the sparse vectors"
CHANGES: dict[str, tuple[str, str, dict[str, object] | None, str]] = {  # made with, stage, its options, the cause named
    "chunk size": ("hashing", "chunk", {"size": 50}, CHUNKER),
    "chunk context": ("hashing", "chunk", {"context": "none"}, CHUNKER),
    "chunker sentences": ("hashing", "chunk", {"use": "sentences", "size": 60}, CHUNKER),
    "chunker tokens": ("hashing", "chunk", {"use": "tokens", "size": 60}, CHUNKER),
    "dimension": ("hashing", "embed", {"width": 64}, MODEL),
    "model": ("hashing", "embed", {"use": "onnx"}, MODEL),
    "longest input": ("onnx", "embed", {"max_tokens": 128}, MODEL),
    "document prefix": ("onnx", "embed", {"document_prefix": "passage: "}, MODEL),
    "sparse b": ("hashing", "sparse", {"b": 0.2}, SPARSE),
    "sparse length": ("hashing", "sparse", {"avg_len": 50.0}, SPARSE),
    "sparse language": ("hashing", "sparse", {"language": "german"}, SPARSE),
    "no sparse": ("hashing", "sparse", None, "sparse"),
}


ROWS: dict[str, Row] = {"R11": places, "R12": storage, "R13": fingerprints}
