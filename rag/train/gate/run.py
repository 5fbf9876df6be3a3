"""From labelled questions to a gate's file with its card: the rows, the network, then the ranking on held-out trees.

Rows with a target are the steps of `rag.train.common.dataset`: a question, a gold passage, the gold passage that
follows. With an encoder to learn from, the passages closest to a question are rows as well, for the gate will stand
there, too: `NEAR` of a question that takes steps, one of others.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rag.embed.onnx import OnnxEmbedder
from rag.errors import InputError
from rag.hop.encoder import load
from rag.hop.gate import GateHopper
from rag.hop.score import WEIGHTS
from rag.models import deltas
from rag.stages import Embedder
from rag.train.common.card import data_table
from rag.train.common.dataset import HopDataset, Pair
from rag.train.common.embeddings import cached_vectors, read_folders
from rag.train.common.loop import Say, cut
from rag.train.common.ranking import learn_ranking
from rag.train.gate.train import GateOptions, GateRows, TrainedGate, train
from rag.types import Vector, Vectors

KIND = "raghop gate 1"
NEAR = 2
MAX_HELD_OUT = 100  # pairs of a folder that are checked on
SLICE = 64  # texts that a hop encoder reads at once
# Where a gate's ranking begins, in the order of WEIGHTS: what an earlier training learned freely. What the same fit
# found for the present gate lost 2 points of recall@5 on 2WikiMultihopQA and 1 on MuSiQue against it, both dev.
START = (1.63, 0.1, 0.46, 1.02, 0.67, 0.11, 1.64)

Read = Callable[[list[str]], Vectors]  # texts -> what the encoder reads, (n, d)


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
    sources = read_folders(folders, embedder, most=most, seed=options.seed, say=say)
    rows, held_out = (make_rows(sources, embedder, read, held_out=held) for held in (False, True))
    if not len(rows):
        raise InputError(f"{', '.join(map(str, folders))}: no question with two gold passages, one after the other.")
    say(f"{len(rows):,} rows, {len(held_out):,} held out")
    trained = train(rows, held_out, options, say)
    save = partial(write, out, trained.tensors, fingerprint=embedder.fingerprint, sign=options.sign)
    hopper = GateHopper(embedder=embedder, weights=str(out))
    ranking = learn_ranking(sources, hopper, embedder, save=save, start=START, say=say)
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

{ranking}
"""
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    return trained


def make_rows(
    sources: Sequence[HopDataset], embedder: Embedder, read: Read | None, *, held_out: bool = False
) -> GateRows:
    """Those of every source's pairs, in one numbering of all passages."""
    teacher: list[Vectors] = []
    questions: list[Vectors] = []
    ids: list[tuple[int, int]] = []  # the passage read and the target, or -1
    others: list[list[int]] = []
    first = 0
    for source in sources:
        pairs = source.held_out_pairs[:MAX_HELD_OUT] if held_out else source.pairs
        pids = list(source.passages)
        row = {"": -1} | {pid: first + i for i, pid in enumerate(pids)}
        texts = list(dict.fromkeys(pair.question for pair in pairs))
        vector_of = dict(zip(texts, np.asarray(embedder.embed_queries(texts).dense), strict=True))
        steps = [pair for pair in pairs if pair.read]
        if read is not None:
            labelled = {(pair.question, pair.read) for pair in steps}
            multi_hop = {pair.question for pair in steps}
            near = [
                (question, pids[i])
                for question in texts
                for i in np.argsort(-(source.vectors @ vector_of[question]))[: NEAR if question in multi_hop else 1]
            ]
            steps += [Pair(question, pid, "", ()) for question, pid in near if (question, pid) not in labelled]
        if read is not None and steps:
            teacher.append(read([source.text(pair) for pair in steps]))
        questions += [vector_of[pair.question] for pair in steps]
        ids += [(row[pair.read], row[pair.target]) for pair in steps]
        others += [[row[pid] for pid in pair.others] for pair in steps]
        first += len(pids)
    passages = np.concatenate([source.vectors for source in sources])
    stacked = np.stack(questions) if questions else passages[:0]
    reads, targets = np.array(ids, np.int64).reshape(-1, 2).T
    return GateRows(passages, stacked, reads, targets, others, np.concatenate(teacher) if teacher else None)


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
        for n, ids in enumerate(cut(order, SLICE)):
            found[ids] = read([texts[i] for i in ids])
            if n % 20 == 0:
                say(f"{teacher.name} reads: {n * SLICE:,} of {len(texts):,}")
        return found

    return lambda texts: cached_vectors([digest, *texts], lambda: in_slices(texts))
