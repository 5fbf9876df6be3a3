"""What a chunk's context is worth: retrieval over long documents whose chunks make sense only in them, bundled model.

    python -m benchmarks.context [--set squad] [--sizes 64 128 256 512 sentence] [--articles N] [--overlap N]

All passages of a title make one document, in their order. A question's gold chunks are those of its passage that hold
an answer; the best placed one counts. The subset are questions that name the article's subject (a word of its title,
by first letters) while no gold chunk does: their chunks cannot be told from another article's by themselves. Search is
exact, dense, over all chunks. `untitled` rows never see a title. Cost is CPU seconds of embedding over those of
`chunk`; a mixture needs both its vectors. Vectors are kept in raghop's cache with what they cost when they were made.
--weights reads late chunks with a file of `rag train embedder`; --unseen leaves out what such a training may have read
of this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from benchmarks.common import DATA
from rag import cache
from rag.chunk.sentences import SentenceChunker
from rag.embed.onnx import OnnxEmbedder
from rag.text.sentence_ends import sentences
from rag.train.common.dataset import CORPORA, QUESTIONS, Row, gold, load
from rag.train.embedder.examples import is_held_out, join
from rag.types import Chunk, Chunked, Document, Vectors
from rag_evals.stats import paired_bootstrap

STEM, SHORTEST = 5, 4  # letters by which words of titles are compared, and that one must have
NDCG, RECALL = 10, 5  # cuts

# what is shown: context, which late windows begin with, too, and the weight of the late vector; "none" is an untitled
# document without anything, and so is that of "summary", which stands with the title in "both"
ROWS: Mapping[str, tuple[str, float]] = {
    "chunk (untitled)": ("none", 0),
    "late (untitled)": ("none", 1),
    "0.5 late + 0.5 chunk (untitled)": ("none", 0.5),
    "summary + chunk (untitled)": ("summary", 0),
    "late, summary (untitled)": ("summary", 1),
    "0.2 late + 0.8 chunk, summary (untitled)": ("summary", 0.2),
    "title + chunk": ("title", 0),
    "title, summary + chunk": ("both", 0),
    "late, title": ("title", 1),
    "0.2 late + 0.8 chunk, title": ("title", 0.2),
    "0.3 late + 0.7 chunk, title": ("title", 0.3),
    "0.5 late + 0.5 chunk, title": ("title", 0.5),
    "0.2 late + 0.8 chunk, title and summary": ("both", 0.2),
    "0.3 late + 0.7 chunk, title and summary": ("both", 0.3),
}


@dataclass(frozen=True, slots=True)
class World:
    """Documents, where each passage begins in them, and the questions."""

    documents: tuple[Document, ...]
    places: Mapping[str, tuple[str, int, int]]  # pid -> document id, start, end
    questions: tuple[Row, ...]


def world(base: Path, *, articles: int | None, most: int, only_unseen: bool = False) -> World:
    """Read a folder of `corpus` and `questions`; a seeded choice of at most `most` questions of the first articles."""
    documents, places = join(load(_file(base, CORPORA)))
    chosen = [one for one in documents if not only_unseen or is_held_out(one.title)][:articles]
    names = {document.id for document in chosen}
    asked = [
        row
        for row in load(_file(base, QUESTIONS))
        if row.get("answers") and not row.get("is_impossible") and places[gold(row)[0]][0] in names
    ]
    random.Random(0).shuffle(asked)
    return World(tuple(chosen), places, tuple(asked[:most]))


def _file(base: Path, patterns: Sequence[str]) -> Path:
    for pattern in patterns:
        if found := sorted(base.glob(pattern)):
            return found[0]
    sys.exit(f"{base}: no file named {' or '.join(patterns)}; name the folder of the data with --data and --set.")


def cut(documents: Sequence[Document], size: str, context: str) -> list[Chunked]:
    """Sentences packed into chunks of `size` tokens, or one chunk a sentence; `context` as in the chunkers' option."""
    if context in ("none", "summary"):
        documents = [replace(document, title="") for document in documents]
    context = "summary" if context == "both" else context
    width = 8192 if size == "sentence" else int(size)
    embedder = OnnxEmbedder(late=1)  # which takes chunks of any size
    packed = SentenceChunker(embedder=embedder, size=width, context=context).chunk(documents)  # type: ignore[arg-type]
    if size != "sentence":
        return packed
    found = []
    for item in packed:
        text, context = item.document.text, item.chunks[0].context
        spans = [(a, a + len(text[a:b].rstrip())) for a, b in sentences(text)]
        spans = [(a + len(text[a:b]) - len(text[a:b].lstrip()), b) for a, b in spans if text[a:b].strip()]
        own = (Chunk(f"{a}", item.document.id, text[a:b], a, b, "", context=context) for a, b in spans)
        found.append(replace(item, chunks=tuple(own)))
    return found


