"""`rag train map`: a new model's questions over an index that another model made."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from rag.cli.options import IndexOption, PipelineOption, TrustOption, open_index
from rag.cli.terminal import line, say
from rag.errors import InputError


def map_queries(
    query_model: Annotated[
        str, Option("--query-model", metavar="NAME", help="The new model: a folder, a cached name, or bundled.")
    ],
    out: Annotated[Path, Option(metavar="FILE", help="The safetensors file to write.")],
    way: Annotated[
        Literal["ridge", "orthogonal", "shift"],
        Option(help="A matrix, a rotation, or the mean drift (for a model trained on from the old one)."),
    ] = "ridge",
    most: Annotated[int, Option(min=16, metavar="N", help="Passages that the new model reads.")] = 4000,
    questions: Annotated[
        Path | None, Option(metavar="FILE", help="Questions, one a line, for shift (default: mined sentences).")
    ] = None,
    seed: Annotated[int, Option(metavar="N", help="Seed of the sample.")] = 0,
    pipeline: PipelineOption = None,
    index: IndexOption = None,
    trust: TrustOption = False,
) -> None:
    """Let a new model's questions search an index as it is (Query Drift Compensation).

    A pipeline uses the file by `embed: {query_model: NAME, query_map: FILE}` beside the old model. The index is not
    changed and nothing of it is embedded again; the new model reads a sample of its passages once.

    Example: rag train map --query-model ./new-model --out map.safetensors
    """
    from rag.train.map.run import train_map

    texts = [text for text in questions.read_text(encoding="utf-8").splitlines() if text.strip()] if questions else []
    if questions and not texts:
        raise InputError(f"{questions}: holds no question; write one a line.")
    target, config = open_index(index, pipeline, trust=trust)
    report = train_map(target, config, query_model, out, way=way, most=most, questions=texts, seed=seed)
    say(
        f"{line(str(out))}: {report.passages:,} passages read; of the ten nearest by the new model, {report.found:.0%} "
        f"are found through the map ({report.before:.0%} by the old model's own questions)"
    )
