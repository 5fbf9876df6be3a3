"""BEIR's layout: a folder with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv (or qrels.jsonl, as on the hub).

Point at the folder (the test split is taken, or the only one there is) or at the qrels file of a split. Documents
with a score above 0 are gold; queries without a judgement are not asked. Grades above 1 count like 1.
Source: arXiv 2104.08663.
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

QUERY = frozenset({"_id", "text", "metadata", "title"})
JUDGEMENT = frozenset({"query-id", "corpus-id", "score"})


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The judged queries over the folder's corpus, or over the one given. Raises InputError for a missing file."""
    qrels = _qrels(questions) if questions.is_dir() else questions
    folder = qrels.parent.parent if qrels.parent.name == "qrels" else qrels.parent
    queries = _file(folder, "queries.jsonl")
    return DatasetParts(_judged(queries, qrels, problems), passages(corpus or _file(folder, "corpus.jsonl"), problems))


def _judged(queries: Path, qrels: Path, problems: Problems) -> Iterator[Located]:
    gold: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for where, (query, document, score) in parsed(qrels, problems, _judgement, JUDGEMENT):
        first.setdefault(query, where)
        if score > 0:
            gold.setdefault(query, []).append(document)
    texts = {query: text for _, (query, text) in parsed(queries, problems, _query, QUERY)}
    for query, documents in gold.items():
        if query in texts:
            yield Located(str(qrels), first[query], Question(query, texts[query], gold=tuple(dict.fromkeys(documents))))
        else:
            problems.add(qrels, first[query], f"there is no query {query!r} in {queries}")


def _judgement(_: str, row: dict[str, Any]) -> tuple[str, str, float]:
    score = row.get("score")
    try:
        value = float(score) if score is not None else 1.0
    except (TypeError, ValueError):
        raise ValueError(f"'score' must be a number, not {score!r}") from None
    return _id(row, "query-id"), _id(row, "corpus-id"), value


def _query(_: str, row: dict[str, Any]) -> tuple[str, str]:
    return _id(row, "_id"), fields.text(row, "text")


def _id(row: dict[str, Any], name: str) -> str:
    found = fields.texts(row, name)
    if len(found) != 1:
        raise ValueError(f"{name!r} is missing")
    return found[0]


def _qrels(folder: Path) -> Path:
    splits = [
        path for pattern in ("qrels/*.tsv", "qrels*.jsonl*", "qrels*.tsv") for path in sorted(folder.glob(pattern))
    ]
    if not splits:
        raise InputError(f"{folder}: a folder is read as BEIR's layout, but here is no qrels/*.tsv or qrels.jsonl.")
    return next((path for path in splits if path.stem == "test"), splits[0])


def _file(folder: Path, name: str) -> Path:
    found = next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
    if found is None:
        raise InputError(f"{folder / name}: missing; BEIR's layout has corpus.jsonl, queries.jsonl and qrels/.")
    return found
