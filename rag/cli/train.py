"""`rag train`: the models that hops and answers read with, from labelled questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train what hops and answers read with.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train what hops and answers read with."""


@app.command()
def hop(
    folders: Annotated[list[Path], typer.Argument(help="Folders of labelled questions.", metavar="FOLDER...")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write; a model card goes beside it.")],
    model: Annotated[str, typer.Option(help='"bundled", a folder, or a name in the Hugging Face cache.')] = "bundled",
    epochs: Annotated[float, typer.Option(min=0.001, help="How often every pair is seen.")] = 1.0,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long, however far it came.")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Pairs of one folder at most.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order of pairs.")] = 0,
) -> None:
    """Train the hop encoder and the ranking (`hop: {use: encoder, weights: FILE}`) on labelled multi-hop questions.

    A folder holds corpus*.jsonl[.gz], rows of {pid, title, text}, and questions_train.jsonl[.gz], rows of {id,
    question, gold: [pid, ...]}. One question in eight is held out: training stops early by them, and the ranking
    learns from them. The index stays as it is, and the file fits this embedder only. The same command again goes on
    with a training that was killed.

    Examples:

      rag train hop ./labelled --out my-hop.safetensors

      rag train hop data/2wikimultihopqa data/musique --out hop.safetensors --minutes 20
    """
    from rag.cli.terminal import say
    from rag.train.hop import Options
    from rag.train.run import train_hop

    options = Options(epochs=epochs, minutes=minutes, seed=seed)
    report = train_hop(folders, out, model=model, options=options, most=most, say=say)
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


@app.command()
def reader(
    folders: Annotated[list[Path], typer.Argument(help="Folders of labelled questions.", metavar="FOLDER...")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write; a model card goes beside it.")],
    epochs: Annotated[int, typer.Option(min=0, help="How often every question is read; 0: only set confidence.")] = 1,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long, however far it came.")] = None,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate at its height.")] = 1.5e-4,
    start: Annotated[Path | None, typer.Option(help="Go on from this file of an earlier training.")] = None,
    fitted: Annotated[int, typer.Option(min=1, help="Questions of a folder that set the confidence.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the readings and their order.")] = 0,
) -> None:
    """Train the reader (`generate: {use: reader, weights: FILE}`) on questions with answers.

    A folder is one of `rag train hop` whose questions have `answer` or `answers`, and maybe `supporting_facts`. After
    the training the confidence is set on questions it has not seen, where the folder has no questions_dev.

    Examples:

      rag train reader ./labelled --out my-reader.safetensors

      rag train reader data/squad data/hotpotqa --out reader.safetensors --minutes 50
    """
    from rag.cli.terminal import say
    from rag.train.reader import Options
    from rag.train.reader_run import train_reader

    options = Options(epochs=epochs, minutes=minutes, rate=rate, seed=seed)
    report = train_reader(folders, out, options=options, fitted=fitted, start=start, say=say)
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")
