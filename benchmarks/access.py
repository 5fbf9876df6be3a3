"""Whether anything of a document leaves a server for those who may not see it: random groups, documents and requests.

    python -m benchmarks.access --cases 10000

Every document holds words of its own, in its text, title, file name, fields and links. A case is one request through
one door by one token. Two things are compared. No word of a hidden document stands in the reply, unless the request
had it. And the reply is, byte for byte but for times, that of a server whose index never held the hidden documents: so
no count, order, score, error or page of a list tells of them.
"""

import argparse
import json
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from starlette.testclient import TestClient

from benchmarks.common import LINKED_PIPELINE
from rag import Pipeline
from rag.index.folder import Index
from rag.index.visible import list_documents
from rag.serve.app import make_app
from rag.serve.settings import settings_of
from rag.serve.tokens import NAME, TokenFile
from tests.connectors import samples

GROUPS = ("hr", "legal", "sales", "board")
DOCUMENTS = 12
THINGS = ("router", "winch", "crane", "ledger", "canteen", "harbour")
BASE = "http://127.0.0.1"
_TIMES = re.compile(r'"(?:seconds|created|time|memory_mb)": ?[0-9.e-]+|"id": ?"(?:chatcmpl-[^"]*|[0-9a-f]{32})"')


@dataclass(slots=True)
class Paper:
    """A document of a world: `word` is what others call it, `secret` stands nowhere else.

    `groups` are those it is for, None: everyone. One that `is_record` is one of many in a file.
    """

    name: str
    word: str
    secret: str
    text: str
    groups: tuple[str, ...] | None
    is_record: bool

    def is_for(self, groups: frozenset[str]) -> bool:
        """Whether members of these groups may see it."""
        return self.groups is None or bool(groups & set(self.groups))


@dataclass(slots=True)
class World:
    """Papers, who asks, and the words of all papers."""

    papers: list[Paper]
    readers: list[frozenset[str]]
    words: list[str] = field(default_factory=list)


def _word(random: Random) -> str:
    return f"Zq{''.join(random.choices('abcdefghiklmnoprstuvw', k=8))}"


def make_world(random: Random, readers: int) -> World:
    """Papers that lead to one another by their names, whoever may see them."""
    words = [_word(random) for _ in range(DOCUMENTS)]
    papers = []
    for n, word in enumerate(words):
        secret = _word(random)
        groups = None if random.random() < 0.35 else tuple(sorted(random.sample(GROUPS, random.randint(0, 2))))
        others = " ".join(f"It belongs to {other}." for other in random.sample(words, 2))
        thing, number = random.choice(THINGS), random.randint(2, 90)
        text = (
            f"{word}\n\nThe {thing} of {word} weighs {number} kg. {others} Its {random.choice(THINGS)} is {secret}.\n"
        )
        name = f"{random.choice(THINGS)}-{secret}.{'pdf' if n % 3 == 1 else 'txt'}"
        papers.append(Paper(name, word, secret, text, groups, n % 3 == 0))
    chosen = [frozenset(random.sample(GROUPS, random.randint(0, 3))) for _ in range(readers)]
    return World(papers, chosen, words + [paper.secret for paper in papers])


