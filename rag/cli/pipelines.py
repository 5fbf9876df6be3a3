"""`rag pipelines` and `rag graph`: pipelines as data."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, show and check pipelines.", rich_markup_mode=None)

NameArgument = Annotated[str, typer.Argument(help="A shipped pipeline's name or a .yaml file.")]


@app.command("list")
def list_() -> None:
    """The shipped pipelines, one a line."""
    from rag.cli.terminal import say
    from rag.config import load, presets

    for name in presets():
        say(f"{name:<12} {load(name).settings.description}")


@app.command()
def show(name: NameArgument) -> None:
    """Print a pipeline's YAML, to copy and change.

    Example: rag pipelines show default > mine.yaml
    """
    from rag.cli.terminal import clean, say
    from rag.config import read

    say(clean(read(name)[1]), end="")


@app.command()
def check(name: NameArgument) -> None:
    """Build a pipeline without loading a model; errors name file, line and key.

    Example: rag pipelines check mine.yaml
    """
    from rag.cli.terminal import say
    from rag.config import build, load

    config = load(name)
    build(config)
    say(f"{config.origin}: ok ({', '.join(kind + ' ' + str(s['use']) for kind, s in config.stages.items())})")


@app.command("schema")
def schema() -> None:
    """A JSON Schema of pipeline files, for editors.

    Example: rag pipelines schema > pipeline.schema.json
    """
    from rag.cli.terminal import say_json
    from rag.config import json_schema

    say_json(json_schema())


def graph(name: Annotated[str, typer.Argument(help="A shipped pipeline's name or a .yaml file.")] = "default") -> None:
    """Print a pipeline's answer graph as Mermaid.

    Example: rag graph default
    """
    from rag.cli.terminal import say
    from rag.config import load
    from rag.index.folder import Index
    from rag.pipeline import Pipeline

    say(Pipeline(load(name), Index.at()).mermaid(), end="")
