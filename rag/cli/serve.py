"""`rag serve`: the server."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from rag.cli.options import PipelineOption, TrustOption
from rag.cli.terminal import fail
from rag.errors import InputError, extra


def serve(
    settings: Annotated[str | None, Argument(help="A .toml or .yaml file of settings.", metavar="[FILE]")] = None,
    index: Annotated[
        list[str] | None, Option("--index", metavar="[NAME=]FOLDER", help="Folder that holds .rag (repeatable).")
    ] = None,
    host: Annotated[str | None, Option("--host", help="Address to listen at (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, Option("--port", min=0, max=65535, help="Port to listen at (default: 8765).")] = None,
    pipeline: PipelineOption = None,
    trust: TrustOption = False,
) -> None:
    """Serve indexes by HTTP: a page, a REST interface, an OpenAI-compatible one and MCP tools.

    Only this machine can reach it unless --host says otherwise. FILE holds what a team sets once; options
    take precedence.

    \b
    Examples:
      rag serve
      rag serve --index notes=./notes --index manuals=/srv/manuals --port 9000
      rag serve raghop.toml
    """
    with extra("serve", "rag serve"):
        import uvicorn

        from rag.serve.app import make_app
        from rag.serve.settings import load_settings, settings_of
    given: dict[str, Any] = {"host": host, "port": port, "pipeline": pipeline, "indexes": _named(index)}
    given = {name: value for name, value in given.items() if value} | ({"trust": True} if trust else {})
    chosen = load_settings(settings, given) if settings else settings_of(given)
    app = make_app(chosen)
    fail(f"serving {', '.join(chosen.indexes)} at {chosen.base_url}")
    uvicorn.run(app, host=chosen.host, port=chosen.port, log_level="warning", server_header=False)


def _named(folders: list[str] | None) -> dict[str, str]:
    """Indexes by name: that before the "=", else the name of the folder."""
    named: dict[str, str] = {}
    for given in folders or []:
        name, equals, folder = given.partition("=")
        if not equals:
            folder, name = given, Path(given).resolve().name.removeprefix(".") or "index"
        if name in named:
            raise InputError(f"--index {given}: there are two indexes called {name!r}; say NAME=FOLDER.")
        named[name] = str(Path(folder).absolute())
    return named
