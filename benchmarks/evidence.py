"""Which sentences are shown, by language and set: `python -m benchmarks.evidence [--most N] [--only SET]`.

Each question is asked over the eight passages of its set that have most of its words and pieces of words (of SQuAD and
HotpotQA: those that the default pipeline finds). Counted are the questions with the answer in one of them: *shown*,
when one of three sentences shown at most holds the answer: its words, or of an answer of `LONG` words and more a share
of `HELD` in all of them. *first*, when the first sentence does. *sentences* is how many are shown.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import datasets
from benchmarks.reading import retrieved
from benchmarks.real import share
from rag import Chunk, Hit
from rag.answer.citations import resolve
from rag.generate.reader import ReaderGenerator
from rag.text.languages import FIELD
from rag.text.overlap import share_parts, weigh_parts
from rag.text.quotes import put_on_line
from rag.text.words import fold, stems
from rag.train.common.dataset import read_rows

LANGUAGES = tuple(f"xquad {code}" for code in ("de", "es", "ru", "tr", "ar", "vi", "zh"))
READING = ("doc2dial", "covidqa", "sleepqa", "emanual", "policyqa")
RETRIEVED = {"squad": "squad_answers", "hotpotqa": "hotpotqa_answers"}
SETS = (*RETRIEVED, *READING, *LANGUAGES)
PASSAGES = 8
LONG, HELD = 5, 0.8

Asked = tuple[str, Sequence[str], Sequence[Hit]]  # question, right answers, passages


def ask(name: str, data: Path, cache: Path, most: int) -> Iterator[Asked]:
    """The questions of a set that have an answer, and their passages."""
    if name in RETRIEVED:
        for question, hits in retrieved(RETRIEVED[name], data, cache, most):
            if question.answerable and not {"yes", "no"} & {*question.answers}:
                yield question.question, question.answers, hits
        return
    folder, _, language = name.partition(" ")
    rows = read_rows(data / "reading" / folder, ("dev.jsonl*",))
    rows = [row for row in rows if not language or str(row["id"]).startswith(f"xquad-{language}-")]
    texts = list(dict.fromkeys((p.get("title") or "", p["text"]) for row in rows for p in row["passages"]))
    asked = [row for row in rows if row["kind"] == "span" and row["answerable"] and row["answer"]]
    random.Random(0).shuffle(asked)
    for row in asked[:most]:
        yield row["question"], row.get("answers") or [row["answer"]], _find(row, texts, language)


def _find(row: Mapping[str, Any], texts: Sequence[tuple[str, str]], language: str) -> list[Hit]:
    """The passages with most of a question."""
    weights = weigh_parts(row["question"], [text for _, text in texts])
    shares = [(share_parts(weights, text), -n) for n, (_, text) in enumerate(texts)]
    meta = {FIELD: language} if language else {}
    return [
        Hit(Chunk(str(-n), str(-n), texts[-n][1], 0, len(texts[-n][1]), str(-n), texts[-n][0], meta=meta), found)
        for found, n in sorted(shares, reverse=True)[:PASSAGES]
    ]


def holds(texts: Sequence[str], answers: Sequence[str]) -> bool:
    """Whether a text holds one of the answers, or all texts together most words of a long one."""
    folded = [fold(put_on_line(text)) for text in texts]
    if any((plain := fold(put_on_line(answer))) and plain in text for answer in answers for text in folded):
        return True
    words = frozenset[str]().union(*map(stems, texts))
    return any(len(own := stems(answer)) >= LONG and len(own & words) >= HELD * len(own) for answer in answers)


def main() -> None:
    """Ask, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets(parser)
    parser.add_argument("--most", type=int, default=100, help="questions of each set")
    parser.add_argument("--only", action="append", default=[], choices=SETS, metavar="SET")
    args = parser.parse_args()
    reader = ReaderGenerator()
    print("| set | shown | first | sentences |\n|---|---|---|---|")
    for name in args.only or SETS:
        shown, first, counts = [], [], []
        for question, answers, hits in ask(name, args.data, args.cache, args.most):
            if not any(holds([hit.chunk.text], answers) for hit in hits):
                continue
            answer = resolve(question, "".join(reader.stream_evidence(question, hits)), hits)
            quotes = [citation.quote for citation in answer.citations]
            shown.append(holds(quotes, answers))
            first.append(holds(quotes[:1], answers))
            counts.append(len(quotes))
        mean = sum(counts) / max(1, len(counts))
        print(f"| {name} | {share(shown)} | {share(first)} | {mean:.1f} |", flush=True)


if __name__ == "__main__":
    main()
