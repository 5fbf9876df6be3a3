"""A conversation with an index that goes on after a restart: follow-up questions, an answer with citations for each.

    with Pipeline.load(index="./notes") as pipeline, Conversation(pipeline, "routers") as talk:
        answer = talk.ask("Who makes the Lumen K2?")
        answer = talk.ask("Where is its head office?")

The turns are a LangGraph checkpoint in `.rag/chats.sqlite`: plain text of the last turns, no objects, and nothing
else is read from it. `rag purge` removes the file. What it does not do: answer from the conversation; every answer
comes from the documents and is checked against them.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from rag.index.chats import NAME
from rag.index.unwritable import may_write
from rag.llm.rewrite import Turn, rewrite_question
from rag.pipeline import Event, Pipeline
from rag.types import Answer, Filter


class Conversation:
    """A named conversation on a pipeline's index. Use it as a context manager, or call `close`."""

    def __init__(self, pipeline: Pipeline, name: str = "default") -> None:
        self.pipeline = pipeline
        self.name = name
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._resources.close()
        self.__dict__.pop("_graph", None)

    @property
    def is_kept(self) -> bool:
        """Whether it goes on after a restart: not where the index cannot be written."""
        return may_write(self.pipeline.index.path)

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, oldest first."""
        return list(self._graph.get_state(self._config).values.get("turns", []))

    def forget(self) -> None:
        """Start anew."""
        self._graph.checkpointer.delete_thread(self.name)

    def stream(self, question: str, *, k: int | None = None, filter: Filter | None = None) -> Iterator[Event]:
        """Answer a question; as `Pipeline.stream`, and first of all "asked": the question as it stands alone."""
        from rag.graph import ConversationSteps, run_untraced

        steps = ConversationSteps(
            rewrite=lambda question, turns: rewrite_question(question, turns, self.pipeline.stages.generator),
            answer=lambda question: self.pipeline.stream(question, k=k, filter=filter),
        )
        events = self._graph.stream(
            {"question": question}, self._config, context=steps, stream_mode="custom", durability="exit"
        )
        for event in run_untraced(events):
            yield Event("asked", event) if isinstance(event, str) else event

    def ask(self, question: str, *, k: int | None = None, filter: Filter | None = None) -> Answer:
        """Answer a question with checked citations, or abstain."""
        *_, last = self.stream(question, k=k, filter=filter)
        return cast(Answer, last.data)

    @property
    def _config(self) -> dict[str, Any]:
        return {"configurable": {"thread_id": self.name}}

    @cached_property
    def _graph(self) -> Any:
        from rag.graph import compile_conversation, open_checkpoints

        file = self.pipeline.index.private_file(NAME) if self.is_kept else Path(":memory:")
        saver = self._resources.enter_context(open_checkpoints(file))
        return compile_conversation(saver)
