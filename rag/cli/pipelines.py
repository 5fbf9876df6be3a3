"""`rag pipelines` and `rag graph`: pipelines as data."""

import typer

from rag.cli.options import PipelineArgument
from rag.cli.terminal import clean, say, say_json
from rag.text.urls import redact

app = typer.Typer(no_args_is_help=True, help="List, show and check pipelines.", rich_markup_mode=None)


@app.command("list")
def list_() -> None:
    """List the shipped pipelines, with what each is for."""
    from rag.config import load, presets

    for name in presets():
        say(f"{name:<12} {load(name).settings.description}")


@app.command()
def show(name: PipelineArgument) -> None:
    """Print a pipeline file as it is, to copy and change. Passwords in URLs are left out.

    Example: rag pipelines show default > mine.yaml
    """
    from rag.config import read

    say(clean(redact(read(name)[1])), end="")


@app.command()
def check(name: PipelineArgument) -> None:
    """Check a pipeline file, and name every mistake in it.

    Each is told with its line, its key and what would be right. No model is loaded; of one whose files are not here it
    says how to get them.

    Example: rag pipelines check mine.yaml
    """
    from rag.config import build, load
    from rag.errors import ModelMissing

    config = load(name)
    missing = ""
    try:
        build(config)
    except ModelMissing as error:
        missing = f"; not yet to be used: {error}"
    say(f"{config.origin}: ok ({', '.join(kind + ' ' + str(s['use']) for kind, s in config.stages.items())}){missing}")


@app.command()
def schema() -> None:
    """Print a JSON Schema of pipeline files, for editors.

    Example: rag pipelines schema > pipeline.schema.json
    """
    from rag.config import json_schema

    say_json(json_schema())


def graph(name: PipelineArgument = "default") -> None:
    """Draw the steps of a pipeline's answers, as Mermaid.

    Example: rag graph default
    """
    from rag.config import load
    from rag.index.folder import Index
    from rag.pipeline import Pipeline

    say(Pipeline(load(name), Index.at()).mermaid(), end="")
