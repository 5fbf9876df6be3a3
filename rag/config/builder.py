"""From a pipeline file to its stages, constructed and joined, with no model loaded."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.config.checks import Problem, check, refusal
from rag.config.file import PipelineConfig
from rag.config.options import Settings, injected
from rag.errors import ConfigError
from rag.registry import HYBRID, find, resolve
from rag.stages import (
    Chunker,
    Connector,
    DenseHopper,
    Embedder,
    Executor,
    Generator,
    Hopper,
    KindRetriever,
    Reranker,
    Retriever,
    SparseEmbedder,
    Store,
    WideTokenEmbedder,
)
from rag.types import Hit


@dataclass(frozen=True, slots=True)
class Stages:
    """A built pipeline: what the answer graph runs on. `hopper` is None in a pipeline without hops.

    `witness` raises CorruptError for hits that are not what the index's manifest says; without an index it trusts.
    `check` is called between steps: what it raises ends the question.
    """

    connector: Connector
    chunker: Chunker
    embedder: Embedder
    store: Store
    retriever: Retriever
    hopper: Hopper | None
    reranker: Reranker
    generator: Generator
    settings: Settings
    fingerprints: Mapping[str, str]
    executor: Executor
    witness: Callable[[Sequence[Hit]], None] = lambda hits: None
    check: Callable[[], None] = lambda: None


def build(config: PipelineConfig, *, path: str = "", readonly: bool = True, models: Stages | None = None) -> Stages:
    """Every stage, constructed but with no model loaded. `path` is the folder of an embedded store.

    A component of `models` that is equal to one that would be made takes its place, with what it has loaded.

    A stage that a pipeline leaves out: `hop` means no hops, `rerank` keeps the order, `sparse` means dense only.
    Raises ConfigError, as `check` does.
    """
    checked = check(config)
    given: dict[str, Any] = {"path": path, "readonly": readonly, "generation": ""}
    loaded = [getattr(models, field.name) for field in dataclasses.fields(Stages)] if models else []

    def reuse(new: Any) -> Any:
        return next((old for old in loaded if type(old) is type(new) and old == new), new)

    def make(kind: str) -> Any:
        cls, options = checked[kind]
        fields = {field.name for field in dataclasses.fields(cls)} & injected(kind)
        if missing := fields - given.keys():
            raise _error(config, kind, f"{', '.join(sorted(missing))} cannot be given to a {kind} stage.")
        try:
            return reuse(cls(**options, **{name: given[name] for name in fields}))
        except (ConfigError, ValueError, TypeError) as error:
            raise _error(config, kind, str(error).removeprefix(f"{kind}: ").removeprefix(f"{kind}.")) from error

    embedder: Embedder = make("embed")
    fingerprints = {"embed": embedder.fingerprint}
    if "sparse" in checked:
        if "sparse" in embedder.representations:
            raise _error(config, "sparse", "embed makes sparse vectors itself; leave out this stage or `embed.sparse`.")
        sparse: Embedder = make("sparse")
        fingerprints["sparse"] = sparse.fingerprint
        embedder = reuse(resolve(HYBRID)(dense=embedder, sparse=sparse))
    kinds = embedder.representations
    given |= {"embedder": embedder, "dim": embedder.dim, "sparse": "sparse" in kinds, "tokens": "tokens" in kinds}
    given["token_dim"] = embedder.token_dim if "tokens" in kinds and isinstance(embedder, WideTokenEmbedder) else 0
    given["idf"] = embedder.idf if isinstance(embedder, SparseEmbedder) else True
    given["store"] = make("store")
    given["generator"] = make("generate")
    connector: Connector = make("connector")
    chunker: Chunker = make("chunk")  # after the generator, which may write its contexts
    retriever: Retriever = make("retrieve")
    hopper: Hopper | None = make("hop") if "hop" in checked else None
    if problem := _find_mismatch(config, kinds, retriever, hopper):
        raise _error(config, "retrieve.by", problem)
    return Stages(
        connector=connector,
        chunker=chunker,
        embedder=embedder,
        store=given["store"],
        retriever=retriever,
        hopper=hopper,
        reranker=make("rerank") if "rerank" in checked else find("rerank", "none")(),
        generator=given["generator"],
        settings=config.settings,
        fingerprints={"connector": connector.fingerprint, "chunk": chunker.fingerprint, **fingerprints},
        executor=make("ingest") if "ingest" in checked else find("ingest", "processes")(),
    )


def _find_mismatch(config: PipelineConfig, kinds: frozenset[str], retriever: Retriever, hopper: Hopper | None) -> str:
    """Why the retriever cannot search by the vectors that this pipeline makes, or hops with; "" when it can."""
    if not isinstance(retriever, KindRetriever):
        return ""
    if missing := sorted(retriever.needs - kinds):
        ways = [_MAKES[kind] for kind in missing] + [f"search by {' or '.join(sorted(kinds))}"]
        return f"this searches {' and '.join(missing)} vectors, which `embed` does not make: {', or '.join(ways)}."
    if isinstance(hopper, DenseHopper) and "dense" not in retriever.needs:
        hop = f"`hop: {{use: {config.stages['hop']['use']}}}`"
        return (
            f"{hop} asks by dense vectors, which this does not search: say dense or hybrid, or `hop: {{use: links}}`."
        )
    return ""


_MAKES = {
    "dense": "take another `embed`",
    "sparse": "add `sparse: {use: bm25}`",
    "tokens": "say `tokens: true` there",
}


def _error(config: PipelineConfig, kind: str, message: str) -> Exception:
    return refusal(config, [Problem(kind, message)])
