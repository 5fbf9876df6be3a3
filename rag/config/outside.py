"""What a pipeline uses from outside an index: servers, files, plug-ins. An index alone is no reason to use these.

Numbers, switches and fixed choices are harmless, and so are the words of WORDS. Any other text that a pipeline gives
counts as the name of a file, whatever it is: what is not known here is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from rag.config.options import schema
from rag.errors import ConfigError
from rag.registry import find, names

if TYPE_CHECKING:
    from rag.config.file import PipelineConfig

PIPELINE_ENV = "RAGHOP_PIPELINE"  # the variable that stands for --pipeline
SERVERS = frozenset({
    ("embed", "http"), ("generate", "openai"), ("ingest", "dask"), ("ingest", "ray"), ("rerank", "http"),
    ("store", "qdrant"),
})  # fmt: skip
SHIPPED = ("rag.", "rag_connectors.")
WORDS = frozenset({
    "access", "collection", "device", "document_prefix", "document_suffix", "dtype", "exclude", "id_field", "include",
    "instruction", "language", "languages", "late_separator", "query_prefix", "query_suffix", "separator",
    "text_field", "title_field",
})  # fmt: skip


def refuse_outside(config: PipelineConfig) -> None:
    """Raises ConfigError where a pipeline of which only the index speaks uses anything from outside it."""
    if found := [what for kind in config.stored for what in find_outside(kind, config.stages[kind])]:
        raise ConfigError(explain(config.reference, f"which uses {' and '.join(found)}"))


def explain(reference: str, why: str) -> str:
    """What an index was built with, why that is not used on its word alone, and how its user allows it."""
    reference = " ".join(reference.split())  # whoever made the index writes no lines of ours
    return (
        f"This index was built with the pipeline {reference}, {why}. The word of an index is not enough for that: if "
        f"the pipeline is yours, add --pipeline {reference}, or set {PIPELINE_ENV} to it."
    )


def is_own(kind: str, name: str) -> bool:
    """Whether a component comes with raghop and works in this process alone."""
    return names(kind).get(name, "").startswith(SHIPPED) and (kind, name) not in SERVERS


def strip(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A stage without what it says about a server, and a plug-in without its options."""
    if is_own(kind, given["use"]):
        return dict(given)
    return {"use": given["use"]}


def find_outside(kind: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What a stage uses from outside an index, in words."""
    if (kind, given["use"]) in SERVERS:
        yield f"a server ({kind}: {given['use']})"
    elif not is_own(kind, given["use"]):
        yield f"a plug-in ({kind}: {given['use']})"
    else:
        cls: Any = find(kind, given["use"])
        fields = schema(cls, kind).model_fields
        for option, value in given.items():
            field = fields.get(option)  # one that is not known is refused as such
            if field and option not in WORDS and value != field.default and not _is_harmless(field.annotation):
                yield f"a file ({kind}.{option})"


def _is_harmless(annotation: Any) -> bool:
    """Whether no value of this type is the name of anything."""
    if get_origin(annotation) is Literal:
        return True
    inner = get_args(annotation)
    return all(map(_is_harmless, inner)) if inner else annotation in (int, float, bool, type(None), ...)
