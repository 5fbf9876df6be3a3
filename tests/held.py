"""A plug-in for tests: stages that stand still at a named point, say so with a file, and stay until a signal comes.

HELD_AT is the point ("import", "scan", "load", "embed", "publish"; "stay": publish, whatever signal comes), HELD_IN the
folder of the files: `at` holds the process's id once it stands there, `go` lets it go on without a signal, `heard` is
there a while after the first signal, when the next one is another. HELD_PATIENCE is how many seconds a publish may go
on after a signal: by default, tests wait for it however slow the machine is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rag import interrupt
from rag.embed.hashing import HashingEmbedder
from rag.interrupt import Stop
from rag.stages import component
from rag.store.edge import EdgeStore
from rag.types import Chunked, Embeddings, Loaded, Source
from rag_connectors.files import Files

interrupt.PATIENCE = float(os.environ.get("HELD_PATIENCE", "600"))
_calls = 0


def hold(point: str, *, call: int = 1) -> None:
    """Stand still here, if this is the point, when it is reached for the `call`-th time."""
    global _calls
    if os.environ.get("HELD_AT") != point:
        return
    _calls += 1
    folder = Path(os.environ["HELD_IN"])
    if _calls == call:
        (folder / "at.new").write_text(str(os.getpid()))
        (folder / "at.new").rename(folder / "at")
        while not (folder / "go").exists() and (point == "stay" or not _told()):
            time.sleep(0.01)
            if _told() and not (folder / "heard").exists():
                time.sleep(2.5)
                (folder / "heard").touch()


def _told() -> bool:
    stops = [getattr(signal.getsignal(n), "__self__", None) for n in (signal.SIGINT, signal.SIGTERM)]
    return any(isinstance(stop, Stop) and stop.number for stop in stops)


@component
class HeldFiles(Files):
    """Files, held when the first was found or parsed."""

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """As Files."""
        for source in super().scan(roots, base=base):
            hold("scan")
            yield source

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """As Files."""
        for loaded in super().load(sources):
            hold("load")
            yield loaded


@component
class HeldHashing(HashingEmbedder):
    """Hashing, held when it is called for the second time."""

    def embed_chunks(self, batch: Sequence[Chunked]) -> Embeddings:
        """As Hashing."""
        hold("embed", call=2)
        return super().embed_chunks(batch)


@component
class HeldEdge(EdgeStore):
    """Edge, held when a generation is written."""

    def flush(self) -> None:
        """As Edge."""
        hold("publish")
        hold("stay")
        super().flush()


hold("import")
