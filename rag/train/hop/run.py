"""From labelled questions to a weights file with its card: the hop encoder, then the ranking on held-out trees."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rag.embed.onnx import OnnxEmbedder
from rag.errors import InputError
from rag.hop.encoder import EncoderHopper, load
from rag.train.common.dataset import Labelled, LabelledQuestion, encoded, read
from rag.train.common.embeddings import frozen
from rag.train.common.passage_index import chunk_id, index
from rag.train.common.weights import error, write
from rag.train.hop import mine
from rag.train.hop.card import card
from rag.train.hop.ranking import START, RankingExample, Reads, examples, fit, together
from rag.train.hop.train import HopOptions, TrainedDifference, task, train
from rag.types import Vectors

EVERY = 20  # steps between two lines of progress

Say = Callable[[str], None]


def train_hop(
    folders: Sequence[Path], out: Path, *, model: str, options: HopOptions, most: int | None, say: Say
) -> TrainedDifference:
    """Train on every folder at once; `out` is written at the end, the card as `out` with the suffix .md.

    Raises InputError for folders without pairs, ModelError for a model that cannot run in onnxruntime.
    """
    embedder = OnnxEmbedder(model=model)
    sources, vectors = gathered(folders, embedder, most=most, seed=options.seed, say=say)

    def progress(step: int, steps: int, value: float) -> None:
        if step % EVERY == 0 or step == steps:
            say(f"step {step:,} of {steps:,}, loss {value:.3f}")

    saved = out.with_suffix(".state.safetensors")
    trained = train(model, lambda encode: task(sources, vectors, encode), options, progress, saved)
    facts = {"model": model, "data": ", ".join(folder.name for folder in folders), "seed": str(options.seed)}

    def put(rank: Vectors) -> None:
        write(out, trained.difference, rank, fingerprint=embedder.fingerprint, limit=options.limit, facts=facts)

    put(np.array(START, np.float32))
    grown = trees(sources, vectors, EncoderHopper(embedder=embedder, weights=str(out)), embedder)
    say(f"ranking: {sum(map(len, grown)):,} trees of held-out questions")
    rank = fit(grown)
    put(rank)
    lost = error(trained.difference, load(out).difference)
    text = card(folders, sources, embedder, options=options, trained=trained, rank=rank, grown=grown, lost=lost)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    saved.unlink(missing_ok=True)
    return trained


def gathered(
    folders: Sequence[Path], embedder: OnnxEmbedder, *, most: int | None, seed: int, say: Say
) -> tuple[list[Labelled], list[Vectors]]:
    """Every folder as read or, where it holds an index, as mined, and the index vectors of its passages.

    Raises InputError where there are no pairs.
    """
    sources, vectors = [], []
    for folder in folders:
        if mine.minable(folder):
            source, rows = mine.read_index(folder, embedder, most=most, seed=seed)
        else:
            source, rows = read(folder, most=most), None
        say(
            f"{folder}: {len(source.pairs):,} pairs, {len(source.passages):,} passages, "
            f"{len(source.asked):,} questions held out"
        )
        sources.append(source)
        texts = [encoded(*passage) for passage in source.passages.values()]
        vectors.append(frozen(embedder, texts) if rows is None else rows)
    if not any(source.pairs for source in sources):
        raise InputError(f"{', '.join(map(str, folders))}: no question whose gold passages are all in the corpus.")
    return sources, vectors


def trees(
    sources: Sequence[Labelled], vectors: Sequence[Vectors], hopper: Reads, embedder: OnnxEmbedder
) -> list[list[RankingExample]]:
    """Two groups of each folder: trees of its held-out questions, and of those in twos."""
    grown = []
    for source, rows in zip(sources, vectors, strict=True):
        ids = {pid: chunk_id(i) for i, pid in enumerate(source.passages)}
        asked = [LabelledQuestion(one.text, tuple(ids[pid] for pid in one.gold)) for one in source.asked]
        if not asked:
            continue
        with tempfile.TemporaryDirectory() as folder:
            search = index(list(source.passages.values()), rows, embedder, Path(folder) / "index")
            grown += [examples(search, hopper, some) for some in (asked, together(asked))]
            search.store.close()
    return grown
