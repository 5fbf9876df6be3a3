"""Files with fields of every kind: none stops the others, and each value finds its documents.

Random JSON, JSON Lines and front matter: numbers of any size, nesting, aliases, odd names, colliding ids. No file may
fail, the deep check finds nothing, and a filter by any value of any document finds what plain Python does.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.reliability import corpus
from benchmarks.reliability.outcome import Outcome, draws
from rag.index.folder import Index
from rag.maintain.check import find_problems
from rag.pipeline import Pipeline
from rag.types import Document, Filter, Value, Values

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


def holds(document: Document, name: str, value: Value) -> bool:
    """In plain Python."""
    own = [values for key, values in document.meta.items() if key.casefold() == name.casefold()]
    return any(same(one, value) for values in own for one in _several(values))


def values(count: int) -> Outcome:
    """So many files, each value of which is asked for."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "docs").mkdir()
        for n in range(count):
            suffix, text = KINDS[n % len(KINDS)](draws(n))
            (folder / "docs" / f"{n}{suffix}").write_text(text, encoding="utf-8", errors="surrogatepass")
        config, index = corpus.pipeline(folder), Index.at(folder)
        report = corpus.run(folder, config)
        lost = [f"{file.source}: {file.reason}" for file in report.files if file.status == "failed"]
        lost += [f"{count - len(report.files)} files without a status"] * (len(report.files) != count)
        with closing(index.read_manifest()) as manifest:
            documents = [document for name in manifest.sources() for document in manifest.documents(name)]
        asked = {
            (name, type(one), one) for d in documents for name, own in d.meta.items() if name for one in _several(own)
        }
        with Pipeline(config, index) as pipeline:
            lost += [str(problem) for problem in find_problems(index, pipeline.stages.store, deep=True)]
            for name, _, value in asked:
                hits = pipeline.search("archive", k=1000, filter=Filter({f"meta.{name}": (value,)}))
                if {hit.chunk.doc_id for hit in hits} != {d.id for d in documents if holds(d, name, value)}:
                    lost.append(f"{name} = {value!r}")
    note = f"{report.count('degraded')} files degraded, {len(documents):,} documents, {len(asked):,} values asked for"
    return Outcome(count, count - len(lost), lost, note)


def _several(values: Values) -> tuple[Value, ...]:
    return values if isinstance(values, tuple) else (values,)


ROWS = {"F1": values}
