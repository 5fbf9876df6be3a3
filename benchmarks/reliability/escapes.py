"""S1, S2: what must not be followed, and what must not be run.

S1: links, pipes, sockets and devices among the documents, and files that are exchanged for links while they are being
read. S2: an index folder, a model folder and a pipeline file with a payload in them; every command is run on each, and
a canary file tells whether any code ran.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.types import Loaded
from rag_connectors.files import Files

SECRET = "the secret words outside"


# -- S1 ----------------------------------------------------------------------------------------------------------


def _odd(docs: Path, secret: Path) -> None:
    """Forty things that are no documents."""
    for number in range(8):
        (docs / f"link-{number}.txt").symlink_to(secret / "secret.txt")
        (docs / f"folder-link-{number}").symlink_to(secret)
        (docs / f"chain-{number}.md").symlink_to(docs / f"link-{number}.txt")
        os.mkfifo(docs / f"pipe-{number}.txt")
    for number, target in enumerate(("/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/self/mem")):
        (docs / f"device-{number}.txt").symlink_to(target)
    (docs / "loop").symlink_to(docs)
    (docs / "itself.txt").symlink_to(docs / "itself.txt")
    (docs / "gone.txt").symlink_to(docs / "nowhere")
    with closing(socket.socket(socket.AF_UNIX)) as plug:
        here = os.getcwd()
        os.chdir(docs)  # the path of a socket may not be long
        try:
            plug.bind("socket.txt")
        finally:
            os.chdir(here)


def _leaks(loaded: Loaded) -> bool:
    return any(SECRET in document.text for document in loaded.documents)


def _swapping(docs: Path, secret: Path, over: threading.Event) -> None:
    """Exchange files and their folder for links and back, as fast as it goes."""
    link, aside = docs.parent / "link", docs.parent / "aside"
    while not over.is_set():
        with suppress(OSError):
            link.symlink_to(secret / "secret.txt")
            os.replace(link, docs / "race.txt")
            (docs.parent / "sound").write_text("sound")
            os.replace(docs.parent / "sound", docs / "race.txt")
            os.rename(docs / "sub", aside)
            (docs / "sub").symlink_to(secret)
            (docs / "sub").unlink()
            os.rename(aside, docs / "sub")


def specials(count: int) -> Outcome:
    """Forty special files, and `count` - 40 scans and loads while files are exchanged for links."""
    lost: list[str] = []
    with TemporaryDirectory() as name:
        docs, secret = Path(name) / "docs", Path(name) / "secret"
        for folder in (docs, secret, docs / "sub"):
            folder.mkdir()
        (secret / "secret.txt").write_text(SECRET)
        (secret / "race.txt").write_text(SECRET)
        _odd(docs, secret)
        odd = len(list(docs.iterdir())) - 1
        (docs / "sound.txt").write_text("sound")
        connector = Files(workers=1)
        found = list(connector.load(connector.scan([str(docs)], base=str(docs))))
        lost += [
            f"{one.source.name} was taken" for one in found if (one.source.name != "sound.txt") != (not one.documents)
        ]
        lost += ["an odd file is not named"] * (len(found) != odd + 1)
        (docs / "sub" / "race.txt").write_text("sound")
        over = threading.Event()
        swapper = threading.Thread(target=_swapping, args=(docs, secret, over))
        swapper.start()
        try:
            for number in range(max(0, count - odd)):
                loaded = list(connector.load(connector.scan([str(docs)], base=str(docs))))
                lost += [f"race {number}: {one.source.name} leaked" for one in loaded if _leaks(one)]
        finally:
            over.set()
            swapper.join()
    injected = max(count, odd)
    return Outcome(injected, injected - len(lost), lost, f"{odd} special files, {injected - odd:,} races")


# -- S2 ----------------------------------------------------------------------------------------------------------


class Payload:
    """Unpickling it runs a command."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.canary}",)


def _code(canary: Path) -> str:
    return f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n"


