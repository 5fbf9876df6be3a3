"""From labelled questions to a gate's file with its card: the network, then the ranking on held-out trees."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.embed.onnx import OnnxEmbedder
from rag.errors import InputError
from rag.hop.encoder import load
from rag.hop.gate import GateHopper
from rag.hop.score import WEIGHTS
from rag.models import deltas
from rag.train.common.card import data_table, gain, rank_table
from rag.train.common.embeddings import cached_vectors, read_folders
from rag.train.common.loop import Say
from rag.train.common.ranking import fit, grow_trees
from rag.train.gate.rows import Read, make_rows
from rag.train.gate.train import GateOptions, TrainedGate, train
from rag.types import Vector, Vectors

KIND = "raghop gate 1"
SLICE = 64  # texts that a hop encoder reads at once
# Where a gate's ranking begins, in the order of WEIGHTS: what an earlier training learned freely. What the same fit
# found for the present gate lost 2 points of recall@5 on 2WikiMultihopQA and 1 on MuSiQue against it, both dev.
START = (1.63, 0.1, 0.46, 1.02, 0.67, 0.11, 1.64)


def train_gate(
    folders: Sequence[Path],
    out: Path,
    *,
    model: str,
    options: GateOptions,
    most: int | None,
    teacher: Path | None,
    say: Say,
) -> TrainedGate:
    """Train on every folder at once; `teacher` is a hop encoder's file. The card is `out` with the suffix .md.

    Raises InputError for folders in which no question takes two steps, ModelError and MismatchError for the teacher.
    """
    embedder = OnnxEmbedder(model=model)
    read = None if teacher is None else _reader(teacher, embedder, say)
    sources, vectors = read_folders(folders, embedder, most=most, seed=options.seed, say=say)
    rows, held_out = (make_rows(sources, vectors, embedder, read, held_out=held) for held in (False, True))
    if not len(rows):
        raise InputError(f"{', '.join(map(str, folders))}: no question with two gold passages, one after the other.")
    say(f"{len(rows):,} rows, {len(held_out):,} held out")

    def report(epoch: int, epochs: int, loss: float) -> None:
        say(f"epoch {epoch} of {epochs}, held-out loss {loss:.3f}")

    trained = train(rows, held_out, options, report)

    def save(rank: Vector) -> None:
        write(out, trained.tensors, rank, fingerprint=embedder.fingerprint, sign=options.sign)

    save(np.array(START, np.float32))
    trees = grow_trees(sources, vectors, GateHopper(embedder=embedder, weights=str(out)), embedder)
    say(f"ranking: {sum(map(len, trees)):,} trees of held-out questions")
    rank = fit(trees, start=START)
    save(rank)
    learned = f"learned from what the hop encoder {teacher.name} reads" if teacher else "gold passages only"
    text = f"""# Hop gate

TreeHop's network (arXiv 2504.20114) for `hop: {{use: gate}}` and `hop: {{use: treehop}}`, with {options.features}
features, half precision, made by `rag train gate`. It was trained on the vectors of the embedder
`{embedder.model}` with the fingerprint `{embedder.fingerprint}` and fits no other. The sign of c is
`{options.sign}`.

{data_table(folders, sources)}

{trained.epochs} epochs of {len(rows):,} rows in batches of {options.batch}, learning rate {options.rate:g}, seed
{options.seed}; {learned}. Least loss of {len(held_out):,} held-out rows: {trained.held_out_loss:.3f}. The data's
licences are those of its folders.

{rank_table(rank)}

{gain(trees, rank)}
"""
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    return trained


def write(path: Path, tensors: Mapping[str, Vectors], rank: Vector, *, fingerprint: str, sign: str) -> None:
    """Write a state dict in half precision, with what `rag.hop.gate_network` reads besides as metadata."""
    if len(rank) != len(WEIGHTS):
        raise ValueError(f"a ranking has {len(WEIGHTS)} weights, got {len(rank)}")
    numbers = json.dumps([round(float(value), 6) for value in rank])
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    deltas.write(path, halves, {"kind": KIND, "embedder": fingerprint, "sign": sign, "rank": numbers})


def _reader(teacher: Path, embedder: OnnxEmbedder, say: Say) -> Read:
    """The hop encoder in a file as texts -> vectors; what it read in an earlier training is cached."""
    weights = load(teacher)
    facts = weights.facts
    read = embedder.tune(weights.difference, fingerprint=facts["embedder"], max_tokens=int(facts["max_tokens"]))
    digest = hashlib.sha256(teacher.read_bytes()).hexdigest()

    def in_slices(texts: list[str]) -> Vectors:
        found = np.empty((len(texts), embedder.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for at in range(0, len(order), SLICE):
            ids = order[at : at + SLICE]
            found[ids] = read([texts[i] for i in ids])
            if at % (20 * SLICE) == 0:
                say(f"{teacher.name} reads: {at:,} of {len(texts):,}")
        return found

    return lambda texts: cached_vectors([digest, *texts], lambda: in_slices(texts))
