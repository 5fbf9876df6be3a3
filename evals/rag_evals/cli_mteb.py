"""`rag eval mteb`: the embed stage on tasks of MTEB. Thin: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag.cli.options import PIPELINE


def mteb(
    tasks: Annotated[list[str], typer.Argument(help="Names of tasks, as on the leaderboard.", metavar="TASK...")],
    pipeline: Annotated[str, typer.Option(metavar="NAME", help=f"{PIPELINE}.")] = "default",
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Save mteb's results here.")] = None,
) -> None:
    """Measure the embed stage of a pipeline by tasks of MTEB, with the package mteb (extra mteb).

    Its data sets are downloaded from the Hugging Face hub, unless they are in its cache. Nothing but the embed stage is
    measured: no chunks, no sparse vectors, no hops. Figures compare with those of the leaderboard.

    \b
    Examples:
      rag eval mteb NFCorpus SciFact
      rag eval mteb STSBenchmark --pipeline my.yaml --json sts.json
    """
    import json as text

    from rag.cli.terminal import line, say
    from rag.config import build, load
    from rag.errors import ConfigError, InputError, extra

    with extra("mteb", "rag eval mteb"):
        import mteb

        from rag_evals.mteb_encoder import MtebEncoder

    embedder = build(load(pipeline)).embedder
    if not embedder.dim:
        raise ConfigError(f"{pipeline}: has no dense vectors, which MTEB compares.")
    try:
        chosen = [*mteb.get_tasks(tasks=tasks)]
    except KeyError as error:
        said = str(error.args[0]).removeprefix("KeyError: ")
        raise InputError(f"TASK {line(said)} All tasks: https://github.com/embeddings-benchmark/mteb.") from None
    result = mteb.evaluate(MtebEncoder(embedder, Path(pipeline).stem), chosen, cache=None, overwrite_strategy="always")
    measures = {task.metadata.name: task.metadata.main_score for task in chosen}
    for task in result.task_results:
        say(f"{task.task_name}: {measures[task.task_name]} {task.get_score():.4f}")
    if json is not None:
        rows = [text.loads(task.model_dump_json()) for task in result.task_results]
        json.write_text(text.dumps(rows, indent=1), encoding="utf-8")
