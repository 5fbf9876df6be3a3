"""The options that several commands share, and what they open."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rag.errors import CorruptError, InputError

if TYPE_CHECKING:
    from rag.config import PipelineConfig
    from rag.index.folder import Index
    from rag.pipeline import Pipeline

PIPELINE = "A shipped pipeline's name or a .yaml file"

PipelineArgument = Annotated[str, Argument(help=f"{PIPELINE}.", metavar="NAME")]
PipelineOption = Annotated[
    str | None,
    Option("--pipeline", metavar="NAME", envvar="RAGHOP_PIPELINE", help=f"{PIPELINE} (default: the index's own)."),
]
IndexOption = Annotated[
    str | None, Option("--index", metavar="FOLDER", help="Folder that holds .rag (default: nearest upward).")
]
TrustOption = Annotated[
    bool, Option("--trust", envvar="RAGHOP_TRUST", help="Use an index that another user made.", show_default=False)
]
WaitOption = Annotated[bool, Option("--wait", help="Wait while another process writes this index.")]
JsonOption = Annotated[bool, Option("--json", help="Print the result as JSON.")]
CountOption = Annotated[
    int | None, Option("--k", "-k", min=1, max=1000, metavar="N", help="How many passages (default: the pipeline's).")
]
SourceOption = Annotated[
    list[str] | None, Option("--source", metavar="PATTERN", help="Only files that match this pattern (repeatable).")
]
_WHERE = "Only documents with this field (=, !=, >=, <=, >, <, in); repeated: any value of a field, every field."
WhereOption = Annotated[list[str] | None, Option("--where", metavar="NAME=VALUE", help=_WHERE)]
WhereAutoOption = Annotated[
    list[str] | None,
    Option("--where", metavar="NAME=VALUE", help=f"{_WHERE} auto: a language model takes them from the question."),
]
LlmOption = Annotated[
    str | None,
    Option(
        "--llm",
        metavar="URL",
        help="Let a language model write: an OpenAI-compatible URL, a folder, a .gguf file, or auto: what runs here.",
    ),
]
LlmModelOption = Annotated[str | None, Option("--model", metavar="NAME", help="The model to ask for with --llm.")]
LOCAL_KEY = "LOCAL_LLM_API_KEY"  # a key meant for another service never goes to whatever listens here


def open_pipeline(
    pipeline: str | None, index: str | None, llm: str | None = None, model: str | None = None, *, trust: bool = False
) -> Pipeline:
    """The pipeline on the index, with a language model for its generator where one is named."""
    from rag.pipeline import Pipeline

    pipe = Pipeline.load(pipeline, index=index, trust=trust)
    if llm is None:
        return pipe
    return Pipeline(pipe.config.with_stage("generate", name_model(llm, model)), pipe.index)


def name_model(llm: str, model: str | None) -> dict[str, str]:
    """The generator that --llm and --model name; of "auto", which is looked for, stderr says what it is.

    Raises InputError, and with "auto" GeneratorError and ConfigError.
    """
    from rag.cli.terminal import fail

    if llm == "auto":
        from rag.llm.local import choose, find_servers

        server, chosen = choose(find_servers(), model)
        fail(f"asking {chosen} ({server.name}, {server.url})")
        return {"use": "openai", "base_url": server.url, "model": chosen, "api_key_env": LOCAL_KEY}
    if not llm.startswith(("http://", "https://")):
        return {"use": "transformers", "model": llm}
    if model is None:
        raise InputError(f"--llm {llm}: a URL needs --model NAME.")
    return {"use": "openai", "base_url": llm, "model": model}


def open_index(index: str | None, pipeline: str | None, *, trust: bool = False) -> tuple[Index, PipelineConfig]:
    """The index and its pipeline: from the vector index where the manifest is damaged, else the default."""
    from rag.config import from_facts, load
    from rag.index.folder import Index

    target = Index.at(index, trust=trust)
    if pipeline:
        return target, load(pipeline)
    facts: Mapping[str, str] = {}
    with suppress(CorruptError):
        facts = target.facts()
    return target, from_facts(facts, str(target.path))
