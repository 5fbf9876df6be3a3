"""The reader on passages found once: `python -m benchmarks.reading [--weights FILE] [--data ../shared/data]`.

Every set's questions go through the default pipeline's retrieval once; the passages are kept below `--cache`, so that
another reader, or another calibration, is measured in minutes. Prints per set EM, F1 and the share answered, and for
each family of sets, those with unanswerable questions together, and all, how well the confidence tells questions that
can be answered from those that cannot: AUROC, and the share of the latter answered at the threshold that keeps 90% of
the right answers (F1 of a half or more). SQuAD's questions are of articles that the reader's training left out. The
calibration of the shipped reader was fitted on these questions (`benchmarks.calibrate` prints what that is worth on
questions left out); weights as `rag train reader` makes them have not seen them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.common import datasets
from benchmarks.findings.plan import SOURCES
from rag import Chunk, Hit
from rag.answer.citations import resolve
from rag.generate.reader import ReaderGenerator
from rag_evals.datasets import Dataset, Question
from rag_evals.indexing import digest, index_dataset
from rag_evals.metrics.abstention import auroc
from rag_evals.metrics.answer import answer_em, answer_f1

FAMILIES = {
    "SQuAD 1.1": ("squad_answers",),
    "SQuAD 2.0": ("squad2_answers",),
    "Natural Questions": ("nq_answers",),
    "HotpotQA": ("hotpotqa_answers",),
    "MuSiQue": ("musique_answers", "musique_none_answers"),
    "MultiHop-RAG": ("multihop_rag_answers",),
}
PASSAGES = 8
MIN_F1 = 0.5  # F1 of an answer that counts as right
KEPT_SHARE = 0.9  # of the right answers
SAMPLES = 1000


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """How right the reader's answer to one question is, and how sure it was, given or not."""

    em: float
    f1: float
    answered: bool
    confidence: float
    answerable: bool


def retrieved(name: str, data: Path, cache: Path, most: int) -> Iterator[tuple[Question, list[Hit]]]:
    """A set's questions with the passages that the default pipeline finds, from the cache where it has them."""
    return retrieve(replace(SOURCES[name], most=most).load(data), cache)


def retrieve(dataset: Dataset, cache: Path) -> Iterator[tuple[Question, list[Hit]]]:
    """The questions of a dataset with the passages that the default pipeline finds, once: `cache` keeps them."""
    name = f"{dataset.name}-{digest([q.id for q in dataset.questions], PASSAGES)}.jsonl"
    path = cache.parent / "reading" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pipeline, _ = index_dataset(dataset, "default", cache)
        with pipeline, path.with_suffix(".new").open("w", encoding="utf-8") as lines:
            for question in dataset.questions:
                rows = [_row(hit) for hit in pipeline.search(question.question, k=PASSAGES)]
                lines.write(json.dumps({"id": question.id, "hits": rows}) + "\n")
        path.with_suffix(".new").replace(path)
    rows_of_hits = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    for question, row in zip(dataset.questions, rows_of_hits, strict=True):
        yield question, [_hit(**hit) for hit in row["hits"]]


def _row(hit: Hit) -> dict[str, object]:
    chunk = hit.chunk
    about = {"id": chunk.id, "source": chunk.source, "title": chunk.title, "context": chunk.context}
    return {**about, "text": chunk.text, "score": float(hit.score), "hop": hit.hop, "trail": hit.trail}


def _hit(
    id: str, source: str, title: str, context: str, text: str, score: float, hop: int, trail: Sequence[str]
) -> Hit:
    return Hit(Chunk(id, id, text, 0, len(text), source, title, context), score, hop, tuple(trail))


def grade(reader: ReaderGenerator, question: Question, hits: Sequence[Hit], threshold: float) -> GradedAnswer:
    """One question's answer, graded; `threshold` is the confidence from which on it counts as args."""
    answer = resolve(question.question, "".join(reader.stream(question.question, hits)), hits)
    confidence = reader.confidence(question.question, hits)
    em, f1 = (measure(answer.short, question.answers) for measure in (answer_em, answer_f1))
    return GradedAnswer(em, f1, bool(answer.short) and confidence >= threshold, confidence, question.answerable)


