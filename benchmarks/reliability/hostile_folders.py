"""Indexes made to harm who asks them: links, pipes, owners, pipelines. Each is planted in a sound index."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

from benchmarks.reliability.corpus import TINY
from rag.config import build, parse
from rag.index.folder import Index

SECRET = "sk-canary-7f3a"  # in the environment, in a file outside, in a password
VARIABLE = "CANARY_KEY"
OTHER = 12345  # a user that is nobody here
FILES = (
    "writer.lock", "CURRENT", "CURRENT.new", "seal.json", "seal.json.new", ".gitignore", ".gitignore.new",
    "manifest.sqlite", "manifest.sqlite-wal", "manifest.sqlite-shm", "manifest.sqlite-journal", "chats.sqlite",
    "chats.sqlite-journal", "served.txt", "served.txt.new", "generations/1.lock", "generations/1/facts.json",
    "generations/1/chunks.txt",
)  # fmt: skip
FOLDERS = ("generations", "generations/1", "generations/2.new", "generations/2", "generations/1/shard", "salvage", ".")
READ = ("status", "config", "search berth", "ask berth", "export out.zip")
WRITE = (
    "chat --new", "check", "check --repair", "ingest docs", "delete docs/00001.txt", "purge docs/00002.txt", "rebuild",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is planted: a folder with documents and `.rag`, one beside it that is to stay as it is, a URL."""

    folder: Path
    outside: Path
    url: str


