"""What an embedder's document side is trained on: whole documents, cut, windowed and embedded by the original model.

What is read is what `rag train hop` reads; the passages of one title, joined in their order, are a document. Where a
folder has no `questions_dev`, half of the documents, by title, are left out altogether, so that there is something to
measure on (`is_held_out`).

Documents are cut without their titles, in pieces of different sizes, and two in three are read without it too; the rest
have it before every window, as titled documents do when they are ingested. From each chunk of a titled document a
question is mined: the title and one of the chunk's sentences.
"""

import random
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import torch

from rag.chunk.sentences import SentenceChunker
from rag.embed.onnx import OnnxEmbedder
from rag.models.late import Late
from rag.models.onnx_backend import text_encoder
from rag.models.spec import read as spec
from rag.text.sentence_ends import sentences
from rag.train.common.dataset import CORPORA, QUESTIONS, Row, gold, index_text, read_rows
from rag.train.common.embeddings import passage_vectors
from rag.train.common.loop import DEVICE
from rag.train.embedder.train import EmbedderExamples
from rag.types import Chunk, Chunked, Document

SIZES = (32, 64, 128)  # tokens of a document's chunks, by turns
TITLED = 3  # one document in so many is read with its title
HELD_OUT = 16  # one document in so many is held out
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


def read(folder: Path, *, most: int | None = None, left_out: Collection[str] = ()) -> DocumentDataset:
    """The documents of a folder and those of its training questions that one passage answers, if it has any.

    At most `most` documents, the longest, and none whose title is `left_out`. Raises InputError where it has none.
    """
    documents, places = join(read_rows(folder, CORPORA))
    if not any(folder.glob("questions_dev*")):
        documents = [document for document in documents if not is_held_out(document.title)]
    documents = [document for document in documents if document.title not in left_out]
    documents = sorted(documents, key=lambda document: -len(document.text))[:most]
    names = {document.id for document in documents}
    questions = []
    for row in read_rows(folder, QUESTIONS, optional=True):
        found = [places[pid] for pid in gold(row) if pid in places]
        if len(gold(row)) == len(found) == 1 and found[0][0] in names and not row.get("is_impossible"):
            questions.append(DocumentQuestion(row["question"], found[0], tuple(row.get("answers") or ())))
    return DocumentDataset(tuple(documents), tuple(questions))


def is_held_out(title: str) -> bool:
    """Whether a document is of the half that no training reads."""
    return crc32(title.encode()) % 2 == 1


def join(rows: Iterable[Row]) -> tuple[list[Document], dict[str, Place]]:
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
    return documents, places


def make_examples(
    embedder: OnnxEmbedder, sources: Sequence[DocumentDataset], *, seed: int, held_out: bool
) -> EmbedderExamples:
    """To train on, or to check on. Documents of one chunk, which has no context, are left out."""
    documents, questions = [], []
    for i, source in enumerate(sources):
        documents += [
            replace(document, id=f"{i} {document.id}")
            for document in source.documents
            if (_turn(document.id, 2) % HELD_OUT == 0) == held_out
        ]
        questions += [replace(one, place=(f"{i} {one.place[0]}", *one.place[1:])) for one in source.questions]
    cut = _cut(embedder, documents)
    chunks = [(item.document, chunk) for item in cut for chunk in item.chunks]
    rows: dict[str, list[tuple[int, Chunk]]] = {}
    for row, (document, chunk) in enumerate(chunks):
        rows.setdefault(document.id, []).append((row, chunk))
    texts, golds = [], []
    for question in questions:
        if found := [row for row, chunk in rows.get(question.place[0], ()) if question.answered_by(chunk)]:
            texts.append(question.text)
            golds.append(found)
    rng = random.Random(seed)
    for row, (document, chunk) in enumerate(chunks):
        if document.title:
            start, end = rng.choice(list(sentences(chunk.text)))
            texts.append(f"{document.title} {chunk.text[start:end].strip()}")
            golds.append([row])
    late = Late(text_encoder(spec(embedder.model), batch_tokens=1), weight=1, overlap=embedder.overlap, batch_tokens=1)
    numbers = {name: i for i, name in enumerate(rows)}
    vectors = passage_vectors(embedder, [index_text(document.title, chunk.text) for document, chunk in chunks])
    return EmbedderExamples(
        late.passes(late.windows(cut)),
        np.array([numbers[document.id] for document, _ in chunks], np.int64),
        torch.from_numpy(vectors).to(DEVICE),
        torch.from_numpy(np.asarray(embedder.embed_queries(texts).dense)).to(DEVICE),
        golds,
    )


def _cut(embedder: OnnxEmbedder, documents: Sequence[Document]) -> list[Chunked]:
    """Each document with its title, in chunks that are cut without it."""
    found = []
    for turn, size in enumerate(SIZES):
        some = [document for document in documents if _turn(document.title, 16) % len(SIZES) == turn]
        untitled = [replace(document, title="") for document in some]
        chunker = SentenceChunker(embedder=embedder, size=min(size, embedder.longest or size), context="none")
        cut = chunker.chunk(untitled)
        for document, item in zip(some, cut, strict=True):
            context = document.title if _turn(document.title, 64) % TITLED == 0 else ""
            chunks = tuple(replace(chunk, context=context) for chunk in item.chunks)
            if len(chunks) > 1:
                found.append(Chunked(document, chunks))
    return found


def _turn(name: str, step: int) -> int:
    return crc32(name.encode()) // step
