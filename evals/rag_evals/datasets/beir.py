"""BEIR's layout: a folder with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, and what MTEB and LongEmbed make of it.

Point at the folder (the test split is taken, or the only one there is) or at the qrels file of a split. Each may be
JSON Lines or Parquet, in parts or in a folder of its name, as on the hub, where judgements may lie in `data`. Documents
with a score above 0 are gold, and scores are grades for nDCG; queries without a judgement are not asked. Texts of
several lengths (LongEmbed's needle and passkey) are one corpus. Sources: arXiv 2104.08663, 2210.07316, 2404.12096.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, Located, Problems, Question
from rag_evals.datasets.project import passages
from rag_evals.datasets.read import parsed

QUERY = frozenset({"_id", "id", "qid", "text", "metadata", "title", "instruction", "language", "context_length"})
JUDGEMENT = frozenset({"query-id", "corpus-id", "score", "qid", "doc_id", "context_length"})
PLACES = ("qrels", "data", "default")  # folders that judgements may lie in
SUFFIXES = (".jsonl", ".jsonl.gz", ".tsv", ".parquet")


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The judged queries over the folder's corpus, or over the one given. Raises InputError for a missing file."""
    qrels = _qrels(questions) if questions.is_dir() else questions
    folder = qrels.parent.parent if qrels.parent.name in PLACES else qrels.parent
    queries = _file(folder, "queries")
    return DatasetParts(_judged(queries, qrels, problems), passages(corpus or _file(folder, "corpus"), problems))


def _judged(queries: Path, qrels: Path, problems: Problems) -> Iterator[Located]:
    gold: dict[str, dict[str, float]] = {}
    first: dict[str, str] = {}
    for where, (query, document, score) in parsed(qrels, problems, _judgement, JUDGEMENT):
        first.setdefault(query, where)
        if score > 0:
            gold.setdefault(query, {}).setdefault(document, score)
    texts = {query: text for _, (query, text) in parsed(queries, problems, _query, QUERY)}
    for query, grades in gold.items():
        if query in texts:
            values = (
                tuple(grades.values()) if len({*grades.values()}) > 1 else ()
            )  # nDCG is the same where they are alike
            yield Located(str(qrels), first[query], Question(query, texts[query], gold=tuple(grades), grades=values))
        else:
            problems.add(qrels, first[query], f"there is no query {query!r} in {queries}")


def _judgement(_: str, row: dict[str, Any]) -> tuple[str, str, float]:
    score = row.get("score")
    try:
        value = float(score) if score is not None else 1.0
    except (TypeError, ValueError):
        raise ValueError(f"'score' must be a number, not {score!r}") from None
    return _id(row, "query-id", "qid"), _id(row, "corpus-id", "doc_id"), value


def _query(_: str, row: dict[str, Any]) -> tuple[str, str]:
    return _id(row, "_id", "id", "qid"), fields.text(row, "text")


def _id(row: dict[str, Any], *names: str) -> str:
    found = next((found for name in names if (found := fields.texts(row, name))), ())
    if len(found) != 1:
        raise ValueError(f"{names[0]!r} is missing")
    return found[0]


def _qrels(folder: Path) -> Path:
    splits = [path for place in PLACES for path in _files(folder, place)]
    if not splits:
        raise InputError(f"{folder}: a folder is read as BEIR's layout, but here is no qrels/*.tsv or qrels.jsonl.")
    return next((path for path in splits if path.name.startswith("test")), splits[0])


def _file(folder: Path, name: str) -> Path:
    found = _files(folder, name)
    if not found:
        raise InputError(f"{folder / name}.jsonl: missing; BEIR's layout has corpus.jsonl, queries.jsonl and qrels/.")
    return found[0]


def _files(folder: Path, name: str) -> list[Path]:
    """What may be meant: NAME.jsonl, or what lies in the folder NAME."""
    found = [*sorted(folder.glob(f"{name}/*")), *sorted(folder.glob(f"{name}*"))]
    return [path for path in found if path.is_file() and path.name.endswith(SUFFIXES)]