def _poisons(folder: Path, canary: Path) -> dict[str, Callable[[], None]]:
    """Ways to put code into an index, a model folder, a pipeline, or beside the command."""
    pickled, code = pickle.dumps(Payload(canary)), _code(canary)
    index, model = folder / ".rag", folder / "model"
    tag = f"!!python/object/apply:os.system ['touch {canary}']"

    def put(path: Path, content: bytes | str) -> Callable[[], None]:
        def act() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

        return act

    def rows(table: str, column: str, value: bytes | str) -> Callable[[], None]:
        def act() -> None:
            with closing(sqlite3.connect(index / "manifest.sqlite")) as db, db:
                db.execute(f"UPDATE {table} SET {column} = ?", (value,))

        return act

    def shard(pattern: str) -> Callable[[], None]:
        def act() -> None:
            for path in index.glob(f"generations/*/shard/{pattern}"):
                if path.is_file():
                    path.write_bytes(pickled)

        return act

    def pipeline(old: str, new: str) -> Callable[[], None]:
        return put(folder / "tiny.yaml", corpus.TINY.replace(old, new))

    def configured(name: str, data: object) -> Callable[[], None]:
        def act() -> None:
            put(model / name, json.dumps(data))()
            put(model / "evil.py", code)()
            pipeline("{use: hashing, width: 32}", "{use: onnx, model: ./model}")()

        return act

    def weights(name: str) -> Callable[[], None]:
        def act() -> None:
            put(model / name, pickled)()
            put(model / "config.json", '{"model_type": "bert"}')()
            pipeline("{use: hashing, width: 32}", "{use: transformers, model: ./model}")()

        return act

    beside = ("rag", "numpy", "sqlite3", "json", "qdrant_edge", "pypdf", "sitecustomize", "usercustomize")
    poisons: dict[str, Callable[[], None]] = {
        **{f"{name}.py beside the documents": put(folder / f"{name}.py", code) for name in beside},
        **{
            f"{name}.py among the documents": put(folder / "docs" / f"{name}.py", code) for name in ("json", "conftest")
        },
        "pickle as a document": put(folder / "docs" / "a.pkl", pickled),
        "pickle as a text": put(folder / "docs" / "a.txt", pickled),
        "tag in front matter": put(folder / "docs" / "a.md", f"---\ntitle: {tag}\n---\ntext\n"),
        "pickle in vectors": rows("vectors", "dense", pickled),
        "pickle in sparse vectors": rows("vectors", "sparse", pickled),
        "code in sections": rows("documents", "sections", f"__import__('os').system('touch {canary}')"),
        "code in meta": rows("documents", "meta", f"__import__('os').system('touch {canary}')"),
        "code in stamps": rows("sources", "stamp", f"__import__('os').system('touch {canary}')"),
        "command as a file's name": rows("sources", "reason", f"$(touch {canary})`touch {canary}`"),
        "pipeline named in facts": rows("facts", "value", f"{folder}/evil.yaml"),
        "pickle as storage": put(index / "collection" / "rag" / "storage.sqlite", pickled),
        "pickle as meta": put(index / "meta.json", pickled),
        "code as CURRENT": put(index / "CURRENT", code),
        "pickle as facts": put(index / "generations" / "1" / "facts.json", pickled),
        "pickle as the shard's config": shard("edge_config.json"),
        "pickle as the shard's files": shard("segments/*/*.json"),
        "pickle as the pointer's lock": put(index / "writer.lock", pickled),
        "code in the index": put(index / "__init__.py", code),
        "tag in the pipeline": pipeline("k: 5", f"k: {tag}"),
        "tag as a stage": pipeline("{use: bm25}", tag),
        "module as a stage": pipeline("use: structure", "use: os:system"),
        "code as a model": pipeline("{use: hashing, width: 32}", "{use: onnx, model: ./evil.py}"),
        "auto_map": configured("config.json", {"auto_map": {"AutoModel": "evil.Model"}, "model_type": "bert"}),
        "trust_remote_code": configured("config.json", {"trust_remote_code": True, "model_type": "bert"}),
        "tokenizer auto_map": configured("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.T", None]}}),
        "modules outside": configured(
            "modules.json", [{"idx": 0, "name": "0", "path": "../evil", "type": "evil.Model"}]
        ),
        **{f"{name}": weights(name) for name in ("pytorch_model.bin", "model.pt", "model.pkl", "model.safetensors")},
    }
    return poisons


COMMANDS = (
    ["search", "berth", "-k", "1"],
    ["ask", "How long is berth 3?"],
    ["status"],
    ["config"],
    ["ingest", "docs"],
    ["ingest", "docs", "--rebuild", "--pipeline", "./tiny.yaml"],
)


def poisoned(count: int) -> Outcome:
    """The first `count` payloads; every command on each."""
    lost: list[str] = []
    with TemporaryDirectory() as name:
        clean, canary = Path(name) / "clean", Path(name) / "canary"
        clean.mkdir()
        config = corpus.pipeline(clean)
        corpus.write(clean / "docs", range(5))
        corpus.run(clean, config)
        names = list(_poisons(clean, canary))[:count]
        for number, poison in enumerate(names):
            folder = Path(name) / str(number)
            shutil.copytree(clean, folder)
            (folder / "evil.py").write_text(_code(canary))
            _poisons(folder, canary)[poison]()
            for words in COMMANDS:
                did = apart.command(words, folder)
                if canary.exists():
                    lost.append(f"{poison}: {' '.join(words)} ran it")
                    canary.unlink()
                if did.code < 0 or "Traceback" in did.err:
                    lost.append(f"{poison}: {' '.join(words)} ended with {did.code}: {did.err[-200:]}")
    return Outcome(len(names), len(names) - len(lost), lost, f"{len(COMMANDS)} commands on each")


ROWS: dict[str, Row] = {"S1": specials, "S2": poisoned}
