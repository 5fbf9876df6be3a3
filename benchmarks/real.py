"""Questions that a person wrote over real documents: `python -m benchmarks.real [--documents FOLDER] [--misses]`.

Each corpus is a folder of files that is ingested as it is (`--cache` keeps the index). A question has the pattern that
a right short answer matches, or none where the corpus holds no answer. Prints per corpus and type of question:

- **found**: a passage among the first five holds the evidence (questions that name it).
- **shown**: the quotes shown, or the short answer, hold what answers. For yes/no that is the evidence.
- **short**: the short answer is right.
- **wrong**: of what was said as a short answer, unanswerable questions among it, the share that is not right.
- **refused**: of the questions without an answer, those that got none: nothing, or evidence without a short answer.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.altered import find_interval
from benchmarks.common import DATA
from rag import Answer, Pipeline, cache
from rag.text.words import tokens

DOCUMENTS = DATA.parent / "documents"
QUESTIONS = DATA / "real" / "questions_dev.jsonl"
SAME = 0.8  # of the words of an evidence that a quote must hold
FIRST = 5  # hits


@dataclass(frozen=True, slots=True)
class Graded:
    """One question's answer, graded; None where that cannot be said of the question."""

    id: str
    corpus: str
    type: str
    level: str
    answerable: bool
    found: bool | None
    shown: bool | None
    short: bool | None
    said: str
    confidence: float | None


def grade(row: dict[str, Any], answer: Answer) -> Graded:
    """What an answer to a question is worth."""
    quotes = [citation.quote for citation in answer.citations]
    evidence = [one["text"] for one in row["evidence"]]
    said = answer.short if answer.level == "answer" else ""
    right = bool(said) and bool(re.search(row["accept"], said, re.IGNORECASE)) if row["answerable"] else None
    found = shown = None
    if row["answerable"] and evidence:
        found = any(_holds(hit.chunk.text, one) for one in evidence for hit in answer.hits[:FIRST])
    if row["answerable"] and row["type"] != "yes/no":
        shown = bool(re.search(row["accept"], "\n".join([said, *quotes]), re.IGNORECASE))
    elif row["answerable"] and evidence:
        shown = any(_holds(quote, one) for one in evidence for quote in quotes)
    return Graded(
        id=row["id"],
        corpus=row["corpus"],
        type=row["type"],
        level=answer.level,
        answerable=row["answerable"],
        found=found,
        shown=shown,
        short=right,
        said=said,
        confidence=answer.confidence,
    )


def _holds(text: str, evidence: str) -> bool:
    """Whether a text has nearly all words of an evidence."""
    words = {token.stem for token in tokens(evidence)}
    return len(words & {token.stem for token in tokens(text)}) >= SAME * len(words)


def open_corpora(
    rows: Sequence[dict[str, Any]], documents: Path, indexes: Path, name: str
) -> Iterator[tuple[dict[str, Any], Pipeline]]:
    """Every question with a pipeline over its corpus; questions of one corpus stand together."""
    for corpus, asked in groupby(rows, key=lambda row: str(row["corpus"])):
        index = indexes / f"real-{corpus}-{name}"
        if not (index / "files").exists():
            shutil.copytree(documents / corpus, index / "files")
        with Pipeline.load(name, index=index) as pipeline:
            pipeline.ingest([index / "files"])
            for row in asked:
                yield row, pipeline


def share(values: Sequence[bool | None]) -> str:
    """How many of those known are true, with the 95% interval of the share."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = (abs(bound) for bound in find_interval(sum(known), len(known)))
    return f"{sum(known)}/{len(known)} = {sum(known) / len(known):.0%} ({low:.0%} to {high:.0%})"


def print_table(graded: Sequence[Graded]) -> None:
    """A line for each corpus and type, and one for all."""
    groups: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        groups[one.corpus].append(one)
    for one in graded:
        groups[f"*{one.type}*"].append(one)
    print("| questions | found | shown | short | wrong of said | refused |\n|---|---|---|---|---|---|")
    for name, rows in {**groups, "**all**": list(graded)}.items():
        answered = [not one.short for one in rows if one.level == "answer"]
        without = [one.level != "answer" for one in rows if not one.answerable]
        columns = ([r.found for r in rows], [r.shown for r in rows], [r.short for r in rows], answered, without)
        print(f"| {name} | {' | '.join(share(values) for values in columns)} |")


def read_questions(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of questions, by corpus."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: str(row["corpus"]))


def main() -> None:
    """Ask, grade, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS, help="a folder of corpora, each a folder")
    parser.add_argument("--pipeline", default="default", help="a preset or a file")
    parser.add_argument("--cache", type=Path, default=cache.folder() / "real", help="folder of the indexes")
    parser.add_argument("--corpus", action="append", default=[], help="only this corpus; may be repeated")
    parser.add_argument("--misses", action="store_true", help="show every answer that is not right")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each question instead")
    args = parser.parse_args()
    rows = [row for row in read_questions(args.questions) if not args.corpus or row["corpus"] in args.corpus]
    graded = []
    for row, pipeline in open_corpora(rows, args.documents, args.cache, args.pipeline):
        one = grade(row, pipeline.ask(row["question"]))
        graded.append(one)
        if args.json:
            print(json.dumps(asdict(one), ensure_ascii=False), flush=True)
        elif args.misses and (one.short is False or (not one.answerable and one.said)):
            print(f"{one.id} [{one.level}, {one.confidence}] {row['question']}")
            print(f"    said {one.said!r}, right {row['answer']!r}")
    if not args.json:
        print_table(graded)


if __name__ == "__main__":
    main()
