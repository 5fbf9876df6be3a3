"""`rag train write`: questions for trainings, by a language model."""

from pathlib import Path
from typing import Annotated

from typer import Option

from rag.cli.options import IndexOption, LlmModelOption, LlmOption, PipelineOption, TrustOption, open_pipeline
from rag.cli.terminal import line, say
from rag.cli.train_options import SeedOption


def write(
    out: Annotated[Path, Option(metavar="FOLDER", help="The folder to write: passages and questions.")],
    llm: LlmOption = None,
    model: LlmModelOption = None,
    most: Annotated[
        int, Option(min=1, metavar="N", help="Passages that are shown to the model, a call or two each.")
    ] = 1000,
    seed: SeedOption = 0,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    trust: TrustOption = False,
) -> None:
    """Have a language model write a question for passages of the index, for trainings.

    A question is kept where a search by it finds its passage; one that does not is revised once. The folder is what
    `rag train embedder --both` reads; look at some of its questions first. The same command goes on where it was
    stopped.

    \b
    Example:
      rag train write --llm http://localhost:11434/v1 --model qwen3 --out written --most 500
      rag train embedder written --both --out my-model
    """
    from rag.retrieve.writing import require_language_model
    from rag.train.write.run import write_questions

    with open_pipeline(pipeline, index, llm, model, trust=trust) as pipe:
        writer = require_language_model(pipe.stages.generator, "rag train write")
        report = write_questions(pipe.index, pipe.stages.embedder, writer, out, most=most, seed=seed, say=say)
    say(f"{line(str(out))}: {report.kept:,} questions for {report.shown:,} passages shown")
