"""Fit a reader's calibration: `python -m benchmarks.calibrate WEIGHTS --out FILE [--data FOLDER]`.

The questions are those of `benchmarks.reading`, over the first passages that the default pipeline finds: answerable,
unanswerable, one in `REMOVED` once more without the passages that hold a right answer, and one in `OFF_TOPIC` once more
over another question's passages; questions for yes or no with their own passages (`YES_NO`); questions that people
asked about papers, manuals, reports and pages of advice (`PEOPLE`), over all passages of their set; and a person's
questions over real documents (`benchmarks.real`, those in English). Every family counts alike. FILE is a copy of
WEIGHTS with what was fitted on all questions; the tables are of `FOLDS` parts, each answered with what was fitted on
the others, and leave out the questions that were made here.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import datasets
from benchmarks.reading import (
    FAMILIES,
    MIN_F1,
    PASSAGES,
    GradedAnswer,
    print_answers,
    print_silence,
    retrieve,
    retrieved,
)
from benchmarks.real import open_corpora, read_questions
from rag import cache
from rag.errors import ModelError
from rag.generate.reader import ReaderGenerator
from rag.models.deltas import write
from rag.reader.answerability import load_answerability
from rag.reader.confidence import Calibration
from rag.reader.network import Passage, load_reader
from rag.reader.weights import load
from rag.text.languages import detect_language, named_language
from rag.text.questions import asks_yes_no
from rag.train.common.dataset import read_rows
from rag.train.reader.calibrate import CalibrationExample, fit, make_example
from rag_evals.datasets import Dataset, Question
from rag_evals.datasets.model import PassagePool
from rag_evals.metrics.answer import answer_em, answer_f1

REMOVED, OFF_TOPIC = 4, 10
YES_NO = ("boolq", "condaqa", "sharc")  # reading sets, their dev parts
PEOPLE = ("sleepqa", "covidqa", "doc2dial", "emanual", "tatqa")  # reading sets, their dev parts
ASKED = 200  # questions of each of these
CONCLUDED = "strategyqa_facts"  # no sentence says what is asked: measured, and not fitted on
FOLDS = 5
BINS = 10  # of the calibration error
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """An example of a question of a set, with its right answers; `original`: as it stands there."""

    family: str
    name: str
    fold: int
    example: CalibrationExample
    answers: tuple[str, ...] = ()
    original: bool = False
    by_pattern: bool = False  # what is right was said by a pattern, not by `answers`


def main() -> None:
    """Read, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="a file of `rag train reader`")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    datasets(parser)
    parser.add_argument("--most", type=int, default=MOST, help="questions of each set")
    args = parser.parse_args()
    try:
        file = load(args.weights)
        load_reader(args.weights), load_answerability(args.weights)
    except ModelError as error:
        parser.error(str(error))
    rows = [*_read_real(args.weights, args.data), *_read_yes_no(args.weights, args.data, args.most)]
    rows += _read(args.weights, args.data, args.cache, args.most)
    rows += _read_people(args.weights, args.data, args.cache, min(ASKED, args.most))
    graded: dict[str, list[GradedAnswer]] = {}
    for row, answer in zip(rows, cross_validate(rows), strict=True):
        if row.original:
            graded.setdefault(row.name, []).append(answer)
    print_answers(graded)
    print_silence({family: [*chain(*(graded[name] for name in names))] for family, names in FAMILIES.items()})
    print_risk(graded)
    calibration = fit([row.example for row in balance(rows) if row.family != CONCLUDED])
    write(args.out, file.tensors, {**file.facts, "choice": calibration.to_json()})


def _read(weights: Path, data: Path, cache: Path, most: int) -> Iterator[Row]:
    reader, answerability, generator = load_reader(weights), load_answerability(weights), ReaderGenerator()
    rng = np.random.default_rng(0)
    earlier: list[tuple[Passage, ...]] = []
    for family, name in ((family, name) for family, names in FAMILIES.items() for name in names):
        for question, hits in retrieved(name, data, cache, most):
            row = partial(Row, family, name, int(rng.integers(FOLDS)))
            example = partial(make_example, reader=reader, answerability=answerability)
            passages = generator.passages(hits[:PASSAGES])
            known = tuple(question.answers) if question.answerable else ()
            yield row(example(question.question, passages, known), known, original=True)
            without = [p for p in passages if not any(answer.lower() in p[1].lower() for answer in known)]
            if known and without and len(without) < len(passages) and rng.integers(REMOVED) == 0:
                yield row(example(question.question, without, ()))
            if earlier and rng.integers(OFF_TOPIC) == 0:
                yield row(example(question.question, earlier[int(rng.integers(len(earlier)))], ()))
            earlier.append(passages)
        print(f"read {name}", flush=True)


def _read_yes_no(weights: Path, data: Path, most: int) -> Iterator[Row]:
    reader, answerability = load_reader(weights), load_answerability(weights)
    rng = np.random.default_rng(0)
    for name in (*YES_NO, CONCLUDED):
        rows = read_rows(data / "reading" / name, ("dev.jsonl*",)) if (data / "reading" / name).is_dir() else []
        for row in [row for row in rows if _is_asked(row)][:most]:
            passages = [(str(p.get("title") or ""), str(p["text"])) for p in row["passages"][:PASSAGES]]
            known = (str(row["answer"]),) if row["answer"] else ()
            example = make_example(str(row["question"]), passages, known, reader, answerability)
            yield Row(name, name, int(rng.integers(FOLDS)), example, known, original=True)
        print(f"read {name}", flush=True)


