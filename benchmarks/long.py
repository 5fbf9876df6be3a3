"""One long document, each chunk by itself against late chunking: CPU, tokens a second, memory, chunks without a vector.

    python -m benchmarks.long [--documents FOLDER] [--pages 300] [--overlap 0 16 32]

The document is made of the Markdown files of a folder, one after the other and again, at 400 words a page. Rounds are
interleaved in one process; tokens are those of the document, so that what windows read twice counts as cost. With
--ingest whole `rag ingest` runs are compared instead: reading, chunking, sparse vectors, manifest and index included.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

from benchmarks.common import run
from rag.chunk.sentences import SentenceChunker
from rag.embed.onnx import OnnxEmbedder
from rag.types import Chunked, Document

DOCUMENTS = Path(__file__).parent.parent.parent / "shared" / "documents" / "manual"
PAGE = 400  # words
PIPELINE = """
connector: {{use: files}}
chunk: {{use: sentences, size: {size}, context: none}}
embed: {{use: onnx, late: {late}, overlap: {overlap}}}
sparse: {{use: bm25}}
store: {{use: edge}}
retrieve: {{use: search, by: hybrid}}
generate: {{use: extractive}}
"""


def document(folder: Path, pages: int) -> str:
    """The text of a document of so many pages."""
    files = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md"))]
    if not any(text.split() for text in files):
        sys.exit(f"{folder}: no Markdown files with text; name another folder with --documents.")
    parts, words = [], 0
    for text in cycle(files):
        parts.append(text)
        words += len(text.split())
        if words >= pages * PAGE:
            return "\n\n".join(parts)
    return ""


def embedding(one: Chunked, overlaps: Sequence[int], rounds: int) -> None:
    """Embed the same chunks both ways; CPU seconds."""
    plain = OnnxEmbedder()
    tokens = len(plain.token_spans([one.document.text])[0])
    kinds = {"chunk": plain, **{f"late, overlap {n}": OnnxEmbedder(late=1, overlap=n) for n in overlaps}}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    missing = dict.fromkeys(kinds, 0)
    for embedder in kinds.values():
        embedder.embed_queries(["the model is loaded from here on"])
    for _ in range(rounds):
        for name, embedder in kinds.items():
            started = time.process_time()
            vectors = embedder.embed_chunks([one]).dense
            times[name].append(time.process_time() - started)
            assert vectors is not None
            missing[name] = len(one.chunks) - int(np.isfinite(vectors).all(axis=1).sum())
    print(f"{tokens:,} tokens, {len(one.chunks):,} chunks, {rounds} rounds, medians\n")
    print(
        "| what | CPU seconds | tokens a CPU second | against chunk | chunks without a vector |\n|---|---|---|---|---|"
    )
    for name, spent in times.items():
        ratio = statistics.median(a / b for a, b in zip(spent, times["chunk"], strict=True))
        middle = statistics.median(spent)
        print(f"| {name} | {middle:.1f} | {tokens / middle:,.0f} | {ratio:.2f} | {missing[name]} |")
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB, of all together")


def ingesting(text: str, size: int, overlaps: Sequence[int], rounds: int) -> None:
    """Ingest the document as a file both ways; CPU seconds of the whole command."""
    rag = str(Path(sys.executable).parent / "rag")
    kinds = {"chunk": (0, 0), **{f"late, overlap {n}": (1, n) for n in overlaps}}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, (late, overlap) in kinds.items():
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                (place / "docs").mkdir()
                (place / "docs" / "long.md").write_text(text, encoding="utf-8")
                (place / "p.yaml").write_text(PIPELINE.format(size=size, late=late, overlap=overlap))
                cost, _ = run([rag, "ingest", "docs", "--pipeline", "p.yaml"], cwd=place)
                times[name].append(cost.cpu)
    print("| rag ingest | CPU seconds | against chunk |\n|---|---|---|")
    for name, spent in times.items():
        ratio = statistics.median(a / b for a, b in zip(spent, times["chunk"], strict=True))
        print(f"| {name} | {statistics.median(spent):.1f} | {ratio:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--size", type=int, default=64, help="tokens of a chunk")
    parser.add_argument("--overlap", type=int, nargs="+", default=[0, 8, 16, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ingest", action="store_true", help="whole ingests")
    given = parser.parse_args()
    text = document(given.documents, given.pages)
    if given.ingest:
        ingesting(text, given.size, given.overlap, given.rounds)
        return
    [one] = SentenceChunker(embedder=OnnxEmbedder(), size=given.size, context="none").chunk(
        [Document("d", "long.md", text)]
    )
    embedding(one, given.overlap, given.rounds)


if __name__ == "__main__":
    main()
