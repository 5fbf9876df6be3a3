"""Files with fields of every kind: none stops the others, and each value finds its documents.

    python -m benchmarks.reliability.values [FILES]

Random JSON, JSON Lines and front matter: numbers of any size, nesting, aliases, odd names, colliding ids. No file may
fail, the deep check finds nothing, and a filter by any value of any document finds what plain Python does.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.reliability import corpus
from rag.cli.where import make_filter
from rag.errors import InputError
from rag.index.folder import Index
from rag.maintain.check import find_problems
from rag.pipeline import Pipeline
from rag.types import Filter

SCALARS = (
    "0 1 -1 -0.0 1.5 1e3 1e400 -1e400 1e-400 9007199254740993 9223372036854775807 9223372036854775808 NaN Infinity true"
    ' false null "" "a" "A" "1" "true" "é" "a=b" "\\ud800" "\\u0000" "2024-01-02" [] {}'
).split()
YAML = (
    "0|1|1.5|.inf|.NaN|1_000|0x1F|012|12:30|yes|no|ON|~|2024-01-02|2024-13-45|2024-01-02T03:04:05Z|'a'|\"1\"|é|a=b|[]|{}"
    "|!!binary aGk=|!!set {x, y}|!!int x|&a [*a]|1.0e+400|-.inf"
).split("|")
NAMES = ["year", "Year", "tags", "a.b", "a", "ä", "x=y", "id", "name", "on", "yes", "1", "title", "source", "", " n "]


def number(rng: random.Random) -> str:
    return rng.choice(["", "-"]) + "".join(rng.choices("123456789", k=rng.choice([1, 3, 18, 19, 20, 40, 400, 5000])))


def json_value(rng: random.Random, depth: int = 0) -> str:
    if depth < 4 and rng.random() < 0.3:
        inner = [json_value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
        if rng.random() < 0.5:
            return f"[{', '.join(inner)}]"
        return "{" + ", ".join(f"{json.dumps(rng.choice(NAMES))}: {one}" for one in inner) + "}"
    return number(rng) if rng.random() < 0.2 else rng.choice(SCALARS)


def record(rng: random.Random, n: int) -> str:
    fields = [f'"text": "Record {n} of the archive {rng.randint(0, 99)}."']
    fields += [f"{json.dumps(rng.choice(NAMES))}: {json_value(rng)}" for _ in range(rng.randint(0, 5))]
    if rng.random() < 0.5:
        fields.append(f'"id": {rng.choice(["1", json.dumps("page"), json.dumps("page#2"), "true", number(rng)])}')
    rng.shuffle(fields)
    return "{" + ", ".join(fields) + "}"


def json_file(rng: random.Random) -> tuple[str, str]:
    return ".json", f"[{', '.join(record(rng, n) for n in range(rng.randint(1, 6)))}]"


def jsonl_file(rng: random.Random) -> tuple[str, str]:
    return ".jsonl", "\n".join(record(rng, n) for n in range(rng.randint(1, 6)))


def markdown_file(rng: random.Random) -> tuple[str, str]:
    names = rng.sample([name for name in NAMES if name.strip()], rng.randint(0, 6))
    values = [number(rng) if rng.random() < 0.2 else rng.choice(YAML) for _ in names]
    block = "".join(f"{name}: {value}\n" for name, value in zip(names, values, strict=True))
    return ".md", f"---\n{block}---\n# Note {rng.randint(0, 99)}\n\nThe note of the archive.\n"


KINDS: tuple[Callable[[random.Random], tuple[str, str]], ...] = (json_file, jsonl_file, markdown_file)


def same(a: Any, b: Any) -> bool:
    return isinstance(a, bool) is isinstance(b, bool) and isinstance(a, str) is isinstance(b, str) and a == b


def main(files: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "docs").mkdir()
        for n in range(files):
            rng = random.Random(n)
            suffix, text = KINDS[n % len(KINDS)](rng)
            (folder / "docs" / f"{n}{suffix}").write_text(text, encoding="utf-8", errors="surrogatepass")
        report = corpus.run(folder, corpus.pipeline(folder))
        assert len(report.files) == files and not report.count("failed"), [
            f for f in report.files if f.status == "failed"
        ]
        index = Index.at(folder)
        config = corpus.pipeline(folder)
        with closing(index.read_manifest()) as manifest:
            documents = [document for name in manifest.sources() for document in manifest.documents(name)]
        wanted = {
            (name, type(one), one)
            for d in documents
            for name, v in d.meta.items()
            for one in (v if isinstance(v, tuple) else (v,))
        }
        wrong = written = 0
        with Pipeline(config, index) as pipeline:
            assert not list(find_problems(index, pipeline.stages.store, deep=True))
            for name, _, value in sorted(wanted, key=repr):
                if not name:
                    continue
                expected = {
                    d.id
                    for d in documents
                    for key, own in d.meta.items()
                    if key.casefold() == name.casefold()
                    and any(same(one, value) for one in (own if isinstance(own, tuple) else (own,)))
                }
                hits = pipeline.search("archive", k=1000, filter=Filter({f"meta.{name}": (value,)}))
                wrong += {hit.chunk.doc_id for hit in hits} != expected
                try:
                    filter = make_filter(index, None, [f"{name}={value}"])
                except InputError:
                    continue  # a name with "=" in it, or an empty one
                written += expected <= {hit.chunk.doc_id for hit in pipeline.search("archive", k=1000, filter=filter)}
    print(f"{files} files, {report.count('degraded')} degraded, {len(documents)} documents, {len(wanted)} values")
    print(f"{wrong} filters wrong; {written} values found as they are written")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
