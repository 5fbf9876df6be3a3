"""The command `rag`: thin commands that parse, call the library and print. Nothing heavy is imported for `--help`."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from rag import __version__
from rag.cli import (
    archive,
    ask,
    chat,
    check,
    connectors,
    explain,
    ingest,
    inspect,
    pipelines,
    remove,
    sample,
    serve,
    status,
    token,
    train,
    upgrade,
)
from rag.cli.guard import guard
from rag.cli.terminal import fail, say
from rag.errors import RagError
from rag.interrupt import Stop, stoppable

GO_ON = frozenset(("rebuild", "train", "eval"))  # from where they were interrupted

app = typer.Typer(
    name="rag",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=(
        'Start: `rag ingest ./docs`, then `rag ask "..."`. Exit codes: 0 done, 1 error, 2 wrong argument or pipeline, '
        "3 some files failed, 4 index of another model or settings, 5 index in use, 6 index damaged, "
        "7 nothing found to say."
    ),
)


def _version(value: bool) -> None:
    if value:
        say(f"rag {__version__}")
        raise typer.Exit


@app.callback(help="Ask multi-hop questions of your own documents, offline, with citations checked against the text.")
def options(
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Ask multi-hop questions of your own documents, offline, with citations checked against the text."""


app.command()(ingest.ingest)
app.command()(ask.ask)
app.command()(ask.search)
app.command()(explain.explain)
app.command()(chat.chat)
app.command()(serve.serve)
app.command()(serve.mcp)
app.command()(status.status)
app.command()(inspect.inspect)
app.command()(status.config)
app.command()(check.check)
app.command()(check.rebuild)
app.command()(upgrade.upgrade)
app.command()(upgrade.generations)
app.command()(remove.delete)
app.command()(remove.purge)
app.command()(archive.export)
app.command("import")(archive.import_)
app.command()(connectors.connectors)
app.command()(sample.sample)
app.command()(pipelines.graph)
app.add_typer(pipelines.app, name="pipelines")
app.add_typer(token.app, name="token")
app.add_typer(train.app, name="train")


def mount_plugins() -> None:
    """Command groups of other packages (`rag eval` is one), by entry point "rag.commands"."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="rag.commands"):
        app.add_typer(entry.load(), name=entry.name)


def main() -> None:
    """Run the command in a child process, where a crash of native code is an error message too."""
    guard(run)


def run() -> None:
    """Run the command and exit; errors raised on purpose become a message and their exit code, signals too."""
    with stoppable() as stop:
        code = _code(stop)
        if stop.number and code == 128 + stop.number:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # waiting for no thread: one still in native code when Python ends aborts the process
    sys.exit(code)


def _code(stop: Stop) -> int | str | None:

    try:
        with stop.anywhere():
            mount_plugins()
            app()
    except SystemExit as end:
        if not isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):  # typer makes it an exit
            return end.code
    except KeyboardInterrupt:
        pass
    except RagError as error:
        return fail(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("RAG_DEBUG"):
            raise
        if full := _find_full_disk(error):
            return fail(full)
        if isinstance(error, OSError):
            return fail(f"{error.filename or 'the operating system'}: {error.strerror or error}.")
        if not stop.number:  # else an import that was interrupted, which some libraries report in words of their own
            where = "this is a bug in raghop, please report it; RAG_DEBUG=1 shows where it happened"
            return fail(f"{type(error).__name__}: {error} ({where}).")
    goes_on = " What was finished is kept; the same command goes on." if GO_ON.intersection(sys.argv[1:2]) else ""
    return fail(f"interrupted.{goes_on}", code=128 + (stop.number or signal.SIGINT))


def _find_full_disk(error: Exception) -> RagError | None:
    """What a full disk comes to, whichever file was being written."""
    import sqlite3

    from rag.index.disk import raise_if_full

    if isinstance(error, OSError | sqlite3.DatabaseError):
        try:
            raise_if_full(error, Path(str(getattr(error, "filename", None) or "x")).absolute().parent)
        except RagError as full:
            return full
    return None
