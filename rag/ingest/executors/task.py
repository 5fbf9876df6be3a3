"""What a worker does: it reads and cuts sources, or embeds a slice of chunks, and seals what came of it.

A task is a function of its data alone, so it may be done again anywhere, and twice. It carries the fingerprints of what
shapes its result: a worker with other parsers or models refuses it. A result carries the digests of what was asked and
of what came of it; the ingest compares both before it believes one.
"""

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from rag import errors
from rag.config import PipelineConfig, Settings, Stages, build
from rag.errors import MismatchError, RagError
from rag.ingest.alone import describe, is_alone
from rag.ingest.cut import cut
from rag.ingest.load import load
from rag.ingest.vectorize import keys_of
from rag.ingest.work import Made, Read, make
from rag.types import Chunked, Source

_ONE = threading.Lock()  # tasks of a worker with several threads wait for each other: stages load models on first use


class WorkerTask(NamedTuple):
    """What is asked of a worker: a name of STEPS, a pipeline as `describe_pipeline` has it, and the step's data."""

    step: str
    pipeline: str
    fingerprints: Mapping[str, str]
    data: Any

    @property
    def digest(self) -> str:
        """Of all of it."""
        return _digest([self.step, self.pipeline, sorted(self.fingerprints.items()), STEPS[self.step].name(self.data)])


class Failure(NamedTuple):
    """An exception that a worker met; one that `ends` the ingest is not about a single document."""

    kind: str
    message: str
    ends: bool

    def error(self, worker: str) -> Exception:
        """The same for the ingest."""
        known = getattr(errors, self.kind, None)
        if not self.ends:
            own: type[Exception] = type(self.kind, (Exception,), {})
            return own(self.message)
        if isinstance(known, type) and issubclass(known, RagError) and known is not errors.BusyError:
            return known(f"worker {worker}: {self.message}")
        return RagError(f"worker {worker}: {self.kind}: {self.message}")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a task, by which worker, in how many seconds; `value` is the step's, None with a `failure`."""

    task: str
    worker: str
    seconds: float
    value: Any
    digest: str
    failure: Failure | None = None


class ReadData(NamedTuple):
    """Sources, and the sha256 of each that needs no cutting."""

    sources: Sequence[Source]
    same: Sequence[str]


class EmbedData(NamedTuple):
    """A slice of chunks with their keys; whether tokens are counted."""

    part: Sequence[Chunked]
    keys: Sequence[Sequence[str]]
    counting: bool


class Step(NamedTuple):
    """How a kind of task is done, and what names its data and its value in a digest."""

    do: Callable[[Stages, Any], Any]
    name: Callable[[Any], Any]
    content: Callable[[Any], Any]


def describe_pipeline(config: PipelineConfig) -> str:
    """A pipeline as text, by which a worker builds it; secrets are named by their variables alone."""
    stages = {kind: given for kind, given in config.stages.items() if kind not in ("ingest", "store")}
    stages["store"] = {"use": "edge"}  # never opened
    return json.dumps([config.name, config.origin, stages, asdict(config.settings)], sort_keys=True)


def run(task: WorkerTask) -> Result:
    """Do it, here."""
    began = time.monotonic()
    value, failure, digest = None, None, ""
    with _ONE:
        try:
            value = STEPS[task.step].do(_stages(task.pipeline, json.dumps(dict(task.fingerprints))), task.data)
            digest = digest_of(task.step, value)
        except Exception as error:
            message = describe(error).partition(": ")[2] if is_alone(error) else str(error)
            failure = Failure(type(error).__name__, message, not is_alone(error))
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return Result(task.digest, worker, time.monotonic() - began, value, digest, failure)


def digest_of(step: str, value: Any) -> str:
    """Of what came of a task."""
    return _digest(STEPS[step].content(value))


def slim(part: Sequence[Chunked]) -> list[Chunked]:
    """A slice without texts that no vector depends on: only windows are embedded with what is around them."""
    return [c if c.window else replace(c, document=replace(c.document, text="", sections=())) for c in part]


@lru_cache(maxsize=2)
def _stages(pipeline: str, fingerprints: str) -> Stages:
    name, origin, stages, settings = json.loads(pipeline)
    built = build(PipelineConfig(name, origin, stages, Settings(**settings)))
    asked = json.loads(fingerprints)
    if other := sorted(kind for kind in asked if built.fingerprints.get(kind) != asked[kind]):
        raise MismatchError(
            f"its {' and '.join(other)} would make other results than here. Install the same version of raghop with "
            "the same extras and models on every machine."
        )
    return built


def _read(stages: Stages, data: ReadData) -> list[Read]:
    same = {source.name: sha256 for source, sha256 in zip(data.sources, data.same, strict=True)}
    results = {}
    for loaded in load(stages.connector, data.sources):
        if same[loaded.source.name] == loaded.sha256 != "":
            results[loaded.source.name] = Read(replace(loaded, documents=()), ())
        else:
            reasons: dict[str, str] = {}
            results[loaded.source.name] = Read(loaded, cut(stages, loaded.documents, reasons), reasons)
    return [results[source.name] for source in data.sources]


def _embed(stages: Stages, data: EmbedData) -> Made:
    if keys_of(stages, data.part) != data.keys:
        raise MismatchError("it would store these vectors under other keys. Install the same version of raghop there.")
    return make(stages, data.part, counting=data.counting)


def _name_read(read: Read) -> Any:
    cuts = [cut and (cut.chunked.document.digest, cut.keys, cut.unread) for cut in read.cuts or ()]
    chunks = [(c.id, c.start, c.end, c.context) for cut in read.cuts or () if cut for c in cut.chunked.chunks]
    loaded = read.loaded
    return loaded.source.name, loaded.status, loaded.reason, loaded.sha256, cuts, chunks, sorted(read.reasons.items())


def _arrays(made: Made) -> Any:
    rows = made.embeddings
    sparse = [(one.indices.tobytes().hex(), one.values.tobytes().hex()) for one in rows.sparse or ()]
    dense = [array.tobytes().hex() for array in (rows.dense, *(rows.tokens or ())) if array is not None]
    return dense, sparse, made.tokens


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


STEPS = {
    "read": Step(
        _read,
        lambda data: [(s.name, s.path, s.stamp, sha256) for s, sha256 in zip(data.sources, data.same, strict=True)],
        lambda reads: [_name_read(read) for read in reads],
    ),
    "embed": Step(_embed, lambda data: data.keys, _arrays),
}
