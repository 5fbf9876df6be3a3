"""Is what is written found? 200 queries of one word, one identifier or few words, which one document of a corpus has.

    python -m benchmarks.exact                       the table, and the queries that miss; exit code 1 below the bar
    python -m benchmarks.exact --pipeline default    one pipeline (repeatable)
    python -m benchmarks.exact --write               chooses the queries anew, which only a change of a corpus needs

Three corpora, in which most documents are alike: the files of `examples/`; 60 data sheets of spare parts; 90 notes of a
shipyard (40 notices that differ by a number, 40 security bulletins, 10 letters). The latter two are written here, from
a fixed seed. `exact_queries.jsonl` holds the queries. First means that the best hit is of the document.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from rag import Pipeline
from rag.text.stopwords import STOP_WORDS
from rag_connectors.files import Files

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
QUERIES = Path(__file__).parent / "exact_queries.jsonl"
PIPELINES = ("direct", "fast", "default")
BAR = 0.95  # of the queries, with `fast` and `default`
COUNTS = {"word": 30, "identifier": 34, "short": 16}  # queries of each corpus, but for what it lacks
TOTAL = 200

_WORD = re.compile(r"[^\W\d_]{5,}")
_IDENTIFIER = re.compile(r"\b(?=[\w./@-]*\d)(?=[\w./@-]*[./@-]|\w*[A-Z]|\d{6})[\w][\w./@-]{3,}\w\b|[\w.]+@[\w.]+\w")

MACHINES = "gate valve dock crane pump winch hatch rudder boiler compressor".split()
STORAGE = ["Store it dry.", "Keep it away from sunlight.", "Store it upright.", "Wrap it in oiled paper."]
LETTERS = (
    ("anchor.md", "The spare anchor weighs 340 kilograms and lies under a tarpaulin in shed 2."),
    ("galley.md", "The galley cook Solveig keeps the sourdough recipe in the blue binder behind the stove."),
    ("insurance.md", "The liability insurance of the marina is with Nordvik Mutual, policy 88-1204."),
    ("lighthouse.md", "The lamp of the lighthouse is a 400 watt halide bulb made by Ostberg."),
    ("slipway.md", "At spring tide the slipway is under water for two hours; the winch house stays dry."),
    ("paint.md", "Antifouling is applied in October. The primer needs nine hours at twelve degrees."),
    ("pilot.txt", "Pilots board two miles west of the beacon. In fog they whistle twice before they come alongside."),
    ("parrot.txt", "The harbour master's parrot, Admiral, repeats the tide tables and bites accountants."),
    ("ballast.html", "<h1>Ballast</h1><p>The ketch carries gravel as bal\u00adlast; the schooner carries iron.</p>"),
    ("windlass.txt", "In spring the bearing of the wind-\nlass is greased with tallow, never with vaseline."),
)


def write_sheets(folder: Path) -> None:
    """60 data sheets that differ by their identifiers."""
    chance = random.Random(1)
    for i in range(60):
        part = f"{chance.choice(('XJ', 'XK', 'QB'))}-{900 + i}/{chance.choice('23')}{chance.choice('AB')}"
        (folder / f"sheet{i:02}.md").write_text(
            f"# Data sheet {part}\n\nThis spare part fits the {MACHINES[i % 10]} of hall {1 + i % 7}. "
            f"{chance.choice(STORAGE)} Firmware v2.{10 + i // 6}.{i % 6}. Control address 10.0.{4 + i % 3}.{20 + i}. "
            f"Order number {48210000 + 37 * i}. Drawing DWG_{3000 + 7 * i}_R{i % 4}. "
            f"Questions: desk{i:02}@parts.example. Fault code E{1000 + 13 * i} means that it runs hot.\n",
            encoding="utf-8",
        )


def write_notes(folder: Path) -> None:
    """40 notices, 40 bulletins and 10 letters."""
    for i in range(40):
        (folder / f"notice{i:02}.txt").write_text(
            f"Notice {i}: the boat number {i} was tied up at the pier by the crew at dawn.\n", encoding="utf-8"
        )
        (folder / f"bulletin{i:02}.md").write_text(
            f"# Bulletin {i + 1}\n\nCVE-2024-{1200 + 17 * i} lets strangers stop the {MACHINES[i % 10]} "
            f"controller. Versions before {1 + i // 10}.{i % 10}.{3 + i % 4} are affected; the log shows "
            f"0x8007{4096 + 29 * i:04X}. The setting is in /etc/yard/node{i:02}/control.conf. Restart the controller "
            f"afterwards.\n",
            encoding="utf-8",
        )
    for name, text in LETTERS:
        (folder / name).write_text(text + "\n", encoding="utf-8")


def write_examples(folder: Path) -> None:
    """The files of `examples/`."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)


