"""Drafts rewritten by a language model into the words a person would use, where the answer stays the same.

The model gets the quotes and the mined question; its rewrite is taken when it is one question, does not hold the
answer, and the model, asked the rewrite over the same quotes, gives the answer. Otherwise the mined question stays.
"""

from __future__ import annotations

from dataclasses import replace

from rag.errors import GeneratorError
from rag_evals.make.draft import Draft, sound
from rag_evals.metrics.answer import answer_contains
from rag_evals.model import Model

_ASK = (
    "Rewrite this question so that it sounds like one a person would ask, in one short sentence, with the same meaning "
    'and the same answer, without naming "{answer}". Write the question alone, without passage numbers: {question}'
)


def rewrite(draft: Draft, model: Model) -> tuple[Draft, str]:
    """The draft with a better question and "", or as it was and why."""
    quotes = [support.quote for support in draft.supports]
    try:
        asked = model(_ASK.format(answer=draft.answer, question=draft.question), quotes).strip("\"'“” ")
        better = replace(draft, question=asked)
        if asked.count("?") != 1 or not asked.endswith("?") or not sound(better):
            return draft, "the model wrote no usable question"
        if not answer_contains(model(asked, quotes), [draft.answer]):
            return draft, "the model's question has another answer"
    except GeneratorError as error:
        return draft, str(error)
    return better, ""
