"""What may stand under a stage: the fields of its component, as a pydantic model and as a JSON Schema.

A field is an option unless the pipeline fills it in (`rag.stages.INJECTED`). Its type, bounds and description are in
its annotation: `size: Annotated[int, Field(ge=8, description="Tokens of a chunk at most.")] = 200`.
"""

import dataclasses
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, Field, ValidationError, create_model

from rag.errors import MissingExtra
from rag.registry import did_you_mean, find, names
from rag.stages import INJECTED, INJECTED_IN_STORE, STAGES

_SUBJECT = re.compile(r"^(?:Input|String|List|Tuple|Dictionary) (?=should )")  # the option itself is named before
REQUIRED = ("connector", "chunk", "embed", "store", "retrieve", "generate")


@dataclass(frozen=True, slots=True)
class Settings:
    """What belongs to no stage."""

    description: Annotated[str, Field(description="What the pipeline is for, in a sentence.")] = ""
    k: Annotated[int, Field(ge=1, description="Passages that an answer is made from.")] = 8
    depth: Annotated[int, Field(ge=1, description="Passages that are found for each query, before ranking.")] = 30
    unsupported: Annotated[
        Literal["drop", "flag", "fail"],
        Field(description="What happens to a sentence that the verifier rejects; `fail` withholds the whole answer."),
    ] = "drop"


def injected(kind: str) -> frozenset[str]:
    """The fields of a stage that the pipeline fills in."""
    return INJECTED_IN_STORE if kind == "store" else INJECTED


@cache
def schema(cls: Any, kind: str = "") -> type[BaseModel]:
    """The options of a component as a pydantic model that refuses any other."""
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.name in injected(kind):
            continue
        default: Any = ...
        if f.default is not dataclasses.MISSING:
            default = f.default
        elif f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        fields[f.name] = (hints[f.name], default)
    return create_model(cls.__name__, __config__={"extra": "forbid", "protected_namespaces": ()}, **fields)


def validate(cls: Any, kind: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Every option with its value, defaults filled in; and what is wrong, as (option, message)."""
    model = schema(cls, kind)
    try:
        checked = model.model_validate(dict(given))
    except ValidationError as error:
        return {}, [(".".join(map(str, one["loc"])), _message(one, model)) for one in error.errors()]
    return {name: getattr(checked, name) for name in model.model_fields}, []


def _message(error: Any, model: type[BaseModel]) -> str:
    """What pydantic found, in our words, with what would be right."""
    known, option = list(model.model_fields), str(error["loc"][-1])
    if error["type"] == "extra_forbidden":
        return f"unknown option.{did_you_mean(option, known)} Known: {', '.join(known)}."
    if error["type"] == "missing":
        return f"missing; {model.__name__} cannot do without it."
    values = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    problem = _SUBJECT.sub("", error["msg"]).partition(", unable")[0].partition(" after validation")[0]
    return f"{problem}, not {error['input']!r}.{did_you_mean(str(error['input']), values)}"


def json_schema() -> dict[str, Any]:
    """A JSON Schema of pipeline files, for editors. Components whose extra is not installed are left out."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for kind in STAGES:
        variants = []
        for name in sorted(names(kind)):
            with suppress(MissingExtra):
                cls: Any = find(kind, name)
                body = schema(cls, kind).model_json_schema(ref_template=f"#/$defs/{kind}.{name}.{{model}}")
                definitions.update({f"{kind}.{name}.{k}": v for k, v in body.pop("$defs", {}).items()})
                body["properties"] = {"use": {"const": name}, **body.get("properties", {})}
                body["required"] = ["use", *body.get("required", [])]
                variants.append(body)
        properties[kind] = {"oneOf": variants}
    settings = schema(Settings).model_json_schema()["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "raghop pipeline",
        "type": "object",
        "properties": {**settings, **properties},
        "required": list(REQUIRED),
        "additionalProperties": False,
        "$defs": definitions,
    }