def write(folder: Path, papers: Sequence[Paper]) -> None:
    """The papers as files and as records of one file, and an index of them."""
    docs = folder / "docs"
    docs.mkdir(parents=True)
    records = []
    for paper in papers:
        own = {} if paper.groups is None else {"access": list(paper.groups)}
        fields = {f"field{paper.secret}": paper.secret, "kind": paper.secret if paper.is_record else "note"}
        if paper.is_record:
            records.append({"id": paper.word, "title": paper.word, "text": paper.text, **fields, **own})
            continue
        as_file = samples.pdf([paper.text.splitlines()]) if paper.name.endswith(".pdf") else paper.text.encode()
        (docs / paper.name).write_bytes(as_file)
        if paper.groups is not None:
            (docs / f"{paper.name}.access").write_text(", ".join(paper.groups))
    if records:
        (docs / "records.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records))
    (folder / "pipeline.yaml").write_text(LINKED_PIPELINE)
    with Pipeline.load(str(folder / "pipeline.yaml"), index=folder) as pipeline:
        pipeline.ingest([docs])


@dataclass(frozen=True, slots=True)
class Ids:
    """What a reader may have heard of: all ids of documents and passages, hidden ones too, and ids of none."""

    documents: Sequence[str]
    passages: Sequence[str]
    sources: Sequence[str]


def find_ids(folder: Path) -> Ids:
    """Of an index."""
    with closing(Index.at(folder).read_manifest()) as manifest:
        rows = list_documents(manifest, None)
        unknown = "11111111-2222-3333-4444-555555555555"
        return Ids([row.id for row in rows] + [unknown], [*manifest.chunk_ids(), unknown], [r.source for r in rows])


Call = tuple[str, str, dict[str, Any]]  # method, path, options of the client


def _question(random: Random, world: World) -> str:
    words = random.choices([*world.words, *THINGS, "weighs", "belongs", "kg"], k=random.randint(1, 4))
    return f"{random.choice(['What', 'Who', 'Which'])} {' '.join(words)}?"


def _body(random: Random, world: World, ids: Ids, key: str) -> dict[str, Any]:
    body: dict[str, Any] = {key: _question(random, world), "k": random.choice([1, 3, 20])}
    if random.random() < 0.3:
        word = random.choice(world.words)
        where: list[dict[str, Any]] = [{f"field{word}": word}, {"kind": word}, {"access": "hr"}, {"title": word}]
        body["where"] = random.choice(where)
    if random.random() < 0.2:
        body["source"] = [random.choice([*ids.sources, "docs/*", "*Zq*"])]
    return body


def _ask(random: Random, world: World, ids: Ids) -> Call:
    return "POST", "/v1/ask", {"json": _body(random, world, ids, "question")}


def _stream(random: Random, world: World, ids: Ids) -> Call:
    headers = {"Accept": "text/event-stream"}
    return "POST", "/v1/ask", {"json": _body(random, world, ids, "question"), "headers": headers}


def _search(random: Random, world: World, ids: Ids) -> Call:
    return "POST", "/v1/search", {"json": _body(random, world, ids, "query")}


def _tree(random: Random, world: World, ids: Ids) -> Call:
    return "POST", "/v1/tree", {"json": _body(random, world, ids, "query")}


def _explain(random: Random, world: World, ids: Ids) -> Call:
    target = {"source": random.choice([*ids.sources, *ids.documents])}
    if random.random() < 0.5:
        target = {"passage": random.choice([*ids.passages, *world.words])}
    return "POST", "/v1/explain", {"json": {"question": _question(random, world), **target}}


def _list(random: Random, world: World, ids: Ids) -> Call:
    return (
        "GET",
        "/v1/documents",
        {"params": {"limit": random.choice([1, 3, 50]), "after": random.choice(ids.documents)}},
    )


def _document(random: Random, world: World, ids: Ids) -> Call:
    end = random.choice(["", "", "/text", "/file", "/view", "/pages/1.png", "/pages/1/boxes?start=5&end=60"])
    return "GET", f"/v1/documents/{random.choice([*ids.documents, random.choice(ids.passages)])}{end}", {}


def _upload(random: Random, world: World) -> Call:
    """A file of the reader's own that speaks of others' papers, or has the name or the text of one of them."""
    name = random.choice([f"{_word(random)}.txt", random.choice(world.papers).name.replace(".pdf", ".txt")])
    own = f"{_word(random)}\n\nThe {random.choice(THINGS)} belongs to {random.choice(world.words)}.\n"
    text = random.choice([own, random.choice(world.papers).text])
    return "POST", "/v1/jobs", {"files": {"files": (name, text)}}


def _about(random: Random, world: World, ids: Ids) -> Call:
    paths = ("/v1/status", "/v1/indexes", "/v1/pipelines", "/v1/models", "/health", "/openapi.json", "/v1/jobs")
    return "GET", random.choice(paths), {}


def _chat(random: Random, world: World, ids: Ids) -> Call:
    body = {"model": "default", "messages": [{"role": "user", "content": _question(random, world)}]}
    return "POST", "/v1/chat/completions", {"json": {**body, "stream": random.random() < 0.5}}


def _tool(random: Random, world: World, ids: Ids) -> Call:
    question, some = _question(random, world), random.choices(ids.passages, k=2)
    name, arguments = random.choice(
        [
            ("ask", {"question": question}),
            ("search", {"query": question}),
            ("fetch", {"id": random.choice([*ids.passages, *ids.documents])}),
            ("hops", {"ids": some, "question": question}),
            ("list_documents", {"after": random.choice(ids.documents), "limit": random.choice([1, 50])}),
        ]
    )
    return _mcp("tools/call", {"name": name, "arguments": arguments})


def _resource(random: Random, world: World, ids: Ids) -> Call:
    if random.random() < 0.3:
        return _mcp("resources/list", {})
    return _mcp("resources/read", {"uri": f"raghop://default/{random.choice(ids.documents)}"})


def _mcp(method: str, params: dict[str, Any]) -> Call:
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return "POST", "/mcp", {"json": message, "headers": headers}


DOORS: tuple[Callable[[Random, World, Ids], Call], ...] = (
    _ask, _stream, _search, _tree, _explain, _list, _document, _about, _chat, _tool, _tool, _resource,
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """Requests by path and status, and what was wrong, in words."""

    requests: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)


def serve(stack: ExitStack, folder: Path, tokens: Path) -> TestClient:
    """A server of an index."""
    settings = settings_of({"indexes": {"default": str(folder)}, "tokens": str(tokens), "rate": 10**9})
    return stack.enter_context(TestClient(make_app(settings), base_url=BASE, raise_server_exceptions=False))


def run(seed: int, *, readers: int, cases: int, uploads: int = 0) -> Outcome:
    """Requests by the readers of one world, `cases` each; the last then uploads files, and asks once more.

    Others than the last upload nothing: what they did would be for some of those who come after them.
    """
    random, outcome = Random(seed), Outcome()
    world = make_world(random, readers)
    with ExitStack() as stack:
        top = Path(tempfile.mkdtemp(prefix="access-"))
        stack.callback(shutil.rmtree, top, ignore_errors=True)
        tokens = TokenFile(top / NAME)
        write(top / "whole" / "index", world.papers)
        whole, ids = serve(stack, top / "whole" / "index", tokens.path), find_ids(top / "whole" / "index")
        for n, groups in enumerate(world.readers):
            last = n == readers - 1 and uploads > 0
            role = "writer" if last else random.choice(["reader", "writer"])
            headers = {"Authorization": f"Bearer {tokens.make(f'reader{n}', role, ','.join(groups))}"}
            place = top / f"part{n}" / "index"
            write(place, [paper for paper in world.papers if paper.is_for(groups)])
            hidden = [paper.secret for paper in world.papers if not paper.is_for(groups)]
            with ExitStack() as inner:
                part = serve(inner, place, tokens.path)
                for turn in range(cases + uploads if last else cases):
                    if turn < cases:
                        call = random.choice(DOORS)(random, world, ids)
                    else:
                        call = _upload(random, world)
                        told = json.dumps(call)
                        hidden = [word for word in hidden if word not in told]  # its user has said it
                    outcome.leaks += compare(call, headers, whole, part, hidden, outcome.requests)
                for _ in range(cases // 4 if last else 0):
                    call = random.choice(DOORS)(random, world, ids)
                    outcome.leaks += compare(call, headers, whole, part, hidden, outcome.requests)
    return outcome


def compare(
    call: Call, headers: dict[str, str], whole: TestClient, part: TestClient, hidden: Sequence[str], seen: Counter[str]
) -> Iterator[str]:
    """What a reply says that it must not."""
    method, path, options = call
    options = {**options, "headers": {**options.get("headers", {}), **headers}}
    reply, expected = (_finish(client, client.request(method, path, **options), headers) for client in (whole, part))
    seen[f"{'/'.join(path.split('/')[:3])} {reply.status_code}"] += 1
    asked = json.dumps(call).casefold()
    said = f"{reply.text} {json.dumps(dict(reply.headers))}".casefold()
    words = [word for word in hidden if word.casefold() in said and word.casefold() not in asked]
    given = options.get("json") or options.get("params")
    if words:
        yield f"{method} {path} {given}: says {words}"
    if _plain(reply) != _plain(expected):
        yield f"{method} {path} {given}: {_plain(reply)} is not {_plain(expected)}"


def _finish(client: TestClient, reply: Any, headers: dict[str, str]) -> Any:
    """The reply; of a job that began, what it came to, once that can be searched."""
    if reply.status_code != 202:
        return reply
    while (job := client.get(reply.headers["location"], headers=headers)).json()["state"] in ("waiting", "running"):
        time.sleep(0.05)
    pool = client.app.state.pools.pool()  # type: ignore[attr-defined]
    while pool.generation.encode() != (pool.index.pointer_text() or b"").strip():
        time.sleep(0.05)
    return job


def _plain(reply: Any) -> tuple[int, str, str]:
    """A reply without times."""
    return reply.status_code, reply.headers.get("content-type", ""), _TIMES.sub("", reply.text)


def main() -> None:
    """Many worlds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--each", type=int, default=100, help="cases of a reader")
    parser.add_argument("--uploads", type=int, default=2, help="by the last reader of each world")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    total, leaks, done = Counter[str](), list[str](), 0
    while done < given.cases:
        outcome = run(given.seed + done, readers=given.readers, cases=given.each, uploads=given.uploads)
        total += outcome.requests
        leaks += outcome.leaks
        done = sum(total.values())
        print(f"{done:,} cases, {len(leaks)} leaks", *outcome.leaks[:5], sep="\n", flush=True)
    print(json.dumps(total, indent=1, sort_keys=True))
    raise SystemExit(bool(leaks))


if __name__ == "__main__":
    main()
