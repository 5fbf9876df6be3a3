"""A dataset of a user's own questions, as csv or jsonl, which `rag eval run --questions` reads as it is.

In jsonl a source is {"path", "quote"}; in csv `sources` holds the quotes and `files` the paths, for people. Gold is
the quote: it is found when a passage holds it. `reviewed` says whether a person accepted the question.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import InputError
from rag_evals.make.draft import Draft

SUFFIXES = (".jsonl", ".csv")
COLUMNS = ("id", "question", "answer", "sources", "type", "hops", "files", "reviewed")


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft that goes into the dataset."""

    draft: Draft
    reviewed: bool


def check(path: Path) -> None:
    """Raises InputError when no dataset can be written there."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: the name must end in {' or '.join(SUFFIXES)}.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}.")


def write(path: Path, kept: Iterable[Kept]) -> None:
    """Write the questions; the file is replaced whole. Raises InputError."""
    rows = [_row(f"m{number}", item) for number, item in enumerate(kept, 1)]
    text = _csv(rows) if path.suffix == ".csv" else "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.touch(0o600)
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from error


def _row(id: str, kept: Kept) -> dict[str, object]:
    draft = kept.draft
    return {
        "id": id,
        "question": draft.question,
        "answer": draft.answer,
        "sources": [{"path": support.chunk.source, "quote": support.quote} for support in draft.supports],
        "type": "two-hop" if draft.hops > 1 else "single",
        "hops": draft.hops,
        "reviewed": kept.reviewed,
    }


def _csv(rows: Iterable[dict[str, object]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        sources: list[dict[str, str]] = row["sources"]  # type: ignore[assignment]
        cells = {
            "sources": "; ".join(_quoted(source["quote"]) for source in sources),
            "files": "; ".join(source["path"] for source in sources),
        }
        table.writerow({**row, **cells})
    return text.getvalue()


def _quoted(quote: str) -> str:
    """In quotation marks that the quote does not hold."""
    return f'"{quote}"' if '"' not in quote else f"“{quote}”"
