"""`rag train`: the models that hops and answers read with, from labelled questions."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from rag.cli import train_embedder, train_map, train_write
from rag.cli.terminal import say
from rag.cli.train_options import (
    EpochsOption,
    FoldersArgument,
    MinutesOption,
    ModelOption,
    OutOption,
    PairsOption,
    RateOption,
    SeedOption,
    StartOption,
)
from rag.errors import extra

app = typer.Typer(help="Train the models that embed, hop and answer.", no_args_is_help=True)


@app.command()
def hop(
    folders: FoldersArgument,
    out: OutOption,
    model: ModelOption = "bundled",
    epochs: EpochsOption = 1.0,
    minutes: MinutesOption = None,
    most: PairsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Train the hop encoder and its ranking on multi-hop questions.

    A pipeline uses the file by `hop: {use: encoder, weights: FILE}`, with the embedder it was trained for.

    A folder holds corpus*.jsonl[.gz], rows of {pid, title, text}, and questions_train.jsonl[.gz], rows of {id,
    question, gold: [pid, ...]}. One question in eight is held out: they say when training stops, and the ranking
    learns from them. A folder with an index (.rag) needs no questions: pairs are mined from its links, and the index
    stays as it is. To go on with a training that was killed, run the same command again.

    \b
    Examples:
      rag train hop ./labelled --out my-hop.safetensors
      rag train hop ./docs --out my-hop.safetensors --minutes 20
      rag train hop data/2wikimultihopqa data/musique --out hop.safetensors --minutes 20
    """

    with extra("models", "rag train hop"):
        from rag.train.hop.train import HopOptions, train_hop

    options = HopOptions(epochs=epochs, minutes=minutes, seed=seed)
    report = train_hop(folders, out, model=model, options=options, most=most, say=say)
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


@app.command()
def gate(
    folders: FoldersArgument,
    out: OutOption,
    teacher: Annotated[Path | None, Option(metavar="FILE", help='A hop encoder to learn from, or "shipped".')] = None,
    model: ModelOption = "bundled",
    epochs: Annotated[int, Option(min=1, metavar="N", help="How often all of it is read.")] = 12,
    most: PairsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Train TreeHop's gate and its ranking, in minutes on one core.

    A pipeline uses the file by `hop: {use: gate, weights: FILE}` or `hop: {use: treehop, weights: FILE}`, with the
    embedder it was trained for.

    Folders are as for `rag train hop`. With a teacher, the gate learns what the hop encoder reads in question and
    passage, and afterwards needs only their vectors. Without one it learns from gold passages only, and finds less.

    \b
    Examples:
      rag train gate ./labelled --teacher my-hop.safetensors --out my-gate.safetensors
      rag train gate data/2wikimultihopqa data/musique --teacher shipped --most 1500 --out gate.safetensors
    """
    from rag.hop.encoder import SHIPPED

    with extra("models", "rag train gate"):
        from rag.train.gate.run import train_gate
        from rag.train.gate.train import GateOptions

    options = GateOptions(epochs=epochs, seed=seed)
    file = SHIPPED if teacher == Path("shipped") else teacher
    report = train_gate(folders, out, model=model, options=options, most=most, teacher=file, say=say)
    say(f"{out}: {report.epochs} epochs in {report.seconds / 60:.1f} minutes, held-out loss {report.held_out_loss:.3f}")


@app.command()
def reader(
    folders: FoldersArgument,
    out: OutOption,
    body: Annotated[
        str, Option(metavar="NAME", help='The network to begin with: "bundled", or a BERT\'s folder or cached name.')
    ] = "bundled",
    epochs: Annotated[
        int, Option(min=0, metavar="N", help="How often all of it is read; 0: only answerability and confidence.")
    ] = 1,
    minutes: MinutesOption = None,
    tokens: Annotated[int, Option(min=1, metavar="N", help="Tokens read at once.")] = 3072,
    rate: RateOption = 1e-4,
    start: StartOption = None,
    teacher: Annotated[
        Path | None, Option(metavar="FILE", help='A reader to learn from beside the labels, or "shipped".')
    ] = None,
    calibration: Annotated[
        int, Option(min=1, metavar="N", help="Questions of a folder that set the confidence.")
    ] = 200,
    seed: SeedOption = 0,
) -> None:
    """Train the reader on questions with answers.

    A pipeline uses the file by `generate: {use: reader, weights: FILE}`.

    Folders are as for `rag train hop`, with `answer` or `answers` in each question and, where known,
    `supporting_facts`; or reading sets, train.jsonl[.gz] with rows of {kind, question, passages, answer}, whose kind is
    span, yesno, nli or table. A folder named twice counts twice. Of the questions over a corpus one in eight is held
    out (without a questions_dev, a quarter of the titles): after the training, the confidence is set on them. A GPU is
    used where there is one. To go on with a training that was killed, run the same command with --start and its file.

    \b
    Examples:
      rag train reader ./labelled --out my-reader.safetensors
      rag train reader ./labelled ./yes-no --body ./minilm-l12 --out my-reader.safetensors --minutes 50
      rag train reader ./labelled --start my-reader.safetensors --epochs 0 --out my-reader.safetensors
    """

    with extra("models", "rag train reader"):
        from rag.reader.network import SHIPPED
        from rag.train.reader.run import train_reader
        from rag.train.reader.train import ReaderOptions

    options = ReaderOptions(epochs=epochs, tokens=tokens, rate=rate, minutes=minutes, seed=seed)
    report = train_reader(
        folders,
        out,
        body=body,
        options=options,
        calibration=calibration,
        start=start,
        teacher=SHIPPED if teacher == Path("shipped") else teacher,
        say=say,
    )
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


app.command()(train_embedder.embedder)
app.command("merge")(train_embedder.merge)
app.command("pairs")(train_embedder.pairs)
app.command("map")(train_map.map_queries)
app.command("write")(train_write.write)
