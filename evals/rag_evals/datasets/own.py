"""A user's own questions, csv or jsonl: question, answer, sources; over a folder of documents or a corpus file.

A source is a file of the documents, named from their folder (of a corpus file, a pid), or a quote from one in double
quotes. In a table cell several sources, or several right answers, are separated by ";". In JSON Lines they may be
lists, and a source {"path": ...} or {"quote": ...} (of both, the quote is gold, the path for people); `quotes` are
taken where there are no sources. A question that the documents cannot answer has `answerable` false, or the type
unanswerable. The columns `files` and `reviewed`, which `rag eval make` writes, are for people.
"""

from __future__ import annotations

import glob
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag_evals.datasets import fields
from rag_evals.datasets.model import DatasetParts, Problems, Question
from rag_evals.datasets.project import passages
from rag_evals.datasets.read import located, suffix

FIELDS = frozenset(
    "id question answer answers aliases sources source quotes type hops answerable files reviewed".split()
)

_SOURCE = re.compile(r'"[^"]*"|“[^”]*”|[^;\n"]+')
_OPENING, _CLOSING = '"“', '"”'


def read(questions: Path, corpus: Path | None, problems: Problems) -> DatasetParts:
    """The questions over a folder of documents or a corpus file. Raises ValueError when neither is given."""
    if corpus is None:
        raise ValueError(
            "name the folder of documents, or the corpus file, that the questions are about, with --corpus"
        )
    table = suffix(questions) in (".csv", ".tsv")
    folder = corpus if corpus.is_dir() else None

    def question(where: str, row: dict[str, Any]) -> Question:
        found = _question(where, row, table)
        if folder is None:
            return found
        names = {name: _file(name, folder, questions) for name in found.gold if name not in found.quotes}
        return replace(found, gold=tuple(names.get(name, name) for name in found.gold))

    parsed = located(questions, problems, question, FIELDS)
    return (
        DatasetParts(parsed, documents=(str(folder),)) if folder else DatasetParts(parsed, passages(corpus, problems))
    )


def _file(name: str, folder: Path, questions: Path) -> str:
    """A source as it is named from the folder of documents; it may be written as seen from the questions' folder."""
    top = folder.resolve()
    for written in (name, name.replace("\\", "/")):
        for path in ((folder / written).resolve(), (questions.parent / written).resolve()):
            if path.is_file() and path.is_relative_to(top):
                return path.relative_to(top).as_posix()
    namesakes = [path.relative_to(top).as_posix() for path in sorted(top.rglob(glob.escape(Path(name).name)))]
    meant = f". Did you mean {namesakes[0]}?" if namesakes else ""
    raise ValueError(f"there is no source {name!r} in {folder}{meant}")


def _question(where: str, row: dict[str, Any], table: bool) -> Question:
    answers = [answer for name in ("answer", "answers", "aliases") for answer in fields.texts(row, name)]
    if table:
        answers = [part.strip() for answer in answers for part in answer.split(";") if part.strip()]
    sources = _sources(row)
    answerable = fields.flag(row, "answerable", row.get("type") != "unanswerable")
    return Question(
        id=(fields.texts(row, "id") or (where,))[0],
        question=fields.text(row, "question"),
        answers=tuple(dict.fromkeys(answers)) if answerable else (),
        gold=tuple(name for name, _ in sources) if answerable else (),
        type=fields.text(row, "type", ""),
        answerable=answerable,
        hops=fields.number(row, "hops"),
        quotes=tuple(name for name, quoted in sources if quoted) if answerable else (),
    )


def _sources(row: dict[str, Any]) -> list[tuple[str, bool]]:
    """(name or quote, whether it is a quote) of each source, each once."""
    value = row.get("sources") or row.get("source") or [{"quote": quote} for quote in fields.texts(row, "quotes")]
    entries = value if isinstance(value, list) else _SOURCE.findall(value) if isinstance(value, str) else [value]
    found: dict[tuple[str, bool], None] = {}
    for entry in entries:
        quote = entry.get("quote") if isinstance(entry, dict) else None
        name = quote or (entry.get("path") if isinstance(entry, dict) else entry)
        if not isinstance(name, str):
            raise ValueError(f"a source must be a file name or a quote, not {entry!r}")
        name = name.strip()
        quoted = len(name) > 2 and name[0] in _OPENING and name[-1] in _CLOSING
        if name:
            found[(name[1:-1] if quoted else name, bool(quote) or quoted)] = None
    return list(found)