def embedded(embedder: OnnxEmbedder, batch: Sequence[Chunked]) -> tuple[Vectors, float]:
    """The vectors (chunks, dim) and the CPU seconds they took, now or when they came into the cache."""
    facts = [embedder.fingerprint]
    for item in batch:
        facts += [item.document.text, *(f"{c.start}:{c.end}:{c.context}" for c in item.chunks)]
    name = "context-" + hashlib.sha256("\0".join(facts).encode()).hexdigest()
    if (stored := cache.load(name)) is None:
        before = time.process_time()
        parts = [part for item in batch for part in embedder.windows([item])]
        dense = [embedder.embed_chunks(parts[i : i + 64]).dense for i in range(0, len(parts), 64)]
        file = BytesIO()
        np.savez(file, vectors=np.concatenate([d for d in dense if d is not None]), cpu=time.process_time() - before)
        stored = file.getvalue()
        cache.save(name, stored)
    kept = np.load(BytesIO(stored), allow_pickle=False)
    return kept["vectors"], float(kept["cpu"])


def golds(at: World, batch: Sequence[Chunked]) -> list[list[int]]:
    """For each question the rows of its gold chunks; none where the cut went through every answer."""
    rows: dict[str, list[tuple[int, Chunk]]] = {}
    n = 0
    for item in batch:
        rows[item.document.id] = list(enumerate(item.chunks, n))
        n += len(item.chunks)
    found = []
    for question in at.questions:
        document, start, end = at.places[gold(question)[0]]
        answers = [answer.casefold() for answer in question["answers"]]
        inside = [(i, c.text.casefold()) for i, c in rows[document] if c.start < end and start < c.end]
        found.append([i for i, text in inside if any(answer in text for answer in answers)])
    return found


def stems(text: str) -> set[str]:
    """The beginnings of a text's words."""
    return {word[:STEM] for word in re.findall(rf"[^\W_]{{{SHORTEST},}}", text.casefold())}


def unnamed(
    at: World, asked: Sequence[int], wanted: Sequence[Sequence[int]], texts: Sequence[str]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the questions `asked` name their article's subject while no gold chunk does, (asked,)."""
    found = []
    for i in asked:
        subject = stems(at.places[gold(at.questions[i])[0]][0])
        named = subject & stems(at.questions[i]["question"])
        found.append(bool(named) and not any(subject & stems(texts[row]) for row in wanted[i]))
    return np.array(found, np.bool_)


def measure(at: World, size: str, overlap: int, weights: str, only: Sequence[str]) -> None:
    """Print the table of one chunk size."""
    plain, late = OnnxEmbedder(), OnnxEmbedder(late=1, overlap=overlap, weights=weights)
    cuts = {context: cut(at.documents, size, context) for context in ("none", "summary", "title", "both")}
    wanted = golds(at, cuts["none"])
    asked = [i for i, found in enumerate(wanted) if found]
    queries = plain.embed_queries([at.questions[i]["question"] for i in asked]).dense
    texts = [chunk.text for item in cuts["none"] for chunk in item.chunks]
    inside = unnamed(at, asked, wanted, texts)
    print(f"\n{size}: {len(texts):,} chunks, {len(asked):,} questions, {inside.sum()} of them in the subset\n")
    ndcg = f"nDCG@{NDCG}"
    print(f"| embedding | {ndcg}, all | against chunk | recall@{RECALL} | {ndcg}, subset | against chunk | cost |")
    print("|---|---|---|---|---|---|---|", flush=True)
    first: tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float] | None = None
    for name in only or ROWS:
        context, weight = ROWS[name]
        vectors, cost = embedded(plain, cuts[context]) if weight < 1 else (np.zeros((), np.float32), 0.0)
        if weight:
            other, more = embedded(late, cuts[context])
            vectors, cost = weight * other + (1 - weight) * vectors, cost + more
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert queries is not None
        scores = queries @ vectors.T
        best = np.array([scores[row, wanted[i]].max() for row, i in enumerate(asked)])
        rank = (scores > best[:, None]).sum(axis=1)
        gain = np.where(rank < NDCG, 1 / np.log2(rank + 2), 0)
        first = first or (gain, cost)
        cells = [f"{gain.mean():.3f}", _against(first[0], gain), f"{(rank < RECALL).mean():.3f}"]
        cells += (
            [f"{gain[inside].mean():.3f}", _against(first[0][inside], gain[inside])] if inside.any() else ["-", "-"]
        )
        print(f"| {name} | {' | '.join(cells)} | {cost / first[1]:.2f} |", flush=True)


def _against(
    base: np.ndarray[tuple[int], np.dtype[np.float64]], gain: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> str:
    if np.array_equal(base, gain):
        return "-"
    gap = paired_bootstrap(base.tolist(), gain.tolist())
    return f"{100 * gap.value:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--set", default="squad", help="a folder of --data")
    parser.add_argument("--sizes", nargs="+", default=["64", "128", "256", "512", "sentence"], metavar="SIZE")
    parser.add_argument("--articles", type=int, help="only the first so many, by title")
    parser.add_argument("--questions", type=int, default=2500)
    parser.add_argument("--overlap", type=int, default=16)
    parser.add_argument("--weights", default="", help="a file of `rag train embedder`")
    parser.add_argument("--unseen", action="store_true", help="only documents that no training reads")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=[], metavar="ROW", help="the first is compared with")
    given = parser.parse_args()
    at = world(given.data / given.set, articles=given.articles, most=given.questions, only_unseen=given.unseen)
    words = sum(len(document.text.split()) for document in at.documents)
    print(f"{given.set}: {len(at.documents)} documents, {words:,} words; windows share {given.overlap} tokens")
    for size in given.sizes:
        measure(at, size, given.overlap, given.weights, given.only)


if __name__ == "__main__":
    main()
