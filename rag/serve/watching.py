"""Folders that a server indexes as they change: for each index a process that watches, begun again should it end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rag.errors import ConfigError
from rag.registry import did_you_mean
from rag.serve.ingesting import IngestProcess
from rag.serve.logs import note
from rag.serve.pools import Pools

AGAIN = 30.0  # seconds until a process that ended is begun again


@asynccontextmanager
async def watch_folders(pools: Pools) -> AsyncIterator[None]:
    """Watch what the settings name, as long as this lasts."""
    tasks = [asyncio.create_task(_watch(pools, index, roots)) for index, roots in find_roots(pools).items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def find_roots(pools: Pools) -> dict[str, list[str]]:
    """The folders to watch, by index. Raises ConfigError for an index or a name that the settings do not have."""
    folders, found = pools.settings.folders, {}
    for index, names in pools.settings.watch.items():
        if index not in pools.indexes:
            raise ConfigError(f"watch: no index is called {index!r}.{did_you_mean(index, list(pools.indexes))}")
        for name in names:
            if name not in folders:
                raise ConfigError(f"watch.{index}: no folder is called {name!r}.{did_you_mean(name, list(folders))}")
        found[index] = [folders[name] for name in names]
    return found


async def _watch(pools: Pools, index: str, roots: list[str]) -> None:
    settings, folder = pools.settings, pools.indexes[index]
    while True:
        pipeline = None if folder.exists() else settings.pipeline or None
        process = IngestProcess(str(folder.base), pipeline, roots, trust=settings.trust, watch=True)
        try:
            while await _tell(process, index) not in ("done", "failed"):
                pass
        finally:
            process.stop()
            await asyncio.shield(asyncio.to_thread(process.close))
        await asyncio.sleep(AGAIN)


async def _tell(process: IngestProcess, index: str) -> str:
    """Log the next message; its kind."""
    kind, data = await asyncio.to_thread(process.receive)
    if kind == "changed":
        for file in data["files"]:
            if file["status"] != "unchanged":
                note("indexed", index=index, source=file["source"], status=file["status"], reason=file["reason"])
    elif kind != "progress":
        note("watching", level=logging.WARNING, index=index, problem=data["error"]["message"])
    return kind
