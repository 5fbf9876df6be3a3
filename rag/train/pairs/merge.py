"""One embedder from several that were trained from the same model: their mean, or the best point between them.

Self Positioning (arXiv 2410.15035): the merged model is base + scale * sum of softmax(weights)_i (model_i - base), and
scale and weights go down the loss of pairs of questions and passages, a probe, by SGD. There are as many numbers to
find as models, and one more, so a few hundred pairs will do. The paper's own probes were not had; the loss is that of
`rag train embedder --both` without cuts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from rag.errors import InputError, ModelError
from rag.models.spec import read as spec_of
from rag.train.common import loop
from rag.train.common.card import table
from rag.train.pairs.folder import write_folder
from rag.train.pairs.tasks import make_loss
from rag.train.pairs.train import PairOptions, schedule

Tensors = Mapping[str, Tensor]
RATE = 0.05  # of SGD


@dataclass(frozen=True, slots=True)
class MergeReport:
    """The share of each model, summing to 1, the scale of their sum, and the loss of the first and the last steps."""

    weights: tuple[float, ...]
    scale: float = 1.0
    losses: tuple[float, float] = (float("nan"), float("nan"))


def merge_models(
    models: Sequence[str], out: Path, *, base: str | None, probe: Sequence[Path], steps: int, seed: int, say: loop.Say
) -> MergeReport:
    """Write the folder of the merged model: of the mean where no `probe` is given, folders as `train_pairs` reads them.

    Raises InputError, ModelError for models that are not of one kind.
    """
    if len(models) < 2 or (bool(probe) != bool(base)):
        raise InputError("name two models or more; --probe and --base, the model they were trained from, go together.")
    if out.exists():
        raise InputError(f"--out {out}: exists already; name a new folder.")
    parts = [_tensors(model) for model in models]
    for model, part in zip(models[1:], parts[1:], strict=True):
        _same(models[0], parts[0], model, part)
    network = loop.load_network(base or models[0]).to(loop.DEVICE)
    if not base:
        report = MergeReport((1 / len(parts),) * len(parts))
        merged = combine(parts[0], parts, torch.tensor(report.weights), torch.tensor(1.0))
    else:
        first = {name: one.detach() for name, one in network.named_parameters()}
        _same(base, first, models[0], parts[0])
        report = position(network, parts, base, probe, steps=steps, seed=seed, say=say)
        merged = combine(first, parts, torch.tensor(report.weights), torch.tensor(report.scale))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(merged[name])
    write_folder(out, network.cpu(), spec_of(models[0]))
    rows = table("model | share", (f"{m} | {w:.3f}" for m, w in zip(models, report.weights, strict=True)))
    text = f"# Embedder\n\nMerged by `rag train merge`; base {base or 'none'}, scale {report.scale:.3f}.\n\n{rows}\n"
    (out / "README.md").write_text(text, encoding="utf-8")
    return report


def combine(base: Tensors, parts: Sequence[Tensors], weights: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """base + scale * sum of weights_i (part_i - base), tensor by tensor."""
    found = {}
    for name, tensor in base.items():
        apart = torch.stack([part[name] - tensor for part in parts])
        found[name] = tensor + scale * torch.tensordot(weights, apart, 1)
    return found


def position(
    network: torch.nn.Module,
    parts: Sequence[Tensors],
    base: str,
    probe: Sequence[Path],
    *,
    steps: int,
    seed: int,
    say: loop.Say,
) -> MergeReport:
    """Weights and scale where the probe's loss is low; `network` is the base."""
    first = {name: one.detach() for name, one in network.named_parameters()}
    logits = torch.zeros(len(parts), requires_grad=True, device=loop.DEVICE)
    scale = torch.ones((), requires_grad=True, device=loop.DEVICE)
    options = PairOptions(seed=seed)
    current: dict[str, Tensor] = {}

    def run(**inputs: Any) -> Any:
        return functional_call(network, current, (), inputs)

    loss, sources = make_loss(run, base, probe, options)
    optimizer = torch.optim.SGD([logits, scale], lr=RATE)
    batches = schedule(sources, options)
    seen = []
    for n in range(steps):
        current |= combine(first, parts, logits.softmax(0), scale)
        value = loss(batches[n % len(batches)])
        loop.step(optimizer, value, RATE)
        seen.append(value.item())
        if (n + 1) % loop.EVERY == 0 or n + 1 == steps:
            say(f"step {n + 1:,} of {steps:,}, loss {value.item():.3f}")
    few = max(1, len(seen) // 5)
    losses = (sum(seen[:few]) / few, sum(seen[-few:]) / few)
    return MergeReport(tuple(logits.softmax(0).tolist()), scale.item(), losses)


def _tensors(model: str) -> dict[str, Tensor]:
    if spec_of(model).dense:
        raise ModelError(f"{model}: a model with a Dense module is not merged.")
    return {name: one.detach().to(loop.DEVICE) for name, one in loop.load_network(model).named_parameters()}


def _same(name: str, tensors: Tensors, other: str, others: Tensors) -> None:
    if {n: t.shape for n, t in tensors.items()} != {n: t.shape for n, t in others.items()}:
        raise ModelError(f"{other}: has other tensors than {name}; only models trained from one model are merged.")
