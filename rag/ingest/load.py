"""Sources to documents, each by itself where a connector fails on some: one file must never stop the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.ingest.accept import accept
from rag.ingest.alone import describe, is_alone
from rag.stages import Connector
from rag.text.languages import with_language
from rag.types import Loaded, Source


def load(connector: Connector, sources: Sequence[Source]) -> Iterator[Loaded]:
    """One `Loaded` per source, as an index can hold it; "failed" for what the connector raises on or passes over.

    Raises what is not about one source, such as RagError.
    """
    left = {source.name: source for source in sources}
    try:
        for loaded in connector.load(sources):
            if left.pop(loaded.source.name, None):
                yield _accept(loaded)
    except Exception as error:
        if not is_alone(error):
            raise
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
        accepted = accept(loaded)
        return replace(accepted, documents=tuple(map(with_language, accepted.documents)))
    except Exception as error:
        return _failed(loaded.source, error)


def _failed(source: Source, error: Exception) -> Loaded:
    return Loaded(source, "failed", f"loading failed: {describe(error)}")
