"""The language model a user names for an evaluation: a URL with a model's name, a local model, or "auto".

It is asked through the same generators as `rag ask --llm`, so a reply comes with their rules: it may carry markers,
and it is empty where the model says that the passages do not hold the answer. Nothing is contacted unless named.
"""

from __future__ import annotations

import re
from typing import Protocol

from rag import Chunk, Hit
from rag.cli.options import name_model
from rag.config import build, load

_MARKER = re.compile(r"\s*[\[【]\d+[\]】]")


class Model(Protocol):
    """Something that answers a question from passages."""

    def __call__(self, question: str, passages: list[str]) -> str:
        """The reply without markers, on one line. Raises what the generator raises."""
        ...


def model(llm: str, name: str | None) -> Model:
    """The model that --llm and --model name. Raises InputError, ConfigError, GeneratorError."""
    stage = name_model(llm, name)
    generator = build(load("default").with_stage("generate", stage)).generator

    def ask(question: str, passages: list[str]) -> str:
        hits = [
            Hit(Chunk(f"passage-{n}", "passages", text, 0, len(text), "passage"), 1.0)
            for n, text in enumerate(passages)
        ]
        return " ".join(_MARKER.sub("", "".join(generator.stream(question, hits))).split())

    return ask
