"""The server's side of `rag ask`: the command's own code on a pool's pipeline, printing to whoever asked.

A socket in the `.rag/` of every index that is served, for the user of the server alone. What an option asks for that
the server is not, and whatever the words do not parse to, is told to be done by the command itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from rag import __version__
from rag.cli.ask import answer_question
from rag.cli.terminal import SCREEN, Screen, fail
from rag.config import from_facts
from rag.errors import RagError
from rag.index.nearest import SOCKET, find_folder
from rag.serve import wire

if TYPE_CHECKING:
    from rag.pipeline import Pipeline
    from rag.serve.pools import Pools

PATIENCE = 5.0  # seconds until the words must be there
LOOK = 2.0  # seconds between two looks for indexes that have no socket yet
_SERVED = {"question", "index", "k", "source", "where", "open", "trace", "json"}


class _ColdError(Exception):
    """The command shall run by itself."""


class Printer:
    """A stream as commands print to; what is written is sent in frames of a kind."""

    def __init__(self, send: Callable[[bytes], object], kind: bytes, *, encoding: str, terminal: bool) -> None:
        self._send, self._kind, self.encoding, self._terminal = send, kind, encoding, terminal

    def isatty(self) -> bool:
        """Whether that is where it ends up."""
        return self._terminal

    def write(self, text: str) -> None:
        """Send it."""
        self._send(wire.pack(self._kind, text.encode(self.encoding)))

    def flush(self) -> None:
        """Nothing waits."""


@asynccontextmanager
async def open_doors(pools: Pools) -> AsyncIterator[None]:
    """A socket for each index, as long as this lasts; for one that comes to be later, soon after."""
    servers: dict[str, tuple[asyncio.Server, int]] = {}

    async def look() -> None:
        while True:
            for name in pools.indexes.keys() - servers.keys():
                with suppress(OSError):
                    listener, inode = _listen(str(pools.indexes[name].path))
                    enter = partial(_enter, pools, name)
                    servers[name] = await asyncio.start_unix_server(enter, sock=listener), inode
            await asyncio.sleep(LOOK)

    looking = asyncio.create_task(look()) if hasattr(socket, "AF_UNIX") else None
    try:
        yield
    finally:
        if looking:
            looking.cancel()
        for name, (server, inode) in servers.items():
            server.close()
            path = pools.indexes[name].path / SOCKET
            with suppress(OSError):
                if os.lstat(path).st_ino == inode:
                    os.unlink(path)


def _listen(folder: str) -> tuple[socket.socket, int]:
    """A new socket in the folder, and its inode. Raises OSError, also where another server has one."""
    fd = wire.open_folder(folder)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        place = wire.address(fd, folder)
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(SOCKET, dir_fd=fd, follow_symlinks=False).st_mode):
                with suppress(ConnectionRefusedError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                    other.settimeout(0)
                    other.connect(place)
                    raise FileExistsError(f"{folder}: another server is there")
                os.unlink(SOCKET, dir_fd=fd)  # of one that was killed
        listener.bind(place)
        os.chmod(SOCKET, 0o600, dir_fd=fd)
        listener.listen()
        return listener, os.stat(SOCKET, dir_fd=fd).st_ino
    except OSError:
        listener.close()
        raise
    finally:
        os.close(fd)


async def _enter(pools: Pools, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One question of the command, until it is answered or the command is gone."""
    began = time.monotonic()
    try:
        if wire.peer(writer.get_extra_info("socket")) != os.geteuid():
            return
        async with asyncio.timeout(PATIENCE):
            kind, length = wire.HEADER.unpack(await reader.readexactly(wire.HEADER.size))
            if kind != wire.WORDS or length > wire.LONGEST:
                return
            request = json.loads(await reader.readexactly(length))
        try:
            if pools.drain.stopping:
                raise _ColdError
            with pools.drain.hold():
                code = await _ask(pools, name, request, reader, writer, began)
            writer.write(wire.pack(wire.EXIT, str(code).encode()))
        except Exception:  # whatever it is, the command meets it itself
            writer.write(wire.pack(wire.COLD))
        await writer.drain()
    except (OSError, EOFError, ValueError, TimeoutError):
        pass  # no question, or nobody who waits
    finally:
        writer.close()


async def _ask(
    pools: Pools,
    name: str,
    request: dict[str, Any],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    began: float,
) -> int:
    """The exit code of the command. Raises _ColdError, and anything."""
    options = _read_words(request, str(pools.indexes[name].path))
    loop = asyncio.get_running_loop()

    def send(frame: bytes) -> None:
        loop.call_soon_threadsafe(writer.write, frame)

    out, err = (
        Printer(send, kind, encoding=encoding, terminal=terminal)
        for kind, encoding, terminal in zip(
            (wire.OUT, wire.ERR), request["encodings"], request["terminals"], strict=True
        )
    )

    def work(pipe: Pipeline) -> int:
        own = from_facts(pipe.index.facts(), str(pipe.index.path))
        if (own.stages, own.settings) != (pipe.config.stages, pipe.config.settings):
            raise _ColdError
        send(wire.pack(wire.TAKEN))
        SCREEN.set(Screen(out, err, request["columns"]))
        try:
            return answer_question(pipe, begin=began, **options)
        except RagError as error:
            return fail(error)

    answer = asyncio.ensure_future(pools.pool(name).run_async(work))
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise EOFError
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


def _read_words(request: dict[str, Any], folder: str) -> dict[str, Any]:
    """The options of `rag ask`. Raises _ColdError where they are not for this server, and anything for wrong ones."""
    from rag.cli import app

    words = request["words"]
    if request["version"] != __version__ or "--help" in words:
        raise _ColdError
    command = typer.main.get_command(app).commands["ask"]  # type: ignore[attr-defined]
    context = command.make_context("ask", list(words))
    given = {name for name in context.params if context.get_parameter_source(name).name == "COMMANDLINE"}
    if given - _SERVED or not os.path.samefile(find_folder(context.params["index"], here=request["folder"]), folder):
        raise _ColdError
    return {name: context.params[name] for name in _SERVED - {"index"}}
