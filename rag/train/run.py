"""From folders of labelled questions to a weights file with its model card: one training of the hop encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rag.embed.onnx import Onnx
from rag.errors import InputError
from rag.hop.encoder import load
from rag.train.data import Labelled, read
from rag.train.hop import Options, Trained, task, train
from rag.train.vectors import frozen
from rag.train.weights import error, write

EVERY = 20  # steps between two lines of progress


def train_hop(
    folders: Sequence[Path], out: Path, *, model: str, options: Options, most: int | None, say: Callable[[str], None]
) -> Trained:
    """Train on every folder at once; `out` is written at the end, the card as `out` with the suffix .md.

    Raises InputError for folders without pairs, ModelError for a model that cannot run in onnxruntime.
    """
    embedder = Onnx(model=model)
    sources = [read(folder, most=most) for folder in folders]
    if not any(source.pairs for source in sources):
        raise InputError(f"{', '.join(map(str, folders))}: no question whose gold passages are all in the corpus.")
    vectors = []
    for folder, source in zip(folders, sources, strict=True):
        say(f"{folder}: {len(source.pairs):,} pairs, {len(source.passages):,} passages")
        vectors.append(frozen(embedder, list(source.passages.values())))

    def progress(step: int, steps: int, value: float) -> None:
        if step % EVERY == 0 or step == steps:
            say(f"step {step:,} of {steps:,}, loss {value:.3f}")

    trained = train(model, lambda encode: task(sources, vectors, encode), options, progress)
    facts = {"model": model, "data": ", ".join(folder.name for folder in folders), "seed": str(options.seed)}
    write(out, trained.difference, fingerprint=embedder.fingerprint, limit=options.limit, facts=facts)
    lost = error(trained.difference, load(out)[0])
    out.with_suffix(".md").write_text(
        _card(folders, sources, embedder, options=options, trained=trained, lost=lost), encoding="utf-8"
    )
    return trained


def _card(
    folders: Sequence[Path],
    sources: Sequence[Labelled],
    embedder: Onnx,
    *,
    options: Options,
    trained: Trained,
    lost: float,
) -> str:
    rows = "\n".join(
        f"| {folder.name} | {len(source.passages):,} | {len(source.pairs):,} |"
        for folder, source in zip(folders, sources, strict=True)
    )
    return f"""# Hop encoder

Query-side weights for `hop: {{use: encoder}}`: a difference to the embedder `{embedder.model}`, int8 a weight, made by
`rag train hop`. It fits the embedder with the fingerprint `{embedder.fingerprint}` and no other.

| data | passages | pairs |
|---|---|---|
{rows}

{trained.steps:,} steps of {options.batch} pairs, learning rate {options.rate:g}, inputs cut at {options.limit} tokens,
seed {options.seed}; last loss {trained.loss:.3f}. Storing it in int8 leaves {lost:.2%} of the
difference's length as error. The data's licences are those of its folders.
"""
