"""`rag train embedder` and `rag train merge`: embedders of one's own."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rag.cli.terminal import line, say
from rag.cli.train_options import (
    EpochsOption,
    MinutesOption,
    ModelOption,
    OutOption,
    RateOption,
    SeedOption,
    StartOption,
)
from rag.errors import InputError, extra


def embedder(
    folders: Annotated[list[Path], Argument(help="Folders of documents.", metavar="FOLDER...")],
    out: OutOption,
    both: Annotated[
        bool, Option("--both", help="Train questions and documents: FILE is then the folder of a new model.")
    ] = False,
    model: ModelOption = "bundled",
    epochs: EpochsOption = 1.0,
    minutes: MinutesOption = None,
    rate: RateOption = 8e-5,
    mix: Annotated[
        float | None, Option(min=0, max=1, metavar="N", help="Share of negatives from the same document (default 0.5).")
    ] = None,
    merge: Annotated[float, Option(min=0, max=1, metavar="N", help="Keep this share of what was learned.")] = 1.0,
    most: Annotated[
        int | None,
        Option(min=1, metavar="N", help="Documents of each folder at most, the longest; with --both, pairs."),
    ] = None,
    start: StartOption = None,
    leave_out: Annotated[Path | None, Option(metavar="FILE", help="A file of titles to leave out, one a line.")] = None,
    pairs: Annotated[
        str | None,
        Option(metavar="KIND,KIND", help="With --both: of labelled, mined, ict (default: labelled,mined)."),
    ] = None,
    batch: Annotated[int | None, Option(min=2, metavar="N", help="With --both: pairs of a step (default 32).")] = None,
    negatives: Annotated[
        int | None, Option(min=0, metavar="N", help="With --both: passages nearly right, of each pair (default 1).")
    ] = None,
    dims: Annotated[str | None, Option(metavar="N,N", help="With --both: columns the model can be cut to.")] = None,
    layers: Annotated[str | None, Option(metavar="N,N", help="With --both: layers it can be cut at.")] = None,
    fixed: Annotated[
        bool, Option("--fixed", help="With --both: cut each layer at its own columns (Starbucks).")
    ] = False,
    guide: Annotated[
        str | None, Option(metavar="NAME", help='With --both: another model to judge negatives by, or "none".')
    ] = None,
    exchange: Annotated[
        bool, Option("--exchange", help="With --both: put others in place of negatives that grew easy (Conan).")
    ] = False,
    reranker: Annotated[
        str | None, Option(metavar="NAME", help="With --both: a cross-encoder whose scores are learned, too.")
    ] = None,
    teacher: Annotated[
        str | None, Option(metavar="NAME", help="With --both: learn this model's vectors, and nothing else (LEAF).")
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Train an embedder: to read whole documents (late chunking), or with --both all of it, on your own documents.

    A pipeline uses the file by `embed: {use: onnx, weights: FILE, late: 1}`, and the folder of --both by
    `embed: {use: onnx, model: FOLDER}`.

    Folders are as for `rag train hop`; passages of one title make a document. Questions are used where there are any,
    and one is mined from every chunk of a titled document, so that corpus*.jsonl alone will do. With --both a folder
    may hold an index (.rag) instead, and --pairs ict takes a sentence as the question for its passage. One document or
    pair in 16 is held out: they say when training stops. To go on with a training that was killed, run the same
    command again.

    \b
    Examples:
      rag train embedder ./documents --out my-late.safetensors
      rag train embedder data/musique data/nq --out late.safetensors --minutes 30
      rag train embedder . --both --out my-model --dims 128,256
    """
    tuned = {"--pairs": pairs, "--batch": batch, "--negatives": negatives, "--dims": dims, "--layers": layers}
    tuned |= {"--fixed": fixed, "--exchange": exchange, "--guide": guide, "--reranker": reranker, "--teacher": teacher}
    late = {"--mix": mix, "--start": start, "--leave-out": leave_out}
    if wrong := [name for name, value in (late if both else tuned).items() if value not in (None, False, [])]:
        raise InputError(f"{wrong[0]}: {'does not go' if both else 'goes'} with --both.")
    if both:
        with extra("models", "rag train embedder"):
            from rag.train.pairs.run import train_pairs
            from rag.train.pairs.train import PairOptions

        chosen = PairOptions(
            epochs=epochs,
            rate=rate,
            minutes=minutes,
            seed=seed,
            batch=batch or 32,
            negatives=1 if negatives is None else negatives,
            guided=guide != "none",
            exchange=exchange,
            dims=_numbers("--dims", dims),
            layers=_numbers("--layers", layers),
            fixed=fixed,
        )
        report = train_pairs(
            folders,
            out,
            model=model,
            options=chosen,
            kinds=(pairs or "labelled,mined").split(","),
            merge=merge,
            most=most,
            guide=None if guide == "none" else guide,
            reranker=reranker,
            teacher=teacher,
            say=say,
        )
    else:
        with extra("models", "rag train embedder"):
            from rag.train.embedder.run import train_embedder
            from rag.train.embedder.train import EmbedderOptions

        titles = leave_out.read_text(encoding="utf-8").splitlines() if leave_out else ()
        options = EmbedderOptions(epochs=epochs, rate=rate, mix=0.5 if mix is None else mix, minutes=minutes, seed=seed)
        report = train_embedder(
            folders, out, model=model, options=options, merge=merge, most=most, left_out=titles, start=start, say=say
        )
    say(f"{line(str(out))}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


def merge(
    models: Annotated[list[str], Argument(help="Models trained from one: folders or cached names.", metavar="NAME...")],
    out: Annotated[Path, Option(metavar="FOLDER", help="The folder of the merged model.")],
    base: Annotated[str | None, Option(metavar="NAME", help="The model they were trained from, with --probe.")] = None,
    probe: Annotated[
        list[Path] | None, Option(metavar="FOLDER", help="Pairs to find the best point by (repeatable).")
    ] = None,
    steps: Annotated[int, Option(min=1, metavar="N", help="Steps of that search.")] = 100,
    seed: SeedOption = 0,
) -> None:
    """Make one embedder of several: their mean, or by --probe the best point between them (Self Positioning).

    \b
    Examples:
      rag train merge model-a model-b --out merged
      rag train merge model-a model-b --out merged --base bundled --probe ./labelled
    """
    with extra("models", "rag train merge"):
        from rag.train.pairs.merge import merge_models

    report = merge_models(models, out, base=base, probe=probe or [], steps=steps, seed=seed, say=say)
    shares = ", ".join(f"{line(name)} {weight:.2f}" for name, weight in zip(models, report.weights, strict=True))
    say(f"{line(str(out))}: {shares}, scale {report.scale:.2f}")


def _numbers(option: str, text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"{option} {text}: give numbers like 128,256.") from None


def pairs(
    folders: Annotated[list[Path], Argument(help="Folders of documents, or Tevatron's files.", metavar="FOLDER...")],
    out: Annotated[Path, Option(metavar="FILE", help="The jsonl file to write.")],
    kinds: Annotated[str, Option("--pairs", metavar="KIND,KIND", help="Of labelled, mined, ict.")] = "labelled,mined",
    negatives: Annotated[int, Option(min=1, metavar="N", help="Passages nearly right, of each pair.")] = 8,
    guide: Annotated[str, Option(metavar="NAME", help='A model to judge negatives by, or "none".')] = "bundled",
    most: Annotated[int | None, Option(min=1, metavar="N", help="Pairs of each folder at most.")] = None,
    seed: SeedOption = 0,
) -> None:
    """Write the pairs that `rag train embedder --both` learns from, for a training elsewhere.

    The file is as Tevatron's are: {query_id, query, positive_passages, negative_passages}, passages of {docid, title,
    text}. Such a file stands in place of a folder in `rag train embedder --both`, too.

    \b
    Examples:
      rag train pairs . --out train.jsonl --pairs mined
      rag train pairs ./labelled --out train.jsonl --negatives 15
    """
    with extra("models", "rag train pairs"):
        from rag.train.pairs.export import export_pairs

    named = None if guide == "none" else guide
    rows = export_pairs(
        folders, out, kinds=kinds.split(","), most=most, guide=named, negatives=negatives, seed=seed, say=say
    )
    say(f"{line(str(out))}: {rows:,} questions")
