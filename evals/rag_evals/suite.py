"""A suite: datasets x pipelines x cut-offs, as YAML.

    k: [5, 10]
    answers: true
    datasets:
      - {questions: ../data/questions.jsonl, corpus: ../data/corpus.jsonl.gz, name: mine, limit: 100}
    pipelines: [default, fast]

Paths are relative to the suite's file; a pipeline is a shipped name or such a path. `format` names a dataset's format
where its fields do not say it; `answers` may be a number of questions to answer, evenly spread over each dataset.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import ConfigError, InputError
from rag.registry import did_you_mean
from rag_evals.datasets import Dataset, load


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuiteDataset(_Strict):
    """A dataset of a suite: its files, and how many of its questions to ask (all, unless there is a limit)."""

    questions: str
    corpus: str | None = None
    name: str | None = None
    format: str | None = None
    limit: Annotated[int, Field(ge=1)] | None = None

    def load(self) -> Dataset:
        """The dataset, cut to the limit. Raises InputError."""
        dataset = load(self.questions, self.corpus, format=self.format, name=self.name)
        return replace(dataset, questions=dataset.questions[: self.limit])


class Suite(_Strict):
    """What `rag eval run` runs."""

    datasets: Annotated[tuple[SuiteDataset, ...], Field(min_length=1)]
    pipelines: Annotated[tuple[str, ...], Field(min_length=1)] = ("default",)
    k: Annotated[tuple[Annotated[int, Field(ge=1, le=300)], ...], Field(min_length=1)] = (5, 10)
    answers: bool | Annotated[int, Field(ge=1)] = False
    description: str = ""


def folder() -> Path:
    """Where the shipped suites are: in the wheel, or beside the package in a checkout."""
    here = Path(__file__).parent
    installed = here / "shipped" / "suites"
    return installed if installed.is_dir() else here.parent / "suites"


def read(name: str) -> Suite:
    """A shipped suite by name or a file by path, its paths made absolute. Raises InputError, ConfigError."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = folder() / f"{name}.yaml"
        known = sorted(file.stem for file in folder().glob("*.yaml"))
        if name not in known:
            shipped = f"Shipped: {', '.join(known)}; or" if known else "None is shipped;"
            raise InputError(f"suite {name!r}: no such suite.{did_you_mean(name, known)} {shipped} give a .yaml file.")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        suite = Suite.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the suite"
        raise ConfigError(f"{path}: {key}: {first['msg']}. Known keys: {', '.join(Suite.model_fields)}.") from error
    here = path.resolve().parent
    sources = tuple(
        source.model_copy(
            update={
                "questions": str(here / source.questions),
                "corpus": source.corpus and str(here / source.corpus),
            }
        )
        for source in suite.datasets
    )
    pipelines = tuple(
        str((here / name).resolve()) if Path(name).suffix in (".yaml", ".yml") else name for name in suite.pipelines
    )
    return suite.model_copy(update={"datasets": sources, "pipelines": pipelines})
