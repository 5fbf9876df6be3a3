"""Fit how a reader chooses and how sure it is: `python -m benchmarks.calibrate WEIGHTS --out FILE [--data FOLDER]`.

The questions are those of `benchmarks.reading`, all of them, over the first passages that the default pipeline finds:
answerable, unanswerable, one in `REMOVED` once more without the passages that hold a right answer, and one in `AWAY`
once more over another question's passages. Every family counts alike. Families without unanswerable questions teach
how to choose an answer, but not how sure to be: in them there always is one. FILE is a copy of WEIGHTS with what was
fitted on all questions; the tables are of `FOLDS` parts, each answered with what was fitted on the others, and leave
out the questions that were made here.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.common import datasets
from benchmarks.reading import FAMILIES, PASSAGES, Said, found, print_answers, print_silence
from rag.generate.reader import ReaderGenerator
from rag.models.deltas import write
from rag.reader.answerability import opened as judging
from rag.reader.confidence import Choice
from rag.reader.network import Passage, opened
from rag.reader.weights import load
from rag.train.reader.calibrate import Case, case, fit
from rag_evals.metrics.answer import answer_em, answer_f1

REMOVED, AWAY = 4, 10
FOLDS = 5
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Read:
    """A case of a question of a set, with its right answers; `asked`: as it stands there."""

    family: str
    name: str
    fold: int
    case: Case
    answers: tuple[str, ...] = ()
    asked: bool = False


def main() -> None:
    """Read, fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="a file of `rag train reader`")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    datasets(parser)
    parser.add_argument("--most", type=int, default=MOST, help="questions of each set")
    given = parser.parse_args()
    read = list(_read(given.weights, given.data, given.cache, given.most))
    said: dict[str, list[Said]] = {}
    for one, answer in zip(read, folds(read), strict=True):
        if one.asked:
            said.setdefault(one.name, []).append(answer)
    print_answers(said)
    print_silence({family: [*chain(*(said[name] for name in names))] for family, names in FAMILIES.items()})
    choice = fitted(balanced(read))
    print("\n| wrong at most | confidence at least |\n|---|---|")
    for share, least in choice.risks:
        print(f"| {share:.0%} | {least:.2f} |")
    file = load(given.weights).file
    write(given.out, file.tensors, {**file.facts, "choice": choice.text()})


def _read(weights: Path, data: Path, cache: Path, most: int) -> Iterator[Read]:
    reader, judge, layout = opened(weights), judging(weights), ReaderGenerator()
    rng = np.random.default_rng(0)
    seen: list[tuple[Passage, ...]] = []
    for family, name in ((family, name) for family, names in FAMILIES.items() for name in names):
        for question, hits in found(name, data, cache, most):
            one = partial(Read, family, name, int(rng.integers(FOLDS)))
            passages = layout.passages(hits[:PASSAGES])
            known = tuple(question.answers) if question.answerable else ()
            yield one(case(question.question, passages, known, reader, judge), known, asked=True)
            without = [p for p in passages if not any(answer.lower() in p[1].lower() for answer in known)]
            if known and without and len(without) < len(passages) and rng.integers(REMOVED) == 0:
                yield one(case(question.question, without, (), reader, judge))
            if seen and rng.integers(AWAY) == 0:
                other = seen[int(rng.integers(len(seen)))]
                yield one(case(question.question, other, (), reader, judge))
            seen.append(passages)
        print(f"read {name}", flush=True)


def balanced(read: Sequence[Read]) -> list[Read]:
    """Each with the weight that makes all families count alike."""
    sizes = Counter(one.family for one in read)
    mean = len(read) / len(sizes)
    return [replace(one, case=replace(one.case, weight=mean / sizes[one.family])) for one in read]


def folds(read: Sequence[Read]) -> list[Said]:
    """What is said to each question, with what the other folds taught."""
    even = balanced(read)
    choices = [fitted([one for one in even if one.fold != fold]) for fold in range(FOLDS)]
    return [_said(one, choices[one.fold]) for one in read]


def fitted(read: Sequence[Read]) -> Choice:
    """What all teach, and how sure to be by the families with unanswerable questions."""
    telling = {one.family for one in read if one.asked and not one.answers}
    return fit([one.case for one in read], [one.case for one in read if one.family in telling])


def _said(one: Read, choice: Choice) -> Said:
    best = choice.best(one.case.found)
    if best is None:
        return Said(0.0, 0.0, False, 0.0, bool(one.answers))
    sure = choice.confidence(*best, one.case.judged)
    em, f1 = (measure(best[0].text, one.answers) for measure in (answer_em, answer_f1))
    return Said(em, f1, sure >= ReaderGenerator().threshold, sure, bool(one.answers))


if __name__ == "__main__":
    main()
