"""Whole documents with questions about places in them: the passages of one title, joined in their order.

What is read is what `rag train hop` reads. Where a folder has no `questions_dev`, half of the documents, by title, are
left out altogether, so that there is something to measure on (`is_held_out`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from rag.errors import InputError
from rag.train.common.dataset import CORPORA, QUESTIONS, Row, gold, load
from rag.types import Chunk, Document

Place = tuple[str, int, int]  # document id, start, end


@dataclass(frozen=True, slots=True)
class DocumentQuestion:
    """A question, where the passage is that answers it, and what the answers are, if that is known."""

    text: str
    place: Place
    answers: tuple[str, ...] = ()

    def answered_by(self, chunk: Chunk) -> bool:
        """Whether a chunk of the document shares text with the passage and, where answers are known, holds one."""
        _, start, end = self.place
        text = chunk.text.casefold()
        has_answer = not self.answers or any(answer.casefold() in text for answer in self.answers)
        return has_answer and chunk.start < end and start < chunk.end


@dataclass(frozen=True, slots=True)
class DocumentDataset:
    """Documents, whose ids are their titles, and questions about them."""

    documents: tuple[Document, ...]
    questions: tuple[DocumentQuestion, ...]


def read(folder: Path) -> DocumentDataset:
    """The documents of a folder and those of its training questions that one passage answers, if it has any.

    Raises InputError where it has no documents.
    """
    corpora = _first(folder, CORPORA)
    if not corpora:
        raise InputError(f"{folder}: no file named {' or '.join(CORPORA)}; see `rag train embedder --help`.")
    rows = [row for path in corpora for row in load(path)]
    documents, places = join(rows)
    if not any(folder.glob("questions_dev*")):
        documents = tuple(document for document in documents if not is_held_out(document.title))
    names = {document.id for document in documents}
    questions = []
    for row in (row for path in _first(folder, QUESTIONS)[:1] for row in load(path)):
        found = [places[pid] for pid in gold(row) if pid in places]
        if len(gold(row)) == len(found) == 1 and found[0][0] in names and not row.get("is_impossible"):
            questions.append(DocumentQuestion(row["question"], found[0], tuple(row.get("answers") or ())))
    return DocumentDataset(documents, tuple(questions))


def is_held_out(title: str) -> bool:
    """Whether a document is of the half that no training reads."""
    return crc32(title.encode()) % 2 == 1


def join(rows: Iterable[Row]) -> tuple[tuple[Document, ...], dict[str, Place]]:
    """One document per title with its passages in the order of the last number in their ids, and where each stands."""
    parts: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int((re.findall(r"\d+", row["pid"]) or ["0"])[-1])):
        parts.setdefault(row.get("title") or row["pid"], []).append(row)
    documents, places = [], {}
    for title in sorted(parts):
        text = ""
        for row in parts[title]:
            passage = row["text"].strip()
            places[row["pid"]] = (title, len(text), len(text) + len(passage))
            text += passage + "\n\n"
        name = parts[title][0].get("title") or ""
        documents.append(Document(title, title, text.rstrip(), name.replace("_", " ")))
    return tuple(documents), places


def _first(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return next((found for pattern in patterns if (found := sorted(folder.glob(pattern)))), [])
