"""A request of an OpenAI-compatible front end: the last message is the question, those before are its conversation."""

import re
from itertools import zip_longest
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.errors import InputError
from rag.llm.rewrite import Turn
from rag.serve.rest import LONGEST

TURNS = 50  # that are looked at
_SOURCES = re.compile(r"\n\nSources:\n.*\Z", re.S)  # behind an answer of `rag.serve.completions`


class Part(BaseModel):
    """A part of a message; only text is read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """What somebody said."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """All of its text."""
        parts = [self.content] if isinstance(self.content, str) else [part.text for part in self.content or ()]
        return "\n".join(parts).strip()


class StreamOptions(BaseModel):
    """Whether the last chunk counts tokens."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """What is used of a request; the rest of OpenAI's options is allowed and changes nothing."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(max_length=400)]
    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None

    @property
    def question(self) -> str:
        """The last message. Raises InputError where it is not the user's, or too long."""
        last = self.messages[-1]
        if last.role != "user" or not last.text:
            raise InputError("the last message is no question of the user. Send one.")
        if len(last.text) > LONGEST:
            raise InputError(f"the question has {len(last.text):,} characters, of {LONGEST:,} at most. Shorten it.")
        return last.text

    @property
    def turns(self) -> list[Turn]:
        """The conversation before: each question with the answer that follows it."""
        said = [message for message in self.messages[:-1] if message.role in ("user", "assistant")]
        turns: list[Turn] = []
        for message, reply in zip_longest(said, said[1:]):
            if message.role == "user" and message.text:
                answered = reply is not None and reply.role == "assistant"
                text = _SOURCES.sub("", reply.text) if reply and answered else ""
                turns.append({"question": message.text, "asked": message.text, "text": text, "short": text})
        return turns[-TURNS:]