def separation(rows: Sequence[GradedAnswer]) -> tuple[float | None, float | None, float]:
    """AUROC of answerable against unanswerable, the share of these answered at KEPT_SHARE, and its threshold."""
    right = sorted((row.confidence for row in rows if row.answerable and row.f1 >= MIN_F1), reverse=True)
    least = right[max(0, int(KEPT_SHARE * len(right) + 0.999) - 1)] if right else 0.0
    without = [row.confidence >= least for row in rows if not row.answerable]
    area = auroc([row.confidence for row in rows], [row.answerable for row in rows])
    return area, sum(without) / len(without) if without else None, least


def intervals(rows: Sequence[GradedAnswer]) -> list[str]:
    """The 95% bootstrap intervals of `separation`'s two shares over questions, drawn SAMPLES times; "" for none."""
    rng = np.random.default_rng(0)
    samples = [separation([rows[i] for i in rng.integers(len(rows), size=len(rows))])[:2] for _ in range(SAMPLES)]
    shares = [[value for value in values if value is not None] for values in zip(*samples, strict=True)]
    return [" ({:.3f} to {:.3f})".format(*np.quantile(values, (0.025, 0.975))) if values else "" for values in shares]


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="", help='a file of `rag train reader`; "" is the one shipped')
    datasets(parser)
    parser.add_argument("--only", action="append", choices=FAMILIES, default=[], metavar="FAMILY")
    parser.add_argument("--most", type=int, default=150, help="questions of each set")
    parser.add_argument("--threshold", type=float, default=1 - ReaderGenerator().risk, help="confidence to answer from")
    args = parser.parse_args()
    reader = ReaderGenerator(weights=args.weights, risk=1)
    names = [name for family in args.only or FAMILIES for name in FAMILIES[family]]
    rows = {
        name: [
            grade(reader, question, hits, args.threshold)
            for question, hits in retrieved(name, args.data, args.cache, args.most)
        ]
        for name in names
    }
    print_answers(rows)
    print_silence({family: [*chain(*(rows[n] for n in FAMILIES[family]))] for family in args.only or FAMILIES})


def print_answers(rows: Mapping[str, Sequence[GradedAnswer]]) -> None:
    """How good the answers to each set's questions are."""
    print("| set | questions | EM | F1 | EM given | F1 given | answered |\n|---|---|---|---|---|---|---|")
    for name, one in rows.items():
        print(f"| {name} | {len(one)} | {' | '.join(map(_cell, _figures(one)))} |")


def print_silence(families: Mapping[str, Sequence[GradedAnswer]]) -> None:
    """How well the confidence tells, of each family, of those with unanswerable questions together, and of all."""
    print("\n| family | with an answer | without | AUROC | answered without, at 90% of right | threshold |")
    print("|---|---|---|---|---|---|")
    mixed = [rows for rows in families.values() if not all(row.answerable for row in rows)]
    pooled = {"those with unanswerable ones": [*chain(*mixed)], "all": [*chain(*families.values())]}
    for family, rows in {**families, **pooled}.items():
        counts = [sum(row.answerable for row in rows), sum(not row.answerable for row in rows)]
        area, without, least = separation(rows)
        cells = [_cell(value) + interval for value, interval in zip((area, without), intervals(rows), strict=True)]
        print(f"| {family} | {counts[0]} | {counts[1]} | {' | '.join(cells)} | {_cell(least)} |")


def _figures(rows: Sequence[GradedAnswer]) -> list[float | None]:
    """EM and F1 of the answerable ones, all and with what is below the threshold as nothing; the share answered."""
    can = [row for row in rows if row.answerable]
    sums = [sum(r.em for r in can), sum(r.f1 for r in can)]
    sums += [sum(r.em for r in can if r.answered), sum(r.f1 for r in can if r.answered)]
    return [*(total / len(can) if can else None for total in sums), sum(r.answered for r in rows) / len(rows)]


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
