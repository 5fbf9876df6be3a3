"""The answer graph, in LangGraph, of the steps of `rag.walk`; and a conversation's.

The only module that imports langgraph. Built stages travel as runtime context, so that checkpoints hold data and never
models.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypedDict, TypeVar, cast

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langsmith import tracing_context

from rag.config import Stages
from rag.errors import CorruptError
from rag.index import chats
from rag.index.chats import CheckedSerializer
from rag.index.tables import REPAIR, map_errors
from rag.llm.rewrite import Turn
from rag.types import Answer
from rag.walk import FLOW, Event, State, Update, follow, run_step

T = TypeVar("T")


def _make_node(name: str) -> Callable[..., Update]:
    """The node of a step: passes on what it says, and what it did."""

    def run(state: State, runtime: Runtime[Stages]) -> Update:
        for part in run_step(name, state, runtime.context):
            if not isinstance(part, str):
                runtime.stream_writer({"step": part["trace"][0]})
                return part
            runtime.stream_writer({"text": part})
        return {}

    return run


def _make_edge(name: str) -> Callable[..., str]:
    def run(state: State, runtime: Runtime[Stages]) -> str:
        return follow(name, state, runtime.context)

    return run


@cache
def compile_graph(*, hops: bool) -> CompiledStateGraph[State, Stages, State, State]:
    """The graph of a pipeline: the steps of `FLOW`, with or without `hop`."""
    graph = StateGraph(State, context_schema=Stages)
    graph.add_edge(START, "retrieve")
    for name, following in FLOW.items():
        if name == "hop" and not hops:
            continue
        graph.add_node(name, _make_node(name))
        ways = [step for step in following if hops or step != "hop"]
        if len(ways) > 1:
            graph.add_conditional_edges(name, _make_edge(name), ways)
        else:
            graph.add_edge(name, ways[0] if ways else END)
    return graph.compile()


def walk_graph(given: State, stages: Stages) -> Iterator[tuple[Event, State]]:
    """As `rag.walk.walk`, by LangGraph."""
    graph, state = compile_graph(hops=stages.hopper is not None), given
    for mode, data in run_untraced(graph.stream(given, context=stages, stream_mode=["custom", "values"])):
        if mode == "values":
            state = cast(State, data)
            yield {}, state
        else:
            yield cast(Event, data), state


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