Plant: TypeAlias = Callable[[Place], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to harm. `refused` commands must fail, naming `said`; the others may do what they like, but no harm."""

    plant: Plant
    refused: tuple[str, ...]
    said: str
    others: tuple[str, ...] = ()
    own: bool = False  # the user names the server: it may be contacted, nothing else


def variants() -> dict[str, Variant]:
    """All of them, the kinds mixed."""
    kinds = [dict(kind()) for kind in (_entries, forgeries, _pipelines, _owners, _users)]
    order = [(number / len(kind), name, one) for kind in kinds for number, (name, one) in enumerate(kind.items())]
    return {name: one for _, name, one in sorted(order, key=lambda row: row[:2])}


def _at(name: str, act: Callable[[Path, Path], object], victim: str) -> Plant:
    def plant(place: Place) -> None:
        path = place.folder / ".rag" / name
        if os.path.lexists(path):
            path.rename(place.folder / f"{path.name}.aside")
        act(path, place.outside / victim)

    return plant


def _socket(path: Path, victim: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as plug:
        here = os.getcwd()
        os.chdir(path.parent)  # the path of a socket may not be long
        try:
            plug.bind(path.name)
        finally:
            os.chdir(here)


def _entries() -> Iterator[tuple[str, Variant]]:
    every = READ + WRITE
    for name in FILES:
        yield f"link {name}", Variant(_at(name, Path.symlink_to, "victim.txt"), every, Path(name).name)
    for name in FOLDERS:
        said = ".rag" if name == "." else Path(name).name
        yield f"link {name}", Variant(_at(name, Path.symlink_to, "victims"), every, said)
    for name in ("writer.lock", "CURRENT.new", "manifest.sqlite", "chats.sqlite", "salvage"):
        yield f"dangling link {name}", Variant(_at(name, Path.symlink_to, "nothing"), every, name)
    for name in ("writer.lock", "CURRENT.new", "seal.json.new", ".gitignore", "chats.sqlite", "generations/1.lock"):
        plant = _at(name, Path.hardlink_to, "victim.txt")
        yield f"hard link {name}", Variant(plant, WRITE, Path(name).name, READ)
    for name in ("writer.lock", "CURRENT", "manifest.sqlite", "generations/1.lock"):
        yield f"pipe {name}", Variant(_at(name, lambda path, _: os.mkfifo(path), ""), every, Path(name).name)
    yield "socket writer.lock", Variant(_at("writer.lock", _socket, ""), every, "writer.lock")


def forgeries() -> Iterator[tuple[str, Variant]]:
    """Seals and facts with right checksums that no raghop writes."""
    nests = b"[" * 100_000

    def seal(body: bytes) -> Plant:
        def plant(place: Place) -> None:
            (place.folder / ".rag" / "seal.json").write_bytes(b"%08x\n" % crc32(body) + body)

        return plant

    def facts(change: Callable[[dict[str, Any]], object] | bytes) -> Plant:
        def plant(place: Place) -> None:
            (place.folder / ".rag" / "seal.json").unlink()
            path = place.folder / ".rag" / "generations" / "1" / "facts.json"
            text = change if isinstance(change, bytes) else path.read_bytes()
            if not isinstance(change, bytes):
                data = json.loads(text)
                change(data)
                text = json.dumps(data).encode()
            path.write_bytes(text)
            (place.folder / ".rag" / "CURRENT").write_text(f"1 {crc32(text):08x}\n")

        return plant

    asked, rest = ("search berth", "ask berth"), ("status", "config", *WRITE)
    for name, body in {
        "nests": nests,
        "no fields": b'{"format": 1}',
        "a list": b"[]",
        "no files": b'{"format": 1, "files": 3}',
    }.items():
        yield f"seal of {name}", Variant(seal(body), asked, "rag check --repair", rest)
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "a shard elsewhere": lambda data: data.update(shard="/etc"),
        "files elsewhere": lambda data: data["files"].update({"../../../../outside/victim.txt": [10, 1]}),
        "no sizes": lambda data: data.update(files={"shard": ["x"]}),
        "facts that are numbers": lambda data: data["facts"].update(pipeline=5),
        "facts that are none": lambda data: data.update(facts=7),
    }
    yield "facts of nests", Variant(facts(nests), asked, "rag check --repair", rest)
    for name, change in changes.items():
        yield f"facts with {name}", Variant(facts(change), asked, "rag check --repair", rest)


def _forge(**facts: str) -> Plant:
    """Let the index say this of itself, in manifest and vector index."""

    def plant(place: Place) -> None:
        words = {"URL": place.url, "HERE": str(place.folder), "OUTSIDE": str(place.outside)}
        said = {name.replace("_", "."): value for name, value in facts.items()}
        for word, value in words.items():
            said = {name: text.replace(word, value) for name, text in said.items()}
        index, store = Index.at(place.folder), build(parse(TINY, name="tiny", origin="tiny")).store
        with index.edit_manifest() as manifest:
            with manifest.transaction():
                kept = {name: text for name, text in manifest.facts().items() if name != "pipeline.yaml"}
                manifest.set_facts({**kept, **said})
            index.publish(manifest, store, fresh=False)

    return plant


def _yaml(**stages: str) -> Plant:
    """An index made by a pipeline in which these stages are so."""
    lines = [line for line in TINY.splitlines() if line.split(":")[0] not in stages]
    return _forge(
        pipeline="HERE/mine.yaml", pipeline_yaml="\n".join([*lines, *(f"{k}: {v}" for k, v in stages.items())])
    )


LLM = f"{{use: openai, base_url: 'URL/v1', model: m, api_key_env: {VARIABLE}, retries: 0}}"
QDRANT = f"{{use: qdrant, url: 'URL', api_key_env: {VARIABLE}}}"


def _pipelines() -> Iterator[tuple[str, Variant]]:
    def evil(place: Place) -> None:
        text = TINY.replace("{use: extractive}", LLM.replace("URL", place.url))
        for folder in (place.folder, place.outside.parent):
            (folder / "evil.yaml").write_text(text)
        os.mkfifo(place.folder / "pipe.yaml")
        (place.folder / "model").mkdir()
        os.mkfifo(place.folder / "model" / "config.json")

    def both(plant: Plant) -> Plant:
        def act(place: Place) -> None:
            evil(place)
            plant(place)

        return act

    ask, rest = ("ask berth",), ("config", "chat --new", "check --repair", "export out.zip")
    use = (*ask, "search berth", "ingest docs", "rebuild", "purge docs/00001.txt")
    for name in ("HERE/evil.yaml", "evil.yaml", "../evil.yaml", "HERE/pipe.yaml", "/dev/zero.yaml", "URL/evil.yaml"):
        yield f"pipeline {name}", Variant(both(_forge(pipeline=name)), use, "--pipeline", rest)
    yield (
        "an unfinished rebuild",
        Variant(_forge(pipeline_yaml=TINY, rebuilding="[" * 9000), ("ingest docs",), "not finished", READ),
    )
    yield "pipeline in escapes", Variant(both(_forge(pipeline="a\x1b[2J\nrag: ok\u202e")), ask, "--pipeline", rest)
    yield "text with a tag", Variant(_forge(pipeline="x", pipeline_yaml="k: !!python/name:os.system"), ask, "tag")
    yield "text without an end", Variant(_forge(pipeline="x", pipeline_yaml="a: [" * 5000), ask, "rag")
    yield "text that multiplies", Variant(_forge(pipeline="x", pipeline_yaml="a: &a [x]\nb: [*a, *a]"), ask, "alias")
    yield "text of 2 MB", Variant(_forge(pipeline="x", pipeline_yaml="#" * 2_000_000), ask, "longer")
    for name in ("local-llm", "server"):
        yield f"shipped {name}", Variant(_forge(pipeline=name), ask, "rag: ", rest)
    outside = {
        "embed": ("{use: onnx, model: HERE/model}", "{use: onnx, model: //host/share}", "{use: onnx, weights: HERE}"),
        "hop": ("{use: encoder, weights: OUTSIDE/victim.txt}", "{use: treehop, weights: OUTSIDE}"),
        "rerank": ("{use: reader, weights: OUTSIDE/victim.txt}", "{use: cross_encoder, model: HERE/model}"),
        "chunk": ("{use: other}", "{use: 'os:system'}", "{use: 'rag.maintain.remove:delete'}"),
        "store": (QDRANT, "{use: qdrant}"),
    }  # fmt: skip
    for kind, stages in outside.items():
        for stage in stages:
            yield f"{kind}: {stage}", Variant(both(_yaml(**{kind: stage})), use, "rag: ", rest)
    writers = (
        LLM,
        "{use: transformers, model: HERE/model}",
        "{use: withheld, reason: Run this}",
        "{use: reader, weights: HERE}",
    )
    for stage in writers:
        yield (
            f"generate: {stage}",
            Variant(both(_yaml(generate=stage)), ask, "--pipeline HERE/mine.yaml", use[1:] + rest),
        )
    for more in ({"chunk": "{use: structure, context: llm}"}, {"rerank": "{use: listwise}"}):
        yield f"generate: openai, {more}", Variant(_yaml(generate=LLM, **more), ask, "--pipeline", rest)
    yield "roots outside", Variant(_roots, ("ask berth",), "check --repair", ("check --repair", "export out.zip"))


def _roots(place: Place) -> None:
    """A damaged index that asks for a repair, which would read what lies outside."""
    with Index.at(place.folder).edit_manifest() as manifest, manifest.transaction():
        manifest.add_roots([str(place.outside), "../outside", "/etc"])
    (place.folder / ".rag" / "manifest.sqlite").write_bytes(b"damaged" * 1000)
    (place.folder / ".rag" / "CURRENT").write_text("damaged")


def _owners() -> Iterator[tuple[str, Variant]]:
    def give(name: str) -> Plant:
        def plant(place: Place) -> None:
            path = place.folder / ".rag" / name
            if not path.exists():
                path.touch()
            os.chown(path, OTHER, OTHER)

        return plant

    for name in (".", "manifest.sqlite", "seal.json", "generations", "generations/1/facts.json", "generations/1.lock"):
        yield f"{name} of another user", Variant(give(name), READ + WRITE, "--trust", ("ask berth --trust",))

    def link(place: Place) -> None:
        _at("CURRENT.new", Path.symlink_to, "victim.txt")(place)
        give(".")(place)

    trusted = tuple(f"{command} --trust" for command in READ + WRITE)
    yield "trust and a link", Variant(link, trusted, "CURRENT.new")


def _users() -> Iterator[tuple[str, Variant]]:
    """What a user names is contacted, and no proxy and no service of the environment besides."""

    def mine(**stages: str) -> Plant:
        def plant(place: Place) -> None:
            lines = [line for line in TINY.splitlines() if line.split(":")[0] not in stages]
            text = "\n".join([*lines, *(f"{kind}: {stage}" for kind, stage in stages.items())])
            (place.folder / "mine.yaml").write_text(text.replace("URL", place.url))

        return plant

    named = ("ask berth --pipeline mine.yaml",)
    yield "a named language model", Variant(mine(generate=LLM), named, "500", READ, own=True)
    yield "a named server", Variant(mine(store=QDRANT), named, "500", READ, own=True)
    shown = ("config --pipeline mine.yaml", "ingest docs --pipeline mine.yaml", *named)
    for stages in ({"store": QDRANT}, {"generate": LLM}):
        for url in (f"http://me:{SECRET}@127.0.0.1:1", f"http://127.0.0.1:1/?key={SECRET}"):
            plant = mine(**{kind: stage.replace("URL", url) for kind, stage in stages.items()})
            others = ("pipelines show mine.yaml", "pipelines check mine.yaml", "status")
            yield f"{url.replace(SECRET, 'KEY')} as {next(iter(stages))}", Variant(plant, shown, "credentials", others)
