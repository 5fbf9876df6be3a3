"""R15: opening and asking an index of 100,000 chunks: made-up unit vectors (384), and Zipf terms weighted as BM25 does.

R16: the same where all chunks, or every tenth or fortieth, have equal words, as records of one template have: they tie,
and ties go by id.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.store.edge import EdgeStore
from rag.types import Chunk, Embeddings, Query, Sparse

DIM, TERMS, BATCH, QUERIES = 384, 80, 1000, 200
OPEN_SECONDS, QUERY_SECONDS, MEGABYTES = 2.0, 0.1, 1000
EVERY, SLOWER = (1, 10, 40), 3.0  # one in so many chunks ties; times the untied median
TEMPLATE = Sparse(np.arange(60_000, 60_040, dtype=np.int64), np.linspace(0.3, 0.9, 40, dtype=np.float32))


def _sparse(rng: np.random.Generator, terms: int, *, query: bool = False) -> Sparse:
    """Of a chunk of this many words, more or less, by the defaults of `rag.embed.bm25`; or of a query."""
    length = terms if query else int(rng.integers(terms // 2, 2 * terms))
    indices, counts = np.unique(rng.zipf(1.3, size=length) % 50_000, return_counts=True)
    values = counts if query else counts / (counts + 1.2 * (0.25 + 0.75 * length / 100))
    return Sparse(indices.astype(np.int64), values.astype(np.float32))


def _unit(rng: np.random.Generator, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rows = rng.normal(size=(n, DIM)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _build(path: str, count: int, every: int = 0) -> None:
    """An index; with `every`, one in so many of its chunks has the words of the template."""
    rng = np.random.default_rng(0)
    store = EdgeStore(path=path, dim=DIM, sparse=True)
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        chunks = [
            Chunk(str(uuid5(NAMESPACE_URL, str(n))), str(n), corpus.sentence(n) * 5, 0, 50, f"{n}.txt") for n in numbers
        ]
        words = [TEMPLATE if every and n % every == 0 else _sparse(rng, TERMS) for n in numbers]
        store.write(chunks, Embeddings(_unit(rng, len(chunks)), words))
    store.flush()
    store.close()


def _ask(path: str) -> tuple[float, list[float], float]:
    """Seconds to open and answer once, seconds of each further answer, peak memory (MB)."""
    rng = np.random.default_rng(1)
    queries = [Query("q", dense=_unit(rng, 1)[0], sparse=_sparse(rng, 8, query=True)) for _ in range(QUERIES + 1)]
    started = time.perf_counter()
    store = EdgeStore(path=path, dim=DIM, sparse=True, readonly=True)
    store.search(queries[:1], k=10, using="hybrid")
    opened = time.perf_counter() - started
    seconds = []
    for query in queries[1:]:
        started = time.perf_counter()
        store.search([query], k=10, using="hybrid")
        seconds.append(time.perf_counter() - started)
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return opened, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def large(count: int) -> Outcome:
    """An index of `count` chunks: three numbers, three bars."""
    with TemporaryDirectory() as name:
        path = str(Path(name) / "shard")
        apart.result(_build, path, count)
        opened, seconds, memory = apart.result(_ask, path)
    p50, p95 = (float(np.quantile(seconds, q)) for q in (0.5, 0.95))
    bars = (
        (opened <= OPEN_SECONDS, f"opening took {opened:.2f} s"),
        (p95 <= QUERY_SECONDS, f"p95 of hybrid search is {1000 * p95:.0f} ms"),
        (memory <= MEGABYTES, f"{memory:.0f} MB of memory"),
    )
    lost = [words for held, words in bars if not held]
    times = f"open {opened:.2f} s, hybrid p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms"
    note = f"{count:,} chunks: {times}, {memory:.0f} MB"
    return Outcome(len(bars), len(bars) - len(lost), lost, note)


def _ask_ties(path: str, every: int) -> tuple[float, bool]:
    """Median CPU seconds of hybrid search, and whether the tied come in the order of their ids."""
    rng = np.random.default_rng(1)
    store = EdgeStore(path=path, dim=DIM, sparse=True, readonly=True)
    tied = sorted(str(uuid5(NAMESPACE_URL, str(n))) for n in range(0, len(store.ids()), every or 1))
    seconds, ordered = [], True
    for _ in range(QUERIES):
        some = np.sort(rng.choice(len(TEMPLATE.indices), 8, replace=False))
        words = Sparse(TEMPLATE.indices[some], np.ones(8, np.float32)) if every else _sparse(rng, 8, query=True)
        query = Query("q", dense=_unit(rng, 1)[0], sparse=words)
        started = time.process_time()
        store.search([query], k=10, using="hybrid")
        seconds.append(time.process_time() - started)
        if every:
            ordered &= [hit.chunk.id for hit in store.search([query], k=50, using="sparse")[0]] == tied[:50]
    return float(np.median(seconds)), ordered


def ties(count: int) -> Outcome:
    """An index of `count` chunks without ties, and one for each of EVERY: two bars each."""
    lost, notes = [], []
    with TemporaryDirectory() as name:
        medians = {}
        for every in (0, *EVERY):
            path = str(Path(name) / str(every))
            apart.result(_build, path, count, every)
            medians[every], ordered = apart.result(_ask_ties, path, every)
            times = medians[every] / medians[0]
            words = {0: "untied", 1: "all tied"}.get(every, f"one in {every} tied")
            notes.append(f"{words} {1000 * medians[every]:.0f} CPU ms")
            if not ordered:
                lost.append(f"{words}: not in the order of ids")
            if times > SLOWER:
                lost.append(f"{words}: {times:.1f} times as slow")
    bars = 2 * len(EVERY)
    return Outcome(bars, bars - len(lost), lost, f"{count:,} chunks, hybrid p50: {', '.join(notes)}")


ROWS: dict[str, Row] = {"R15": large, "R16": ties}