CORPORA: Mapping[str, Callable[[Path], None]] = {
    "examples": write_examples,
    "sheets": write_sheets,
    "notes": write_notes,
}


def read_texts(folder: Path) -> dict[str, str]:
    """The text of each source, as it is indexed, without what hides words."""
    files = Files(workers=1)
    loaded = files.load(files.scan([str(folder)], base=str(folder.parent)))
    texts = {one.source.name: "\n".join(document.text for document in one.documents) for one in loaded}
    return {name: re.sub(r"-\n|\u00ad", "", text) for name, text in texts.items() if text}


def choose(texts: Mapping[str, str], kind: str, n: int) -> Iterator[tuple[str, str]]:
    """Queries of a kind with their sources: what one text alone has, from a fixed seed."""
    chance = random.Random(f"{kind} {len(texts)}")
    pattern = _IDENTIFIER if kind == "identifier" else _WORD
    found = {name: [match[0] for match in pattern.finditer(text)] for name, text in sorted(texts.items())}
    held = {name: {word.casefold() for word in words} for name, words in found.items()}
    counts = Counter(word for words in held.values() for word in words)
    order = sorted(texts)
    chance.shuffle(order)
    done = 0
    for turn in range(20 * len(order)):
        if done == n:
            return
        name = order[turn % len(order)]
        words = [word for word in found[name] if word.casefold() not in STOP_WORDS]
        if kind == "short":
            at = chance.randrange(max(1, len(words) - 1))
            chosen = words[at : at + chance.choice((2, 3))]
            holders = [other for other, own in held.items() if {word.casefold() for word in chosen} <= own]
            query = " ".join(chosen) if len(set(chosen)) > 1 and holders == [name] else ""
        else:
            alone = [word for word in dict.fromkeys(words) if counts[word.casefold()] == 1]
            query = chance.choice(alone) if alone else ""
        if query:
            found[name] = [word for word in found[name] if word not in query.split()]
            done += 1
            yield query, name


def write_queries() -> None:
    """Choose the queries and keep them."""
    rows = []
    for corpus, write in CORPORA.items():
        with tempfile.TemporaryDirectory() as name:
            (folder := Path(name) / "documents").mkdir()
            write(folder)
            texts = read_texts(folder)
            for kind, n in COUNTS.items():
                rows += [
                    {"corpus": corpus, "kind": kind, "query": query, "source": source}
                    for query, source in choose(texts, kind, n)
                ]
    if len(rows) > TOTAL:
        rows = [rows[i] for i in sorted(random.Random(0).sample(range(len(rows)), TOTAL))]
    QUERIES.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def places(pipeline: Pipeline, rows: Sequence[Mapping[str, str]]) -> list[int]:
    """The place of each query's document among the hits, from 1; 0 where it is not there."""
    found = []
    for row in rows:
        sources = [hit.chunk.source for hit in pipeline.search(row["query"])]
        found.append(sources.index(row["source"]) + 1 if row["source"] in sources else 0)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", action="append", choices=PIPELINES, default=[])
    parser.add_argument("--write", action="store_true", help="choose the queries anew and measure nothing")
    given = parser.parse_args()
    if given.write:
        write_queries()
        return
    rows = [json.loads(line) for line in QUERIES.read_text(encoding="utf-8").splitlines()]
    pipelines = given.pipeline or PIPELINES
    first: Counter[tuple[str, ...]] = Counter()
    for corpus, write in CORPORA.items():
        asked = [row for row in rows if row["corpus"] == corpus]
        with tempfile.TemporaryDirectory() as name:
            (folder := Path(name) / "documents").mkdir()
            write(folder)
            for use in pipelines:
                with closing(Pipeline.load(use, index=name)) as pipeline:
                    pipeline.ingest([folder])
                    for row, place in zip(asked, places(pipeline, asked), strict=True):
                        first[use, corpus, row["kind"]] += place == 1
                        first[use, "all"] += place == 1
                        if place != 1:
                            print(f"{use}: {row['query']!r} of {row['source']}: {place or 'not found'}", flush=True)
    print(f"\n| corpus | queries | number | {' | '.join(pipelines)} |\n|---|---|---|{'---|' * len(pipelines)}")
    for (corpus, kind), n in Counter((row["corpus"], row["kind"]) for row in rows).items():
        print(f"| {corpus} | {kind} | {n} | {' | '.join(str(first[use, corpus, kind]) for use in pipelines)} |")
    print(f"| all | | {len(rows)} | {' | '.join(str(first[use, 'all']) for use in pipelines)} |")
    sys.exit(any(first[use, "all"] < BAR * len(rows) for use in pipelines if use != "direct"))


if __name__ == "__main__":
    main()
