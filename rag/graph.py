"""The answer graph, in LangGraph: retrieve -> (hop -> retrieve)* -> rank -> generate -> verify; and a conversation's.

The only module that imports langgraph. Nodes are a few lines: call a stage, return a partial state; those of a search
are in `rag.steps`. Built stages travel as runtime context, so that checkpoints hold data and never models.
"""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypedDict, TypeVar, cast

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langsmith import tracing_context

from rag.answer.citations import CheckedSentence, check, compose, say, sentences
from rag.answer.verify import ACCEPTED
from rag.config import Stages
from rag.errors import CorruptError
from rag.explore import IndexFinder
from rag.generate.reader import ReaderGenerator
from rag.hop.identified import select_evidence
from rag.index import chats
from rag.index.chats import CheckedSerializer
from rag.index.tables import REPAIR, map_errors
from rag.llm.rewrite import Turn
from rag.stages import Confident, Exploring, LanguageModel, Weighing
from rag.steps import Emit, Node, State, after_hop, after_retrieve, hop, rank, retrieve
from rag.types import Answer

T = TypeVar("T")


def _time_node(node: Node) -> Callable[..., dict[str, Any]]:
    """A node of the graph from a function of state, stages and event writer; adds its name and time to the trace."""

    def run(state: State, runtime: Runtime[Stages]) -> dict[str, Any]:
        runtime.context.check()
        started = time.perf_counter()
        update = node(state, runtime.context, runtime.stream_writer)
        step = {"step": node.__name__, **update.pop("notes", {}), "seconds": time.perf_counter() - started}
        runtime.stream_writer({"step": step})
        return {**update, "trace": [step]}

    return run


def generate(state: State, stages: Stages, emit: Emit) -> dict[str, Any]:
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

    for text in say(judge_all(), policy=stages.settings.unsupported):
        emit({"text": text})
    cited = {hit.chunk.id for hit in hits}
    others = [hit for hit in others if hit.chunk.id not in cited]
    update = {"hits": [*hits, *others], "checked": checked, "usage": usage, "confidence": None}
    if finder.calls:
        update["notes"] = {"calls": finder.calls}
    if isinstance(stages.generator, Weighing):
        update["sides"] = stages.generator.sides(question, hits)
    if not isinstance(stages.generator, Confident):
        return update
    confidence = stages.generator.confidence(question, hits)
    return {**update, "confidence": confidence, "notes": {"confidence": round(confidence, 3)}}


def _leaves_room(stages: Stages, checked: Sequence[CheckedSentence]) -> bool:
    """Whether a language model said nothing that can be said, so that evidence may take the place of its answer.

    Where doubtful statements are shown, or one of them withholds the rest, evidence would make them part of an answer.
    """
    unsaid = not any(sentence.statement.verdict in ACCEPTED for sentence in checked)
    droppable = not checked or stages.settings.unsupported == "drop"
    return isinstance(stages.generator, LanguageModel) and unsaid and droppable


@cache
def _evidence_reader() -> ReaderGenerator:
    """The shipped reader: what it quotes is exact, whatever a language model made of the passages."""
    return ReaderGenerator()


def verify(state: State, stages: Stages, emit: Emit) -> dict[str, Any]:
    """One answer from the checked sentences; without support it says nothing."""
    answer = compose(state["question"], state["checked"], state["hits"], policy=stages.settings.unsupported)
    verdicts = [statement.verdict for statement in answer.statements]
    sides = state.get("sides", ()) if answer.level == "evidence" else ()
    answer = replace(answer, usage=state["usage"], confidence=state.get("confidence"), sides=sides)
    return {"answer": answer, "notes": {"verdicts": verdicts, "level": answer.level}}


def _after_retrieve(state: State, runtime: Runtime[Stages]) -> str:
    return after_retrieve(state, runtime.context)


@cache
def compile_graph(*, hops: bool) -> CompiledStateGraph[State, Stages, State, State]:
    """The graph of a pipeline."""
    graph = StateGraph(State, context_schema=Stages)
    graph.add_node("retrieve", _time_node(retrieve))
    graph.add_node("rank", _time_node(rank))
    graph.add_edge(START, "retrieve")
    if hops:
        graph.add_node("hop", _time_node(hop))
        graph.add_conditional_edges("retrieve", _after_retrieve, ["hop", "rank"])
        graph.add_conditional_edges("hop", after_hop, ["retrieve", "rank"])
    else:
        graph.add_edge("retrieve", "rank")
    graph.add_sequence([("generate", _time_node(generate)), ("verify", _time_node(verify))])
    graph.add_edge("rank", "generate")
    graph.add_edge("verify", END)
    return graph.compile()


def run_untraced(events: Iterator[T]) -> Iterator[T]:
    """The events of a graph that nothing is told of but its caller: LANGSMITH_TRACING sends passages nowhere."""
    context = copy_context()
    context.run(tracing_context(enabled=False).__enter__)
    end = object()
    while (event := context.run(next, events, end)) is not end:
        yield cast(T, event)


TURNS = 20  # of a conversation that are kept


def _append(turns: list[Turn], more: list[Turn]) -> list[Turn]:
    return [*turns, *more][-TURNS:]


class ConversationState(TypedDict, total=False):
    """What is kept of a conversation: plain text. `asked` is the question as it stands alone."""

    question: str
    asked: str
    turns: Annotated[list[Turn], _append]


@dataclass(frozen=True, slots=True)
class ConversationSteps:
    """What a turn needs: `rewrite` makes a question stand alone, `answer` gives the events of its answer."""

    rewrite: Callable[[str, list[Turn]], str]
    answer: Callable[[str], Iterator[Any]]


def rewrite(state: ConversationState, runtime: Runtime[ConversationSteps]) -> ConversationState:
    """The question as it can be asked without the conversation."""
    question = runtime.context.rewrite(state["question"], state.get("turns", []))
    runtime.stream_writer(question)
    return {"asked": question}


def answer(state: ConversationState, runtime: Runtime[ConversationSteps]) -> ConversationState:
    """The answer's events, passed on as they come, and what is kept of it."""
    result: Answer | None = None
    for event in runtime.context.answer(state["asked"]):
        runtime.stream_writer(event)
        result = event.data if event.kind == "answer" else result
    text, short = (result.text, result.short) if result else ("", "")
    return {"turns": [{"question": state["question"], "asked": state["asked"], "text": text, "short": short}]}


def compile_conversation(
    checkpointer: Any,
) -> CompiledStateGraph[ConversationState, ConversationSteps, ConversationState, ConversationState]:
    """The graph of a conversation's turn."""
    graph = StateGraph(ConversationState, context_schema=ConversationSteps)
    graph.add_sequence([rewrite, answer])
    graph.add_edge(START, "rewrite")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)


class Checkpoints(SqliteSaver):
    """LangGraph's checkpoints in a file, each with its checksum. Raises CorruptError, SpaceError."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection, serde=CheckedSerializer(JsonPlusSerializer(allowed_msgpack_modules=None)))
        self._path = path

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """What everything that is read and written goes through."""
        with map_errors(self._path, "file of the conversations"), super().cursor(transaction) as cursor:
            yield cursor


@contextmanager
def open_checkpoints(path: Path) -> Iterator[Checkpoints]:
    """Checkpoints in a file, of which only plain data is read. Raises CorruptError, SpaceError."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        if wrong := chats.find_damage(path):
            raise CorruptError(f"{path}: the file of the conversations is damaged: {wrong}. {REPAIR}")
        with map_errors(path, "file of the conversations"):
            (saver := Checkpoints(connection, path)).setup()
        yield saver
