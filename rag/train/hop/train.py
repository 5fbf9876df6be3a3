"""Training of the hop encoder: the query side of an embedder learns which passage comes next; the index stays as it is.

A copy of the embedder's network reads `question`, or `question [SEP] title + passage`, and its mean-pooled unit vector
is pulled to the frozen index vector of the next gold passage: InfoNCE at temperature 0.05 against every passage of
every folder at once (the vectors are frozen, so that all negatives cost less than one layer). The question's other gold
passages and near copies of the target count neither way; the passage read is a negative.

Checks, early stopping and going on after a kill are those of `rag.train.common.loop`.

Related: MDR (arXiv 2009.12756), which trains both sides; InfoNCE (arXiv 1807.03748).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import AutoTokenizer

from rag.embed.onnx import OnnxEmbedder
from rag.hop.encoder import KIND, RANK, EncoderHopper, load
from rag.models import deltas
from rag.models.files import locate
from rag.train.common import loop
from rag.train.common.card import data_table, error
from rag.train.common.checkpoint import fingerprint
from rag.train.common.dataset import HopDataset
from rag.train.common.embeddings import read_folders
from rag.train.common.ranking import START, learn_ranking
from rag.types import Vector, Vectors

CHECKS = 20  # of held-out pairs, in a whole training
Encode = Callable[[list[str]], Mapping[str, Sequence[Sequence[int]]]]  # texts -> their "input_ids"


@dataclass(frozen=True, slots=True)
class HopOptions(loop.LoopOptions):
    """`limit` is the tokens of an input that are read."""

    limit: int = 128


def train_hop(
    folders: Sequence[Path], out: Path, *, model: str, options: HopOptions, most: int | None, say: loop.Say
) -> loop.TrainedDifference:
    """Train on every folder at once; `out` is written at the end, the card as `out` with the suffix .md.

    Raises InputError for folders without pairs, ModelError for a model that cannot run in onnxruntime.
    """
    embedder = OnnxEmbedder(model=model)
    sources = read_folders(folders, embedder, most=most, seed=options.seed, say=say)
    state = out.with_suffix(".state.safetensors")
    trained = train(model, sources, options, state, say)
    facts = {"model": model, "data": ", ".join(folder.name for folder in folders), "seed": str(options.seed)}
    facts |= {"embedder": embedder.fingerprint, "max_tokens": str(options.limit)}
    hopper = EncoderHopper(embedder=embedder, weights=str(out))
    save = partial(write, out, trained.difference, facts=facts)
    ranking = learn_ranking(sources, hopper, embedder, save=save, start=START, say=say)
    lost = error(trained.difference, load(out).difference)
    text = f"""# Hop encoder

Query-side weights for `hop: {{use: encoder}}`: a difference to the embedder `{embedder.model}`, int8 a weight, made by
`rag train hop`. It fits the embedder with the fingerprint `{embedder.fingerprint}` and no other.

{data_table(folders, sources)}

{trained.steps:,} steps of {options.batch} pairs, learning rate {options.rate:g}, inputs cut at {options.limit} tokens,
seed {options.seed}; last loss {trained.loss:.3f}, on held-out pairs {trained.held_out_loss:.3f}. Storing it in int8
leaves {lost:.2%} of the difference's length as error. The data's licences are those of its folders.

{ranking}
"""
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    state.unlink(missing_ok=True)
    return trained


def write(path: Path, difference: Mapping[str, Vectors], rank: Vector, facts: Mapping[str, str]) -> None:
    """Write the file; `facts` are the `embedder`, by fingerprint, the `max_tokens` that training read, and others."""
    deltas.write(path, {**deltas.pack(difference), RANK: rank.astype(np.float32)}, {**facts, "kind": KIND})


@dataclass(frozen=True, slots=True)
class HopTask:
    """Pairs as token ids, and rows of one matrix with every passage's vector."""

    ids: Sequence[Sequence[int]]
    targets: NDArray[np.int64]
    others: Sequence[Sequence[int]]
    passages: Tensor


def make_task(sources: Sequence[HopDataset], encode: Encode, *, held_out: bool) -> HopTask:
    """The pairs of all sources, whose passages stand one source after the other."""
    texts: list[str] = []
    targets: list[int] = []
    others: list[list[int]] = []
    first = 0
    for source in sources:
        pairs = source.held_out_pairs if held_out else source.pairs
        row = {pid: first + i for i, pid in enumerate(source.passages)}
        texts += [source.text(pair) for pair in pairs]
        targets += [row[pair.target] for pair in pairs]
        others += [[row[pid] for pid in pair.others] for pair in pairs]
        first += len(row)
    passages = torch.from_numpy(np.concatenate([source.vectors for source in sources])).to(loop.DEVICE)
    return HopTask(encode(texts)["input_ids"] if texts else [], np.array(targets, np.int64), others, passages)


def train(
    model: str, sources: Sequence[HopDataset], options: HopOptions, path: Path, say: loop.Say
) -> loop.TrainedDifference:
    """Train a copy of `model` ("bundled", a folder or a cached name); `path` keeps the state until it is done.

    Deterministic but for the order of additions.
    """
    torch.manual_seed(options.seed)
    tokenizer: Any = AutoTokenizer.from_pretrained(locate(model), local_files_only=True)
    encode = partial(tokenizer, truncation=True, max_length=options.limit)
    network = loop.load_network(model).to(loop.DEVICE)
    task, held_out = (make_task(sources, encode, held_out=held) for held in (False, True))
    by_length = sorted(range(len(held_out.ids)), key=lambda i: len(held_out.ids[i]))
    return loop.fine_tune(
        network,
        schedule([len(ids) for ids in task.ids], options),
        partial(_loss, network, task),
        partial(_loss, network, held_out),
        by_length,
        checks=CHECKS,
        options=options,
        say=say,
        path=path,
        fingerprint=fingerprint(options, task.ids, task.targets),
    )


def schedule(lengths: Sequence[int], options: HopOptions) -> list[Sequence[int]]:
    """Batches of pairs of similar length, in random order; every pair once in an epoch."""

    def order(rng: np.random.Generator) -> list[int]:
        mixed = rng.permutation(len(lengths)) + rng.random(len(lengths))
        return sorted(range(len(lengths)), key=lambda i: (lengths[i] // 8, mixed[i]))

    return loop.make_batches(order, len(lengths), options)


def _loss(network: torch.nn.Module, task: HopTask, batch: Sequence[int]) -> Tensor:
    hidden, mask = loop.read(network, [task.ids[i] for i in batch])
    weights = mask.float() / mask.sum(1, keepdim=True)
    queries = normalize((hidden * weights[:, :, None]).sum(1), dim=1)
    targets = torch.from_numpy(task.targets[list(batch)]).to(loop.DEVICE)
    with torch.no_grad():
        ignored = task.passages[targets] @ task.passages.T > loop.COPY
        for row, i in enumerate(batch):
            ignored[row, task.others[i]] = True
        ignored[torch.arange(len(batch)), targets] = False
    scores = (queries @ task.passages.T / loop.TEMPERATURE).masked_fill(ignored, float("-inf"))
    return cross_entropy(scores, targets)
