"""Names to components: `kind` and `name` -> a class, imported when it is first asked for.

One table holds what is shipped; plug-ins add to it by entry points in the groups "rag.connector", "rag.chunk",
"rag.embed" and so on. Nothing registers itself by being imported.
"""

import difflib
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from importlib.util import find_spec
from typing import Any

from rag.errors import ConfigError, extra
from rag.stages import STAGES

BUILTIN: dict[str, dict[str, str]] = {
    "connector": {},  # rag_connectors comes through its entry points, like any plug-in
    "chunk": {
        "tokens": "rag.chunk.tokens:TokenChunker",
        "sentences": "rag.chunk.sentences:SentenceChunker",
        "structure": "rag.chunk.structure:StructureChunker",
    },
    "embed": {
        "onnx": "rag.embed.onnx:OnnxEmbedder",
        "transformers": "rag.embed.transformers:TransformersEmbedder",
        "two_stage": "rag.embed.two_stage:TwoStageEmbedder",
        "whitened": "rag.embed.whitened:WhitenedEmbedder",
        "muvera": "rag.embed.muvera:MuveraEmbedder",
        "http": "rag.embed.http:HttpEmbedder",
        "hashing": "rag.embed.hashing:HashingEmbedder",
    },
    "sparse": {"bm25": "rag.embed.bm25:Bm25", "splade": "rag.embed.splade:SpladeEmbedder"},
    "store": {"edge": "rag.store.edge:EdgeStore", "qdrant": "rag.store.qdrant:QdrantStore"},
    "retrieve": {
        "search": "rag.retrieve.search:SearchRetriever",
        "hyde": "rag.retrieve.hyde:HydeRetriever",
        "multi_query": "rag.retrieve.multi_query:MultiQueryRetriever",
    },
    "hop": {
        "links": "rag.hop.links:LinkHopper",
        "encoder": "rag.hop.encoder:EncoderHopper",
        "gate": "rag.hop.gate:GateHopper",
        "treehop": "rag.hop.treehop:TreeHop",
    },
    "rerank": {
        "none": "rag.rerank.none:NoReranker",
        "maxsim": "rag.rerank.maxsim:MaxSimReranker",
        "reader": "rag.rerank.reader:ReaderReranker",
        "paths": "rag.hop.paths:PathReranker",
        "e2rank": "rag.rerank.e2rank:E2Rank",
        "cross_encoder": "rag.rerank.cross_encoder:CrossEncoder",
        "qwen3": "rag.rerank.cross_encoder:Qwen3Reranker",
        "http": "rag.rerank.http:HttpReranker",
        "listwise": "rag.rerank.listwise:ListwiseReranker",
        "diverse": "rag.rerank.diverse:DiverseReranker",
    },
    "generate": {
        "extractive": "rag.generate.extractive:ExtractiveGenerator",
        "openai": "rag.generate.openai:OpenAIGenerator",
        "reader": "rag.generate.reader:ReaderGenerator",
        "transformers": "rag.generate.transformers:TransformersGenerator",
        "withheld": "rag.generate.withheld:WithheldGenerator",
    },
    "ingest": {
        "processes": "rag.ingest.executors.processes:ProcessesExecutor",
        "dask": "rag.ingest.executors.dask:DaskExecutor",
        "ray": "rag.ingest.executors.ray:RayExecutor",
    },
}

# components -> the extra that brings what the base install lacks for them, and the library to look for
EXTRAS = {
    ("embed", "transformers"): ("models", "torch"),
    ("embed", "two_stage"): ("models", "torch"),
    ("sparse", "splade"): ("models", "torch"),
    ("store", "qdrant"): ("qdrant", "qdrant_client"),
    ("rerank", "cross_encoder"): ("models", "torch"),
    ("rerank", "qwen3"): ("models", "torch"),
    ("generate", "transformers"): ("models", "torch"),
}
HYBRID = "rag.embed.hybrid:HybridEmbedder"  # what makes one embedder of an `embed` and a `sparse` stage


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Did you mean x?" when a known word is close, else ""."""
    close = closest(word, known)
    return f" Did you mean {close}?" if close else ""


def plug_ins(group: str) -> EntryPoints:
    """The entry points of a group. All groups are read at once: every look goes through all that is installed."""
    return _entry_points().select(group=group)


_entry_points = cache(entry_points)


@cache
def names(kind: str) -> dict[str, str]:
    """Every name of a kind with its "module:Class", shipped ones first."""
    if kind not in STAGES:
        raise ConfigError(f"{kind}: unknown kind of stage.{did_you_mean(kind, STAGES)} Known: {', '.join(STAGES)}.")
    found = dict(BUILTIN[kind])
    for entry in plug_ins(f"rag.{kind}"):
        found.setdefault(entry.name, entry.value)
    return found


def resolve(path: str) -> Any:
    """What "module:Name" stands for, imported."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def find(kind: str, name: str) -> type[Any]:
    """The class of a component. Raises ConfigError with the names there are, MissingExtra with what to install."""
    known = names(kind)
    if name not in known:
        raise ConfigError(
            f"{kind}: there is no {name!r}.{did_you_mean(name, known)} Known: {', '.join(sorted(known))}."
        )
    bringing, library = EXTRAS.get((kind, name), ("", ""))
    with extra(bringing, f"{kind}: {name}"):
        if library and find_spec(library) is None:
            raise ModuleNotFoundError(name=library)
    try:
        cls: type[Any] = resolve(known[name])
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{kind}: {name!r} ({known[name]}) cannot be imported: {error}") from error
    return cls
