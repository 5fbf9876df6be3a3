"""`rag serve` and `rag mcp`: the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from rag.cli.options import PipelineOption, TrustOption
from rag.cli.terminal import fail
from rag.errors import InputError, extra
from rag.index.nearest import find_folder, has_index
from rag.models.processor import spare_memory

if TYPE_CHECKING:
    from rag.serve.settings import ServerSettings


IndexesOption = Annotated[
    list[str] | None, Option("--index", metavar="[NAME=]FOLDER", help="Folder that holds .rag (repeatable).")
]


def serve(
    settings: Annotated[str | None, Argument(help="A .toml or .yaml file of settings.", metavar="[FILE]")] = None,
    index: IndexesOption = None,
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
    given = {"host": host, "port": port, "pipeline": pipeline, "indexes": _named(index)}
    chosen = _settings(settings, given, trust)
    with extra("serve", "rag serve"):
        from rag.cli.door import open_doors
        from rag.serve.app import make_app
        from rag.serve.logs import set_up
        from rag.serve.running import Server, listen
    spare_memory()
    with listen(chosen.host, chosen.port) as place:
        chosen = replace(chosen, port=place.getsockname()[1])
        app = make_app(chosen, open_doors)
        fail(f"serving {', '.join(chosen.indexes)} at {chosen.base_url}")
        _tell_of_empty(chosen)
        set_up(chosen.log)
        Server(app, host=chosen.host, port=chosen.port, grace=chosen.grace).run([place])


def mcp(
    settings: Annotated[str | None, Argument(help="A .toml or .yaml file of settings.", metavar="[FILE]")] = None,
    index: IndexesOption = None,
    pipeline: PipelineOption = None,
    trust: TrustOption = False,
) -> None:
    """Serve indexes to an assistant over stdin and stdout, as MCP tools: ask, search, fetch, hops, list_documents.

    An assistant starts this command itself: write it into its settings. `rag serve` offers the same at /mcp.

    \b
    Examples:
      rag mcp
      rag mcp --index notes=./notes --index manuals=/srv/manuals
    """
    chosen = _settings(settings, {"pipeline": pipeline, "indexes": _named(index)}, trust)
    with extra("serve", "rag mcp"):
        import anyio

        from rag.serve.assistants import serve_stdio
        from rag.serve.pools import Pools
    pools = Pools(chosen)
    _tell_of_empty(chosen)
    try:
        anyio.run(serve_stdio, pools)
    finally:
        pools.close()


def _settings(file: str | None, given: dict[str, Any], trust: bool) -> ServerSettings:
    """The settings of a file, of the options, or of both."""
    from rag.serve.settings import load_settings, settings_of

    given = {name: value for name, value in given.items() if value is not None} | ({"trust": True} if trust else {})
    settings = load_settings(file, given) if file else settings_of(given)
    for name, folder in settings.indexes.items():
        if not Path(folder).is_dir():
            raise InputError(f"index {name}: {folder} is no folder. Name one that `rag ingest` was run in.")
    return settings


def _tell_of_empty(settings: ServerSettings) -> None:
    """Which indexes hold nothing yet: that is no error, they can be filled while they are served."""
    for name, folder in settings.indexes.items():
        if not has_index(find_folder(folder)):
            fail(f"index {name}: there is nothing in {folder} yet. Run `rag ingest PATH --index {folder}`.")


def _named(folders: list[str] | None) -> dict[str, str] | None:
    """Indexes by name: that before the "=", else the name of the folder."""
    named: dict[str, str] = {}
    for given in folders or []:
        name, equals, folder = given.partition("=")
        if not equals:
            folder, name = given, Path(given).resolve().name.removeprefix(".") or "index"
        if name in named:
            raise InputError(f"--index {given}: there are two indexes called {name!r}; say NAME=FOLDER.")
        named[name] = str(Path(folder).absolute())
    return named or None
