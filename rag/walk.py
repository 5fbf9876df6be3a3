"""The walk from a question to its answer: retrieve -> (hop -> retrieve)* -> rank -> generate -> verify.

Steps are plain functions that call a stage and return what they change of the state; `FLOW` says what follows. What was
found is one tree: a chunk enters it once, at the hop that found it first, with the trail that led there. A search
leaves the walk after `rank`. `walk` runs the steps one after the other; `rag.graph` makes nodes of LangGraph of them.
"""

import operator
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypedDict, cast

import numpy as np

from rag.answer.citations import CheckedSentence, check, compose, say, sentences
from rag.answer.verify import ACCEPTED
from rag.config import Stages
from rag.errors import ConfigError
from rag.explore import IndexFinder
from rag.hop.identified import put_first, select_evidence
from rag.reader.echo import leave_room
from rag.stages import Confident, Exploring, Hopper, LanguageModel, PruningHopper, Weighing
from rag.types import Answer, AnswerSide, Filter, Hit, Query, Vector, narrow

if TYPE_CHECKING:
    from rag.generate.reader import ReaderGenerator


class State(TypedDict, total=False):
    """What travels from step to step: plain data."""

    question: str
    k: int
    filter: Filter | None
    root: Query
    frontier: list[Query]
    found: list[list[Hit]]  # of each query of the frontier, what was not in the tree before
    tree: Annotated[list[Hit], operator.add]
    hits: list[Hit]
    checked: list[CheckedSentence]
    usage: Mapping[str, Any]
    confidence: float | None
    sides: tuple[AnswerSide, ...]
    answer: Answer
    trace: Annotated[list[Mapping[str, Any]], operator.add]


Update: TypeAlias = dict[str, Any]  # what a step changes of the state, and its "notes" for the trace
Step: TypeAlias = Callable[[State, Stages], Iterator[str | Update]]  # texts that may be said, last of all the update
Event: TypeAlias = Mapping[str, Any]  # {"text": what may be said next} or {"step": what a step did}


def retrieve(state: State, stages: Stages) -> Update:
    """Search for the frontier; keep what the tree does not hold yet."""
    frontier = state.get("frontier") or [
        replace(query, filter=state.get("filter")) for query in stages.retriever.prepare([state["question"]])
    ]
    tree = state.get("tree", [])
    found = stages.retriever.retrieve(frontier, k=max(state["k"], stages.settings.depth))
    if isinstance(stages.hopper, PruningHopper):
        found = stages.hopper.prune(frontier, found, tree)
        fresh = _drop_known(found, tree)
    else:
        found = fresh = _drop_known(found, tree)
    new = [hit for hits in fresh for hit in hits]
    notes = {"hop": frontier[0].hop, "queries": len(frontier), "new": len(new)}
    root = state.get("root", frontier[0])
    return {"root": root, "frontier": frontier, "found": found, "tree": new, "notes": notes}


def _drop_known(found: Sequence[Sequence[Hit]], tree: Sequence[Hit]) -> list[list[Hit]]:
    """What is neither in the tree nor in an earlier list."""
    seen = {hit.chunk.id for hit in tree}
    fresh: list[list[Hit]] = []
    for hits in found:
        fresh.append([hit for hit in hits if hit.chunk.id not in seen])
        seen.update(hit.chunk.id for hit in hits)
    return fresh


def hop(state: State, stages: Stages) -> Update:
    """The next frontier, narrowed by the question's own filter; empty when the hopper stops."""
    queries = _hopper(stages).hop(state["frontier"], state["found"])
    queries = [replace(query, filter=narrow(query.filter, state.get("filter"))) for query in queries]
    return {"frontier": queries, "notes": {"queries": len(queries)}}


def rank(state: State, stages: Stages) -> Update:
    """One list from the tree, reranked, cut to k; what leaves here is what the manifest says."""
    tree, root = state["tree"], state["root"]
    *_, (_, hits) = order_tree(state["question"], root, tree, stages, k=state["k"])
    stages.witness(hits)
    hits = [replace(hit, cosine=cosine(root.dense, hit.vector)) for hit in hits]
    return {"hits": hits, "notes": {"tree": len(tree), "kept": len(hits)}}


def order_tree(
    question: str, root: Query, tree: Sequence[Hit], stages: Stages, *, k: int
) -> Iterator[tuple[str, list[Hit]]]:
    """The tree in one list, after each step: "rank", "rerank" (of as many as `depth`) and "read", the k that are."""
    depth = max(k, stages.settings.depth)
    if stages.hopper is not None:
        hits = stages.hopper.rank(root, tree, k=max(1, len(tree)))
    else:
        hits = sorted(tree, key=lambda h: (-h.score, h.chunk.id))
    hits = put_first(question, hits)  # no reranker may miss what the question identifies
    yield "rank", hits
    hits = stages.reranker.rerank([question], [hits[:depth]])[0] if hits else []
    hits = put_first(question, hits)
    yield "rerank", hits
    passages, documents = [(hit.chunk.heading, hit.chunk.text) for hit in hits], [hit.chunk.doc_id for hit in hits]
    yield "read", [hits[place] for place in leave_room(question, passages, documents, k)]


def cosine(question: Vector | None, passage: Vector | None) -> float | None:
    """That of two vectors; None where one is missing."""
    if question is None or passage is None:
        return None
    return float(question @ passage / max(float(np.linalg.norm(question) * np.linalg.norm(passage)), 1e-9))


