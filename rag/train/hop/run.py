"""From labelled questions to a weights file with its card: the hop encoder, then the ranking on held-out trees."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.embed.onnx import OnnxEmbedder
from rag.hop.encoder import KIND, RANK, EncoderHopper, load
from rag.models import deltas
from rag.train.common.card import data_table, error, gain, rank_table
from rag.train.common.embeddings import read_folders
from rag.train.common.loop import Say, TrainedDifference, report_to
from rag.train.common.ranking import START, fit, grow_trees
from rag.train.hop.train import HopOptions, train
from rag.types import Vector, Vectors


def train_hop(
    folders: Sequence[Path], out: Path, *, model: str, options: HopOptions, most: int | None, say: Say
) -> TrainedDifference:
    """Train on every folder at once; `out` is written at the end, the card as `out` with the suffix .md.

    Raises InputError for folders without pairs, ModelError for a model that cannot run in onnxruntime.
    """
    embedder = OnnxEmbedder(model=model)
    sources, vectors = read_folders(folders, embedder, most=most, seed=options.seed, say=say)
    state = out.with_suffix(".state.safetensors")
    trained = train(model, sources, vectors, options, report_to(say), state)
    facts = {"model": model, "data": ", ".join(folder.name for folder in folders), "seed": str(options.seed)}

    def save(rank: Vector) -> None:
        write(out, trained.difference, rank, fingerprint=embedder.fingerprint, limit=options.limit, facts=facts)

    save(np.array(START, np.float32))
    trees = grow_trees(sources, vectors, EncoderHopper(embedder=embedder, weights=str(out)), embedder)
    say(f"ranking: {sum(map(len, trees)):,} trees of held-out questions")
    rank = fit(trees)
    save(rank)
    lost = error(trained.difference, load(out).difference)
    text = f"""# Hop encoder

Query-side weights for `hop: {{use: encoder}}`: a difference to the embedder `{embedder.model}`, int8 a weight, made by
`rag train hop`. It fits the embedder with the fingerprint `{embedder.fingerprint}` and no other.

{data_table(folders, sources)}

{trained.steps:,} steps of {options.batch} pairs, learning rate {options.rate:g}, inputs cut at {options.limit} tokens,
seed {options.seed}; last loss {trained.loss:.3f}, on held-out pairs {trained.held_out_loss:.3f}. Storing it in int8
leaves {lost:.2%} of the difference's length as error. The data's licences are those of its folders.

{rank_table(rank)}

{gain(trees, rank)}
"""
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    state.unlink(missing_ok=True)
    return trained


def write(
    path: Path,
    difference: Mapping[str, Vectors],
    rank: Vector,
    *,
    fingerprint: str,
    limit: int,
    facts: Mapping[str, str],
) -> None:
    """Write the file; `fingerprint` is the embedder's, `limit` the tokens of an input that were read in training."""
    metadata = {**facts, "kind": KIND, "embedder": fingerprint, "max_tokens": str(limit)}
    deltas.write(path, {**deltas.pack(difference), RANK: rank.astype(np.float32)}, metadata)
