"""Sources to documents, each by itself where a connector fails on some: one file must never stop the rest."""

from collections.abc import Iterator, Sequence

from rag.errors import RagError
from rag.ingest.accept import accept
from rag.stages import Connector
from rag.types import Loaded, Source


def load(connector: Connector, sources: Sequence[Source]) -> Iterator[Loaded]:
    """One `Loaded` per source, as an index can hold it; "failed" for what the connector raises on or passes over.

    Raises RagError where the connector does.
    """
    left = {source.name: source for source in sources}
    try:
        for loaded in connector.load(sources):
            if left.pop(loaded.source.name, None):
                yield _accept(loaded)
    except RagError:
        raise
    except Exception as error:
        if len(sources) == 1:
            left.clear()
            yield _failed(sources[0], error)
    for source in left.values():
        if len(sources) > 1:
            yield from load(connector, [source])
        else:
            yield Loaded(source, "failed", "the connector gave nothing for it")


def _accept(loaded: Loaded) -> Loaded:
    try:
        return accept(loaded)
    except Exception as error:
        return _failed(loaded.source, error)


def _failed(source: Source, error: Exception) -> Loaded:
    return Loaded(source, "failed", f"loading failed: {describe(error)}")


def describe(error: Exception) -> str:
    """An unforeseen error in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