def _read_real(weights: Path, data: Path) -> Iterator[Row]:
    reader, answerability, generator = load_reader(weights), load_answerability(weights), ReaderGenerator()
    rng = np.random.default_rng(0)
    asked = read_questions(data / "real" / "questions_dev.jsonl") if (data / "real").is_dir() else []
    for row, pipeline in open_corpora(asked, data.parent / "documents", cache.folder() / "real", "default"):
        hits = pipeline.search(row["question"], k=PASSAGES)
        if {detect_language(row["question"]), *(named_language(hit.chunk.meta) for hit in hits[:1])} <= {"", "en"}:
            example = make_example(row["question"], generator.passages(hits), (), reader, answerability)
            if row["answerable"]:
                found = [bool(re.search(row["accept"], one.text, re.IGNORECASE)) for one in example.candidates]
                example = replace(example, right=tuple(found))
            known = (str(row["answer"]),) if row["answerable"] else ()
            family = "real, yes/no" if asks_yes_no(row["question"]) else "real"
            yield Row(family, "real", int(rng.integers(FOLDS)), example, known, original=True, by_pattern=True)
    print("read real", flush=True)


def _read_people(weights: Path, data: Path, cache: Path, most: int) -> Iterator[Row]:
    reader, answerability, generator = load_reader(weights), load_answerability(weights), ReaderGenerator()
    rng = np.random.default_rng(0)
    for name in PEOPLE:
        if not (data / "reading" / name).is_dir():
            continue
        for question, hits in retrieve(_people(data / "reading" / name, most), cache):
            example = make_example(question.question, generator.passages(hits), question.answers, reader, answerability)
            yield Row(name, name, int(rng.integers(FOLDS)), example, question.answers, original=True)
        print(f"read {name}", flush=True)


def _people(folder: Path, most: int) -> Dataset:
    """A reading set's questions for a span or cell, over all its passages (of tables those of the dev part)."""
    rows = read_rows(folder, ("dev.jsonl*",))
    pool = PassagePool()
    for row in [*rows, *([] if rows[0]["kind"] == "table" else read_rows(folder, ("train.jsonl*",)))]:
        for passage in row["passages"]:
            pool.add(str(passage.get("title") or ""), str(passage["text"]))
    asked = [row for row in rows if row["answer"] and row.get("answer_type", "span") == "span"]
    asked = [row for row in asked if not asks_yes_no(row["question"])]
    chosen = random.Random(0).sample(asked, min(most, len(asked)))
    questions = [Question(row["id"], row["question"], tuple(row.get("answers") or [row["answer"]])) for row in chosen]
    return Dataset(folder.name, tuple(questions), pool.passages)


def _is_asked(row: Mapping[str, Any]) -> bool:
    """Whether a row of a reading set asks for yes or no, and needs nothing beside its passages."""
    plain = not row.get("scenario") and not row.get("history")
    return row["kind"] == "yesno" and plain and row["answer"] in {"yes", "no", ""} and asks_yes_no(row["question"])


def balance(rows: Sequence[Row]) -> list[Row]:
    """Each with the weight that makes all families count alike."""
    sizes = Counter(row.family for row in rows)
    mean = len(rows) / len(sizes)
    return [replace(row, example=replace(row.example, weight=mean / sizes[row.family])) for row in rows]


def cross_validate(rows: Sequence[Row]) -> list[GradedAnswer]:
    """The answer to each question, with what the other folds taught."""
    even = balance(rows)
    calibrations = [
        fit([row.example for row in even if row.fold != fold and row.family != CONCLUDED]) for fold in range(FOLDS)
    ]
    return [_grade(row, calibrations[row.fold]) for row in rows]


def _grade(row: Row, calibration: Calibration) -> GradedAnswer:
    best = calibration.best(row.example.candidates)
    if best is None:
        return GradedAnswer(0.0, 0.0, False, 0.0, bool(row.answers))
    confidence = calibration.confidence(*best, row.example.answerability)
    em, f1 = (measure(best[0].text, row.answers) for measure in (answer_em, answer_f1))
    if row.by_pattern:
        em = f1 = float(row.example.right[row.example.candidates.index(best[0])])
    return GradedAnswer(em, f1, confidence >= 1 - ReaderGenerator().risk, confidence, bool(row.answers))


def print_risk(graded: Mapping[str, Sequence[GradedAnswer]]) -> None:
    """How often what is said is wrong at the default risk, and how far confidence and share right are apart (ECE)."""
    print("\n| set | said | wrong of said | calibration error |\n|---|---|---|---|")
    for name, rows in {**graded, "all": [*chain(*graded.values())]}.items():
        said = [row.f1 < MIN_F1 for row in rows if row.answered]
        wrong = f"{sum(said) / len(said):.3f}" if said else "-"
        error = calibration_error([row.confidence for row in rows], [row.f1 >= MIN_F1 for row in rows])
        print(f"| {name} | {len(said)} | {wrong} | {error:.3f} |")


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """The expected calibration error over ten bins of equal width (arXiv 1706.04599)."""
    confidence, correct = np.array(confidences), np.array(right, float)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    parts = [bins == n for n in range(BINS) if (bins == n).any()]
    return float(sum(abs(confidence[part].mean() - correct[part].mean()) * part.mean() for part in parts))


if __name__ == "__main__":
    main()
