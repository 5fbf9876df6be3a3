"""The pools of a server: one for each index and each pipeline that questions name, opened when it is first used."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeAlias

from rag.config import PipelineConfig, from_facts, load, presets
from rag.errors import InputError, RagError
from rag.index.folder import Index
from rag.models.processor import trim_memory
from rag.pool import Pool
from rag.registry import did_you_mean
from rag.serve.drain import Drain
from rag.serve.settings import ServerSettings
from rag.types import Answer

SAME = ("chunk", "embed", "sparse", "store", "generate")  # what no other pipeline may change for a question
_preset = cache(load)

# what is told of every question that is answered: the index, the steps, the answer
Listener: TypeAlias = Callable[[str, Sequence[Mapping[str, Any]], Answer | None], object]


class Pools:
    """By the names of indexes and pipelines. Close it when the server ends."""

    def __init__(self, settings: ServerSettings) -> None:
        """Raises ConfigError for a pipeline of the settings that cannot be used, TrustError."""
        self.settings = settings
        self.indexes: Mapping[str, Index] = {
            name: Index.at(folder, trust=settings.trust) for name, folder in settings.indexes.items()
        }
        named = (settings.pipeline, *settings.pipelines)
        self._named: Mapping[str, str] = {load(name).name: name for name in named if name}
        self.drain = Drain()
        self.listeners: list[Listener] = []
        self._pools: dict[tuple[str, str], Pool] = {}
        self._lock = threading.Lock()

    def index(self, name: str | None) -> tuple[str, Index]:
        """An index with its name; the first one where none is named. Raises InputError."""
        name = name or next(iter(self.indexes))
        if name not in self.indexes:
            raise InputError(f"no index is called {name!r}.{_propose(name, self.indexes)}")
        return name, self.indexes[name]

    def pipelines(self, index: str) -> Mapping[str, str]:
        """What a question to an index may name, and where it is.

        Those of the settings, and the shipped ones that differ from the index's own in how they search alone.
        """
        try:
            own = load(self.settings.pipeline) if self.settings.pipeline else _own(self.indexes[index])
        except RagError:  # who asks is told
            return self._named
        shipped = {name: _preset(name) for name in presets() if name not in (own.name, *self._named)}
        alike = {name: name for name, one in shipped.items() if all(_stage(one, k) == _stage(own, k) for k in SAME)}
        return {**self._named, **alike}

    def pool(self, index: str | None = None, pipeline: str | None = None) -> Pool:
        """The pool of an index and a pipeline that the operator allows. Raises InputError, ConfigError."""
        name, folder = self.index(index)
        chosen = self.settings.pipeline
        if pipeline:
            known = self._named if pipeline in self._named else self.pipelines(name)
            if pipeline not in known:
                raise InputError(f"no pipeline is called {pipeline!r}.{_propose(pipeline, known)}")
            chosen = known[pipeline]
        with self._lock:
            if (pool := self._pools.get((name, chosen))) is None:
                config = load(chosen) if chosen else None
                pool = Pool(folder, config, workers=self.settings.workers, queue=self.settings.queue)
                pool.tell = lambda trace, answer: [tell(name, trace, answer) for tell in self.listeners]
                self._pools[name, chosen] = pool
        return pool

    def warm(self) -> None:
        """Open every index with its models; why one cannot be opened is told to who asks."""
        for name in self.indexes:
            with suppress(RagError):
                self.pool(name).warm()
        trim_memory()

    @property
    def open(self) -> Mapping[tuple[str, str], Pool]:
        """Those that were used, by index and pipeline."""
        return dict(self._pools)

    def close(self) -> None:
        """Close all of them."""
        for pool in self.open.values():
            pool.close()


def _propose(name: str, known: Mapping[str, object]) -> str:
    """The name that was meant, or all there are."""
    return did_you_mean(name, known) or f" There are: {', '.join(known) or 'none'}."


def _own(index: Index) -> PipelineConfig:
    """The pipeline that an index was made with. Raises ConfigError, CorruptError."""
    return from_facts(index.facts(), str(index.path))


def _stage(config: PipelineConfig, kind: str) -> Mapping[str, Any]:
    return config.stages.get(kind, {})