def _hopper(stages: Stages) -> Hopper:
    """The hopper of a pipeline that has one."""
    if stages.hopper is None:
        raise ConfigError("this pipeline has no `hop:` stage.")
    return stages.hopper


def generate(state: State, stages: Stages) -> Iterator[str | Update]:
    """The sentences of the answer, each checked as soon as it is whole; what may be said of them is streamed."""
    question = state["question"]
    hits, others = select_evidence(question, state["hits"])
    generator = stages.generator
    explores = generator if isinstance(generator, Exploring) and generator.search else None
    finder = IndexFinder(stages, question, state.get("filter"), state["k"], hits)  # more of them come into `hits`
    checked: list[CheckedSentence] = []
    usage: dict[str, Any] = {}

    def stream() -> Iterator[str]:
        pieces = explores.explore(question, finder) if explores else generator.stream(question, hits)
        reply = cast("Generator[str, None, Any]", pieces)
        usage.update((yield from reply) or {})  # any other iterator gives None

    def judge(pieces: Iterable[str]) -> Iterator[CheckedSentence]:
        for sentence in sentences(pieces):
            stages.check()
            checked.append(check(question, sentence, hits))
            yield checked[-1]

    def judge_all() -> Iterator[CheckedSentence]:
        yield from judge(stream() if hits else ())
        if hits and _leaves_room(stages, checked):
            yield from judge(_evidence_reader().stream_evidence(question, hits))

    yield from say(judge_all(), policy=stages.settings.unsupported)
    cited = {hit.chunk.id for hit in hits}
    others = [hit for hit in others if hit.chunk.id not in cited]
    update = {"hits": [*hits, *others], "checked": checked, "usage": usage, "confidence": None}
    if finder.calls:
        update["notes"] = {"calls": finder.calls}
    if isinstance(stages.generator, Weighing):
        update["sides"] = stages.generator.sides(question, hits)
    if isinstance(stages.generator, Confident):
        confidence = stages.generator.confidence(question, hits)
        update |= {"confidence": confidence, "notes": {"confidence": round(confidence, 3)}}
    yield update


def _leaves_room(stages: Stages, checked: Sequence[CheckedSentence]) -> bool:
    """Whether a language model said nothing that can be said, so that evidence may take the place of its answer.

    Where doubtful statements are shown, or one of them withholds the rest, evidence would make them part of an answer.
    """
    unsaid = not any(sentence.statement.verdict in ACCEPTED for sentence in checked)
    droppable = not checked or stages.settings.unsupported == "drop"
    return isinstance(stages.generator, LanguageModel) and unsaid and droppable


@cache
def _evidence_reader() -> "ReaderGenerator":
    """The shipped reader: what it quotes is exact, whatever a language model made of the passages."""
    from rag.generate.reader import ReaderGenerator

    return ReaderGenerator()


def verify(state: State, stages: Stages) -> Update:
    """One answer from the checked sentences; without support it says nothing."""
    answer = compose(state["question"], state["checked"], state["hits"], policy=stages.settings.unsupported)
    verdicts = [statement.verdict for statement in answer.statements]
    sides = state.get("sides", ()) if answer.level == "evidence" else ()
    answer = replace(answer, usage=state["usage"], confidence=state.get("confidence"), sides=sides)
    return {"answer": answer, "notes": {"verdicts": verdicts, "level": answer.level}}


def _silent(step: Callable[[State, Stages], Update]) -> Step:
    """A step that says nothing on its way."""

    def run(state: State, stages: Stages) -> Iterator[str | Update]:
        yield step(state, stages)

    return run


STEPS: Mapping[str, Step] = {
    "retrieve": _silent(retrieve),
    "hop": _silent(hop),
    "rank": _silent(rank),
    "generate": generate,
    "verify": _silent(verify),
}
FLOW: Mapping[str, tuple[str, ...]] = {  # which steps may follow
    "retrieve": ("hop", "rank"),
    "hop": ("retrieve", "rank"),
    "rank": ("generate",),
    "generate": ("verify",),
    "verify": (),
}


def follow(step: str, state: State, stages: Stages) -> str:
    """The step after one of `FLOW`."""
    if step == "hop":
        return "retrieve" if state["frontier"] else "rank"  # where the hopper stopped
    if step == "retrieve":
        hops = stages.hopper and state["frontier"][0].hop < stages.hopper.hops and any(state["found"])
        return "hop" if hops else "rank"
    return FLOW[step][0]


def run_step(name: str, state: State, stages: Stages) -> Iterator[str | Update]:
    """What a step yields; its update has what it did as its trace, with the seconds that it took by itself."""
    stages.check()
    started = time.perf_counter()
    for part in STEPS[name](state, stages):
        if isinstance(part, str):
            left = time.perf_counter()
            yield part
            started += time.perf_counter() - left
        else:
            told = {"step": name, **part.pop("notes", {}), "seconds": time.perf_counter() - started}
            yield {**part, "trace": [told]}


def walk(state: State, stages: Stages, *, last: str = "verify") -> Iterator[tuple[Event, State]]:
    """What happens up to the end of the step `last`, each event with the state then."""
    step = ""
    while step != last:
        step = follow(step, state, stages) if step else "retrieve"
        for part in run_step(step, state, stages):
            if isinstance(part, str):
                yield {"text": part}, state
            else:
                added = {key: [*state.get(key, []), *part[key]] for key in ("tree", "trace") if key in part}
                state = cast(State, {**state, **part, **added})
                yield {"step": part["trace"][0]}, state
