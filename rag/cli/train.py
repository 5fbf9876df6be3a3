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
    learns from them. A folder with an index (.rag) needs no questions: pairs are mined from its links. The index stays
    as it is, and the file fits this embedder only. The same command again goes on with a training that was killed.

    Examples:

      rag train hop ./labelled --out my-hop.safetensors

      rag train hop ./docs --out my-hop.safetensors --minutes 20

      rag train hop data/2wikimultihopqa data/musique --out hop.safetensors --minutes 20
    """
    from rag.cli.terminal import say
    from rag.train.hop.run import train_hop
    from rag.train.hop.train import HopOptions

    options = HopOptions(epochs=epochs, minutes=minutes, seed=seed)
    report = train_hop(folders, out, model=model, options=options, most=most, say=say)
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


@app.command()
def gate(
    folders: Annotated[list[Path], typer.Argument(help="Folders, as for `rag train hop`.", metavar="FOLDER...")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write; a model card goes beside it.")],
    teacher: Annotated[
        Path | None, typer.Option(help='A hop encoder to learn from: a file of `rag train hop`, or "shipped".')
    ] = None,
    model: Annotated[str, typer.Option(help='"bundled", a folder, or a name in the Hugging Face cache.')] = "bundled",
    epochs: Annotated[int, typer.Option(min=1, help="How often every row is seen.")] = 12,
    most: Annotated[int | None, typer.Option(min=1, help="Pairs of one folder at most.")] = None,
    seed: Annotated[int, typer.Option(help="Of the first weights and the order of rows.")] = 0,
) -> None:
    """Train TreeHop's gate and its ranking (`hop: {use: gate, weights: FILE}`), on vectors alone: minutes on one core.

    With a teacher, the gate learns what the hop encoder reads in question and passage, and needs only their vectors
    afterwards. Without one it learns from gold passages only, which is worth less. The file has the names of the
    TreeHop reference, so that `hop: {use: treehop}` reads it, too, and fits this embedder only.

    Examples:

      rag train gate ./labelled --teacher my-hop.safetensors --out my-gate.safetensors

      rag train gate data/2wikimultihopqa data/musique --teacher shipped --most 1500 --out gate.safetensors
    """
    from rag.cli.terminal import say
    from rag.hop.encoder import SHIPPED
    from rag.train.gate.run import train_gate
    from rag.train.gate.train import GateOptions

    options = GateOptions(epochs=epochs, seed=seed)
    file = SHIPPED if teacher == Path("shipped") else teacher
    report = train_gate(folders, out, model=model, options=options, most=most, teacher=file, say=say)
    say(f"{out}: {report.epochs} epochs in {report.seconds / 60:.1f} minutes, held-out loss {report.held_out_loss:.3f}")


@app.command()
def reader(
    folders: Annotated[list[Path], typer.Argument(help="Folders of labelled questions.", metavar="FOLDER...")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write; a model card goes beside it.")],
    epochs: Annotated[
        int, typer.Option(min=0, help="How often every question is read; 0: only judge and confidence.")
    ] = 1,
    cloze: Annotated[int, typer.Option(min=0, help="Epochs of questions made of the passages, ahead of these.")] = 0,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long, however far it came.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Questions read at once.")] = 24,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate at its height.")] = 1.5e-4,
    start: Annotated[Path | None, typer.Option(help="Go on from this file of an earlier training.")] = None,
    fitted: Annotated[int, typer.Option(min=1, help="Questions of a folder that set the confidence.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the readings and their order.")] = 0,
) -> None:
    """Train the reader (`generate: {use: reader, weights: FILE}`) on questions with answers.

    A folder is one of `rag train hop` whose questions have `answer` or `answers`, and maybe `supporting_facts`; named
    twice, its questions count twice. After the training the confidence is set on questions it has not seen, where the
    folder has no questions_dev. A GPU is used where there is one.

    Examples:

      rag train reader ./labelled --out my-reader.safetensors

      rag train reader data/squad data/hotpotqa data/hotpotqa --cloze 1 --out reader.safetensors --minutes 50
    """
    from rag.cli.terminal import say
    from rag.train.reader.run import train_reader
    from rag.train.reader.train import ReaderOptions

    options = ReaderOptions(epochs=epochs, cloze=cloze, batch=batch, rate=rate, minutes=minutes, seed=seed)
    report = train_reader(folders, out, options=options, fitted=fitted, start=start, say=say)
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")


@app.command()
def embedder(
    folders: Annotated[list[Path], typer.Argument(help="Folders of documents.", metavar="FOLDER...")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write; a model card goes beside it.")],
    late: Annotated[
        bool, typer.Option("--late", help="For late chunking: the one kind there is, so it may be left out.")
    ] = True,
    model: Annotated[str, typer.Option(help='"bundled", a folder, or a name in the Hugging Face cache.')] = "bundled",
    epochs: Annotated[float, typer.Option(min=0.001, help="How often every document is read.")] = 1.0,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long, however far it came.")] = None,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate at its height.")] = 8e-5,
    mix: Annotated[float, typer.Option(min=0, max=1, help="Share of negatives from the same document.")] = 0.5,
    merge: Annotated[float, typer.Option(min=0, max=1, help="Share of what was learned that is kept.")] = 1.0,
    most: Annotated[int | None, typer.Option(min=1, help="Documents of one folder at most, the longest.")] = None,
    start: Annotated[Path | None, typer.Option(help="Go on from this file of an earlier training.")] = None,
    leave_out: Annotated[Path | None, typer.Option(help="A file with titles that are not read, one a line.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order of documents and of mined questions.")] = 0,
) -> None:
    """Train an embedder's document side (`embed: {use: onnx, weights: FILE, late: 1}`) on whole documents.

    A folder is one of `rag train hop`; passages of one title make a document. Questions are used where there are any,
    and from every chunk of a titled document one is mined, so that corpus*.jsonl alone will do. One document in 16 is
    held out: training stops early by them. The same command again goes on with a training that was killed.

    Examples:

      rag train embedder --late ./documents --out my-late.safetensors

      rag train embedder --late data/musique data/nq --out late.safetensors --minutes 30
    """
    from rag.cli.terminal import say
    from rag.train.embedder.run import train_embedder
    from rag.train.embedder.train import EmbedderOptions

    titles = leave_out.read_text(encoding="utf-8").splitlines() if leave_out else ()
    options = EmbedderOptions(epochs=epochs, rate=rate, mix=mix, minutes=minutes, seed=seed)
    report = train_embedder(
        folders,
        out,
        model=model,
        options=options,
        merge=merge,
        most=most,
        left_out=titles,
        start=start,
        say=say,
    )
    say(f"{out}: {report.steps:,} steps in {report.seconds / 60:.1f} minutes, loss {report.loss:.3f}")
