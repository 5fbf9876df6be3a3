"""Every stage's name and options against its component, all problems at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.config.options import validate
from rag.config.outside import refuse_outside
from rag.errors import ConfigError, MissingExtra, RagError
from rag.registry import find
from rag.text.urls import redact

if TYPE_CHECKING:
    from rag.config.file import PipelineConfig


class Problem(NamedTuple):
    """What is wrong under which key path of a file, and the error it is where it stands alone."""

    key: str
    message: str
    error: type[RagError] = ConfigError


def check(config: PipelineConfig) -> Mapping[str, tuple[type[Any], dict[str, Any]]]:
    """The class and the options of every stage, defaults filled in. Imports the components, loads no model.

    Raises ConfigError with every problem of the file, a line each, or where only an index speaks of what it uses from
    outside; MissingExtra where the only problem is a component whose library is not installed.
    """
    refuse_outside(config)
    checked, problems = inspect(config)
    if problems:
        raise refusal(config, problems)
    return checked


def inspect(config: PipelineConfig) -> tuple[dict[str, tuple[type[Any], dict[str, Any]]], list[Problem]]:
    """The stages that are right, as `check` returns them, and what is wrong with the others."""
    checked: dict[str, tuple[type[Any], dict[str, Any]]] = {}
    problems: list[Problem] = []
    for kind, given in config.stages.items():
        try:
            cls = find(kind, given["use"])
        except (ConfigError, MissingExtra) as error:
            problems.append(Problem(f"{kind}.use", str(error).partition(": ")[2], type(error)))
            continue
        options, wrong = validate(cls, kind, {name: value for name, value in given.items() if name != "use"})
        checked[kind] = cls, options
        problems += [Problem(f"{kind}.{option}", message) for option, message in wrong]
    return checked, problems


def refusal(config: PipelineConfig, problems: Sequence[Problem]) -> RagError:
    """One error that names every problem, by line."""
    if len(problems) == 1:
        return problems[0].error(redact(config.place(problems[0].key) + problems[0].message))
    ordered = sorted(problems, key=lambda problem: config.line(problem.key))
    listed = "".join(f"\n  {config.place(problem.key)}{problem.message}" for problem in ordered)
    return ConfigError(redact(f"{config.origin}: {len(problems)} problems:{listed}"))
