"""From folders to the folder of a whole embedder, with its model card: what any index can be built with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rag.errors import ConfigError, InputError, ModelError
from rag.models.spec import ModelSpec
from rag.models.spec import read as spec_of
from rag.train.common import loop
from rag.train.common.card import table
from rag.train.common.checkpoint import fingerprint
from rag.train.common.embeddings import passage_vectors
from rag.train.pairs.examples import PairExamples, read
from rag.train.pairs.folder import DENSE, write_folder
from rag.train.pairs.tasks import Encode, both_sides, embedder_of, make_encode, make_task
from rag.train.pairs.train import PairLoss, PairOptions, TeacherLoss, schedule

CHECKS = 10  # of held-out pairs, in a whole training
MOST_HELD_OUT = 400  # pairs in a check
RCOND = 0.01  # of the largest: directions in which a model's vectors hardly differ tell nothing but rounding
POOLING = ("mean", "cls", "lasttoken")


def train_pairs(
    folders: Sequence[Path],
    out: Path,
    *,
    model: str,
    options: PairOptions,
    kinds: Sequence[str],
    merge: float,
    most: int | None,
    guide: str | None,
    reranker: str | None,
    teacher: str | None,
    say: loop.Say,
) -> loop.TrainedDifference:
    """Train a copy of `model` and write its folder, `out`; `merge` is the share of what was learned that is kept.

    `guide` names another model to judge negatives by, `reranker` a cross-encoder whose logits are learned, `teacher` a
    model whose vectors alone are. Raises InputError, ConfigError, ModelError.
    """
    spec = spec_of(model)
    _check(spec, options, out, teacher)
    if options.exchange and (reranker or teacher):
        raise ConfigError("--exchange is about negatives alone: leave it out, or --reranker and --teacher.")
    examples = read(folders, kinds, most=most, seed=options.seed)
    say(f"{len(examples.passages):,} passages, {len(examples.questions):,} pairs ({', '.join(kinds)})")
    torch.manual_seed(options.seed)
    network = loop.load_network(model).to(loop.DEVICE)
    encode = make_encode(spec, options.limit)
    run = _Run(spec, network, options, out, say)
    if teacher:
        projection, trained = run.from_teacher(examples, encode, model, teacher)
    else:
        projection, trained = None, run.from_pairs(examples, encode, guide or model, reranker)
    with torch.no_grad():
        parameters = dict(network.named_parameters())
        for name, change in trained.difference.items():
            if name in parameters:
                parameters[name].copy_(run.before[name] + merge * torch.from_numpy(change).to(loop.DEVICE))
    write_folder(out, network.cpu(), spec, projection)
    judge = guide or model if options.guided else "no guide"
    facts = [
        ("begun with", model),
        ("pairs", f"{len(examples.questions):,}: {', '.join(kinds)}, of {', '.join(one.name for one in folders)}"),
        ("learned from", f"the vectors of {teacher}" if teacher else f"contrast under {judge}"),
        ("reranker", reranker or "none"),
        ("cuts", f"layers {options.layers or 'none'}, columns {options.dims or 'none'}, fixed: {options.fixed}"),
        (
            "steps",
            f"{trained.steps:,} of {options.batch}, rate {options.rate:g}, {options.limit} tokens, seed {options.seed}",
        ),
        ("loss", f"{trained.loss:.3f}, on held-out pairs {trained.held_out_loss:.3f}"),
        ("kept of what was learned", f"{merge:.0%}"),
    ]
    rows = table("what | how", (f"{name} | {value}" for name, value in facts))
    head = "# Embedder\n\nMade by `rag train embedder --both`: it reads questions and documents."
    card = f"{head}\n\n{rows}\n\nLicences are those of the data.\n"
    (out / "README.md").write_text(card, encoding="utf-8")
    run.state.unlink(missing_ok=True)
    return trained


class _Run:
    """What both ways of training share: the network as it was, and the file of a training's state."""

    def __init__(
        self, spec: ModelSpec, network: torch.nn.Module, options: PairOptions, out: Path, say: loop.Say
    ) -> None:
        self.spec, self.network, self.options, self.say = spec, network, options, say
        self.state = out.with_name(f"{out.name}.state.safetensors")
        self.before = {name: one.detach().clone() for name, one in network.named_parameters()}

    def from_pairs(
        self, examples: PairExamples, encode: Encode, guide: str, reranker: str | None
    ) -> loop.TrainedDifference:
        """Contrast, with what the options add to it."""
        judge = embedder_of(guide)
        vectors = np.zeros((len(examples.passages), 1), np.float32)  # that nobody looks at
        if self.options.guided or self.options.negatives:
            vectors = passage_vectors(judge, examples.passages)
        frozen = torch.from_numpy(vectors).to(loop.DEVICE)
        passages = encode(self.spec.document_prefix, examples.passages)
        parts = [examples.part(held_out=held) for held in (False, True)]
        tasks = [make_task(part, passages, encode, self.spec, judge, frozen, self.options, reranker) for part in parts]
        if not parts[0].questions:
            raise InputError("no pair is left to train on: all are held out.")
        losses = [PairLoss(self.network, task, self.options, self.spec.pooling[0]) for task in tasks]
        targets = np.array([rows[0] for rows in tasks[0].golds], np.int64)
        mark = fingerprint(self.options, tasks[0].questions, targets)
        arrays = tasks[0].exchange.arrays if tasks[0].exchange else None
        return self._fit(losses, parts[0].sources, len(parts[1].questions), mark, arrays=arrays)

    def from_teacher(
        self, examples: PairExamples, encode: Encode, model: str, teacher: str
    ) -> tuple[torch.nn.Linear, loop.TrainedDifference]:
        """LEAF: the teacher's vectors of questions and passages, by a projection that begins as their least squares."""
        tutor, student = embedder_of(teacher), embedder_of(model)
        right = both_sides(tutor, examples)
        own = both_sides(student, examples)
        projection = torch.nn.Linear(own.shape[1], right.shape[1], bias=False).to(loop.DEVICE)
        with torch.no_grad():
            projection.weight.copy_(torch.from_numpy(np.linalg.lstsq(own, right, rcond=RCOND)[0].T))
        texts = [
            *encode(self.spec.query_prefix, examples.questions),
            *encode(self.spec.document_prefix, examples.passages),
        ]
        order = np.random.default_rng(self.options.seed).permutation(len(texts))
        held = max(1, len(texts) // 16)
        kept, out = order[held:].tolist(), order[:held].tolist()
        losses = [
            TeacherLoss(
                self.network,
                projection,
                [texts[i] for i in some],
                torch.from_numpy(right[some]).to(loop.DEVICE),
                self.spec.pooling[0],
            )
            for some in (kept, out)
        ]
        mark = fingerprint(self.options, [texts[i] for i in kept], np.array(kept, np.int64))
        more = {DENSE: projection.weight}
        before = projection.weight.detach().clone()
        trained = self._fit(losses, [0] * len(kept), len(out), mark, more=more)
        with torch.no_grad():
            projection.weight.copy_(before + torch.from_numpy(trained.difference[DENSE]).to(loop.DEVICE))
        return projection, trained

    def _fit(
        self,
        losses: Sequence[Any],
        sources: Sequence[int],
        held_out: int,
        mark: str,
        *,
        more: Any = None,
        arrays: Any = None,
    ) -> loop.TrainedDifference:
        return loop.fine_tune(
            self.network,
            schedule(sources, self.options),
            losses[0],
            losses[1],
            range(0, held_out, -(-held_out // MOST_HELD_OUT) or 1),
            checks=CHECKS,
            options=self.options,
            say=self.say,
            path=self.state,
            fingerprint=mark,
            more=more,
            arrays=arrays,
        )


def _check(spec: ModelSpec, options: PairOptions, out: Path, teacher: str | None) -> None:
    """Raises for what cannot be trained so."""
    if spec.dense or len(spec.pooling) > 1 or spec.pooling[0] not in POOLING:
        raise ModelError(
            f"{spec.name}: training knows models with one pooling ({', '.join(POOLING)}) and no Dense module."
        )
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise InputError(f"--out {out}: exists already; name a new folder.")
    if options.fixed and len(options.layers) != len(options.dims):
        raise ConfigError("--fixed: name as many --layers as --dims; each layer is cut at one number of columns.")
    if teacher and (options.layers or options.dims):
        raise ConfigError("--teacher learns vectors alone: leave out --layers and --dims, or --teacher.")
    deepest = int(spec.config.get("num_hidden_layers") or spec.config.get("n_layers") or 0)
    lowest = round(loop.FROZEN * deepest)
    if wrong := [n for n in options.layers if not lowest < n < deepest]:
        raise ConfigError(f"--layers {wrong[0]}: {spec.name} has {deepest}, and those up to {lowest} do not learn.")
    if wrong := [n for n in options.dims if not 0 < n < spec.hidden]:
        raise ConfigError(f"--dims {wrong[0]}: {spec.name} has {spec.hidden} columns.")
