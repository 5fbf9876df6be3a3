"""A baseline file: results that were accepted, small enough for a repository.

{"suite": ..., "runs": [...]} with the runs of `rag eval run --json` less times and slices, numbers rounded to four
places, one run's columns a line each, so that a change reads well in a diff. It is itself a results file:
`rag eval compare` reads it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import InputError

KEPT = ("dataset", "pipeline", "n", "asked", "metrics", "questions")
DIGITS = 4
FILES = (".yaml", ".yml")


def read(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The suite, as `rag_evals.suite.read` takes it, and the runs. Raises InputError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        suite, runs = data["suite"], data["runs"]
        if not runs or not all(run["questions"]["id"] and run["metrics"] for run in runs):
            raise ValueError("a run without questions or metrics")
    except OSError as error:
        hint = "Make one: rag eval gate FILE --suite SUITE --update."
        raise InputError(f"{path}: cannot be read: {error.strerror}. {hint}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a baseline ({type(error).__name__}: {error}).") from error
    return _seen(suite, path), [{**run, "pipeline": _seen(run["pipeline"], path)} for run in runs]


def write(path: Path, suite: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Save runs as a baseline; a suite's or pipeline's file is named as seen from it. Raises InputError."""
    kept = [{name: run[name] for name in KEPT if name in run} for run in runs]
    body = ",\n".join(_run({**run, "pipeline": _named(run["pipeline"], path)}) for run in kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"suite": {json.dumps(_named(suite, path))}, "runs": [\n{body}\n]}}\n', encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from error


def _named(name: str, path: Path) -> str:
    """A shipped name as it is; a file as seen from the baseline at `path`."""
    return Path(os.path.relpath(name, path.parent)).as_posix() if name.endswith(FILES) else name


def _seen(name: str, path: Path) -> str:
    return str((path.parent / name).resolve()) if name.endswith(FILES) else name


def _run(run: Mapping[str, Any]) -> str:
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in run.items() if not isinstance(value, dict)]
    for name, columns in run.items():
        if isinstance(columns, dict):
            lines = (f"  {json.dumps(column)}: {json.dumps(_rounded(value))}" for column, value in columns.items())
            parts.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "}")
    return "{" + ",\n ".join(parts) + "}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        short = round(value, DIGITS)
        return int(short) if short.is_integer() else short
    return value
