"""From folders of documents to the weights of an embedder's document side, with their model card."""

from collections.abc import Sequence
from pathlib import Path

from rag.embed.onnx import OnnxEmbedder
from rag.embed.weights import KIND, checksum, load
from rag.errors import InputError, ModelError
from rag.models.deltas import pack, write
from rag.models.spec import read as spec
from rag.train.common.card import error, table
from rag.train.common.loop import Say, TrainedDifference
from rag.train.embedder.examples import make_examples, read
from rag.train.embedder.train import EmbedderOptions, train


def train_embedder(
    folders: Sequence[Path],
    out: Path,
    *,
    model: str,
    options: EmbedderOptions,
    merge: float,
    most: int | None,
    left_out: Sequence[str],
    start: Path | None,
    say: Say,
) -> TrainedDifference:
    """Train on every folder at once; `out` is written at the end, the card as `out` with the suffix .md.

    Of a folder at most `most` documents are read, the longest, and none whose title is in `left_out`. What is written
    is `merge` times the difference: 1 is the trained model, less is nearer to the original. Raises InputError
    and ModelError. `start` is a file to go on from.
    """
    if spec(model).dense or len(spec(model).pooling) > 1:
        raise ModelError(f"{model}: training knows models with one pooling and no Dense module; this one has more.")
    sources = [read(folder, most=most, left_out=frozenset(left_out)) for folder in folders]
    for folder, source in zip(folders, sources, strict=True):
        say(f"{folder}: {len(source.documents):,} documents, {len(source.questions):,} questions")
    embedder = OnnxEmbedder(model=model)
    examples, held_out = (make_examples(embedder, sources, seed=options.seed, held_out=held) for held in (False, True))
    if not examples.passes:
        raise InputError(f"{', '.join(map(str, folders))}: no document is longer than one chunk.")
    say(
        f"{len(examples.passes):,} windows, {len(examples.documents):,} chunks, "
        f"{len(examples.golds):,} questions with mined ones"
    )
    state = out.with_suffix(".state.safetensors")
    first = load(start, spec(model).folder) if start else None
    trained = train(model, examples, held_out, options, state, first, say)
    difference = {name: merge * tensor for name, tensor in trained.difference.items()}
    facts = {"kind": KIND, "model": checksum(spec(model).folder), "name": model, "merge": str(merge)}
    write(out, pack(difference), facts)
    lost = error(difference, load(out, spec(model).folder))
    rows = (
        f"{folder.name} | {len(source.documents):,} | {len(source.questions):,}"
        for folder, source in zip(folders, sources, strict=True)
    )
    text = f"""# Document side of an embedder

Weights for `embed: {{use: onnx, model: {model}, weights: FILE, late: 1}}`: a difference to the model, int8 a weight,
made by `rag train embedder`. Only documents are read with it; queries stay with the model itself.

{table("data | documents | questions", rows)}

{len(examples.passes):,} windows of {len(examples.documents):,} chunks, {len(examples.golds):,} questions, most of them
mined from the chunks; {trained.steps:,} steps of {options.batch} windows, learning rate {options.rate:g},
{options.mix:.0%} of the contrast from the same document, seed {options.seed}; last loss {trained.loss:.3f}, on held-out
documents {trained.held_out_loss:.3f}. {merge:.0%} of the difference is kept; int8 leaves {lost:.2%} of its length as
error.
Of a folder without questions_dev half of the documents, by title, were not read. Licences are those of the data.
"""
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    state.unlink(missing_ok=True)
    return trained
