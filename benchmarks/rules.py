"""What the rules about questions and answers are worth: they may silence no true answer, and the cells must be right.

Four tables over labelled questions, no network: how many gold answers each rule of `rag.reader.unfit` forbids, of those
that it is asked about; how many gold spans `mend_span` changes; which questions are taken for yes/no ones; how often
`find_cells` speaks on tables, and is right. A gold answer is forbidden where every one of a question's is.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import DATA
from rag.reader.agreement import normalise_answer
from rag.reader.cells import find_cells
from rag.reader.unfit import find_fault
from rag.text.borders import mend_span
from rag.text.question_parts import split_question
from rag.text.questions import analyse

SPANS = (  # questions, the corpus of their passages
    ("squad", "squad/v11_questions.jsonl.gz", "squad/v11_paragraphs.jsonl.gz"),
    ("nq", "nq/questions.jsonl.gz", "nq/corpus.jsonl.gz"),
    ("hotpotqa", "hotpotqa/questions_train.jsonl", "hotpotqa/corpus.jsonl.gz"),
    ("hotpotqa", "hotpotqa/questions_dev.jsonl", "hotpotqa/corpus.jsonl.gz"),
    ("musique", "musique/questions_train.jsonl", "musique/corpus.jsonl.gz"),
    ("musique", "musique/questions_dev.jsonl", "musique/corpus.jsonl.gz"),
    ("2wikimultihopqa", "2wikimultihopqa/questions_train.jsonl", "2wikimultihopqa/corpus.jsonl.gz"),
    ("2wikimultihopqa", "2wikimultihopqa/questions_dev.jsonl", "2wikimultihopqa/corpus.jsonl.gz"),
    ("multihop_rag", "multihop_rag/questions_dev.jsonl", "multihop_rag/evidence_corpus.jsonl.gz"),
)
YES_NO = ("boolq", "condaqa", "strategyqa_facts", "sharc", "conditionalqa", "pubmedqa")
TABLES = ("wikitablequestions", "aitqa")
LABELS = ("yes", "no", "maybe", "true", "false")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a jsonl[.gz] file; none where it is missing."""
    if path.exists():
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def gold(row: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[list[str], tuple[str, int, int] | None]:
    """A row's answers, and one of them as a span of a gold passage."""
    listed = row.get("answers") or row.get("answer") or []
    answers = [listed] if isinstance(listed, str) else [*listed]
    for pid in reversed(row.get("gold") or [row.get("pid")]):
        text = texts.get(str(pid), "")
        for answer in answers:
            if (at := text.find(answer)) >= 0:
                return answers, (text, at, at + len(answer))
    return [*answers, *(row.get("aliases") or [])], None


def print_answers(data: Path) -> None:
    """Of the gold answers: forbidden by each rule, and spans changed."""
    forbidden, asked, changed, spans, seen = Counter[str](), Counter[str](), 0, 0, set[str]()
    for _, questions, corpus in SPANS:
        texts = {row["pid"]: row.get("text") or " ".join(row.get("sentences", ())) for row in rows(data / corpus)}
        for row in rows(data / questions):
            question = row["question"]
            answers, span = gold(row, texts)
            if not answers or answers[0].lower() in LABELS or question in seen or len(split_question(question)) > 1:
                continue
            seen.add(question)
            asked[analyse(question).kind] += 1
            places = [(answer, 0, len(answer)) for answer in answers]
            if span:
                first, last = mend_span(*span)
                spans += 1
                changed += normalise_answer(span[0][first:last]) != normalise_answer(span[0][span[1] : span[2]])
                places.append((span[0], first, last))
            faults = [find_fault(question, ("", text), start, end) for text, start, end in places]
            forbidden[faults[-1]] += all(faults)
    print(f"gold answers {sum(asked.values()):,}; by kind of question: {dict(asked.most_common())}")
    print(f"forbidden: {dict((+forbidden).most_common())}, all {forbidden.total() / max(1, sum(asked.values())):.2%}")
    print(f"spans changed: {changed:,} of {spans:,}")


def print_yes_no(data: Path) -> None:
    """Of the questions labelled yes or no, and of the others: taken for yes/no questions."""
    for name in YES_NO:
        found = Counter[tuple[bool, bool]]()
        for part in ("train", "dev"):
            for row in rows(data / "reading" / name / f"{part}.jsonl.gz"):
                if row["answer"]:
                    found[row["answer"] in LABELS, analyse(row["question"]).kind == "yes/no"] += 1
        print(
            f"{name}: labelled yes/no {found[True, True]} of {found[True, True] + found[True, False]} known, ", end=""
        )
        print(f"others {found[False, True]} of {found[False, True] + found[False, False]} taken for one")


def print_cells(data: Path) -> None:
    """Of the questions over a table: those answered by a cell, and those answered rightly."""
    for name in TABLES:
        for part in ("train", "dev"):
            questions = spoken = right = 0
            for row in rows(data / "reading" / name / f"{part}.jsonl.gz"):
                passages = [(passage["title"] or _airline(row), passage["text"]) for passage in row["passages"]]
                questions += 1
                if cells := find_cells(row["question"], passages):
                    spoken += 1
                    said = passages[cells[0].passage][1][cells[0].start : cells[0].end]
                    right += normalise_answer(said) in map(normalise_answer, row["answers"])
            print(f"{name} {part}: {spoken} of {questions} questions answered, {right} rightly")


def _airline(row: Mapping[str, Any]) -> str:
    """AIT-QA's tables have no title; the airline that a question names stands for its report."""
    names = ("Southwest", "SouthWest", "Delta", "Alaska", "United", "American", "Airlines", "Airline", "Air", "Group")
    return " ".join(name for name in names if name in row["question"]) if str(row["id"]).startswith("aitqa") else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    data = parser.parse_args().data
    print_answers(data)
    print_yes_no(data)
    print_cells(data)


if __name__ == "__main__":
    main()
