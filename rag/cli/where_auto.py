"""`--where auto`: a language model says which conditions a question itself states, of fields that the documents have.

What it says is taken as if it were typed, and shown. A condition of another form, of a field that is not there, or that
no document meets is left out, and so are all that no document meets together: then the question is asked without. The
model sees the question, the names of fields and some of their values; a wrong condition can hide a passage, and puts
nothing into an answer. What it gains was not measured. Source: the self-query retrievers of LangChain and Haystack.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from rag.cli.terminal import fail, line
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.pipeline import Pipeline

AUTO = "auto"
FIELDS, VALUES, LONGEST = 40, 12, 40  # fields that the model is told, values of each, characters of a value
TASK = """\
Documents have the fields below, each with some of its values. Which conditions on these fields does the question state?
Write each on a line of its own, as NAME=VALUE or NAME!=VALUE, for numbers and dates (2024-05-31) also as NAME>=VALUE,
NAME<=VALUE, NAME>VALUE or NAME<VALUE. Take only what the question says: where it states none, write NONE.
<fields>
{fields}
</fields>"""


def derive(pipe: Pipeline, question: str, where: Sequence[str] | None) -> list[str] | None:
    """The conditions given, with those that the question states in place of "auto"; stderr says which.

    Raises ConfigError for a pipeline without a language model, GeneratorError.
    """
    if not where or AUTO not in where:
        return list(where) if where else None
    from rag.retrieve.writing import require_language_model, write

    model = require_language_model(pipe.stages.generator, "--where auto")
    fields = _list_fields(pipe.index)
    reply = write(model, TASK.format(fields=fields), question) if fields else ""
    found = [text for one in reply.splitlines() if (text := one.strip(" \t-*`")) and _is_met(pipe.index, [text])]
    found = list(dict.fromkeys(found))
    if found and not _is_met(pipe.index, found):
        found = []
    fail(f"--where auto: {', '.join(map(line, found)) or 'the question states no condition'}")
    return [*(one for one in where if one != AUTO), *found]


def _list_fields(index: Index) -> str:
    from rag.index.fields import field_names, field_values

    with closing(index.read_manifest()) as manifest:
        known = {name: sorted(field_values(manifest, name), key=str) for name in field_names(manifest)[:FIELDS]}
    shown = {
        name: [values[i * len(values) // VALUES] for i in range(VALUES)] if len(values) > VALUES else values
        for name, values in known.items()
    }
    return "\n".join(
        f"{name}: {', '.join(line(str(value))[:LONGEST] for value in values)}" for name, values in shown.items()
    )


def _is_met(index: Index, conditions: Sequence[str]) -> bool:
    """Whether they are conditions that a document meets."""
    from rag.cli.where import make_filter
    from rag.index.visible import list_documents

    try:
        filter = make_filter(index, None, conditions)
    except InputError:
        return False
    with closing(index.read_manifest()) as manifest:
        return bool(list_documents(manifest, filter, limit=1))
