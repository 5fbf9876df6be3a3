"""Pipelines as YAML: read, check, build.

A pipeline file has one key per stage, `STAGE: {use: NAME, option: value, ...}`, and the settings of `Settings`. What a
stage may say is the component's own dataclass fields; an error names the file, the line, the key path and what would
be right. YAML is read by `yaml.safe_load` rules, without aliases, duplicate keys or anything executable. Secrets never
stand in a file: a component's `*_env` option names the environment variable that holds one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import yaml
from annotated_types import Ge
from pydantic import BaseModel, ValidationError, create_model

from rag.errors import ConfigError
from rag.registry import did_you_mean, find, names
from rag.stages import (
    INJECTED,
    INJECTED_IN_STORE,
    STAGES,
    Chunker,
    Connector,
    Embedder,
    Generator,
    Hopper,
    Reranker,
    Retriever,
    Store,
    Weighted,
)
from rag.types import Hit

MAX_BYTES = 1_000_000
REQUIRED = ("connector", "chunk", "embed", "store", "retrieve", "generate")


@dataclass(frozen=True, slots=True)
class Settings:
    """What belongs to no stage.

    `k` passages go to the answer, chosen from `depth` candidates per query. `unsupported` says what happens to a
    sentence that the verifier does not accept: "drop" it, "flag" it, or "fail" the whole answer.
    """

    description: str = ""
    k: Annotated[int, Ge(1)] = 8
    depth: Annotated[int, Ge(1)] = 30
    unsupported: Literal["drop", "flag", "fail"] = "drop"


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """A pipeline file after reading and before building: `stages[kind]` holds `use` and the options as written."""

    name: str
    origin: str
    stages: Mapping[str, Mapping[str, Any]]
    settings: Settings = field(default_factory=Settings)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def reference(self) -> str:
        """By which `load` finds this pipeline again from any folder."""
        return self.name if Path(self.origin).parent == preset_folder() else str(Path(self.origin).absolute())

    def error(self, key: str, message: str) -> ConfigError:
        """A ConfigError that names this file, the line of `key` and the key path."""
        line = self.lines.get(key) or self.lines.get(key.rpartition(".")[0])
        return ConfigError(f"{self.origin}{f':{line}' if line else ''}: {key}: {message}")

    def with_stage(self, kind: str, options: Mapping[str, Any]) -> PipelineConfig:
        """The same pipeline with one stage exchanged (how `--llm` works)."""
        return dataclasses.replace(self, stages={**self.stages, kind: options})


@dataclass(frozen=True, slots=True)
class Stages:
    """A built pipeline: what the answer graph runs on. `hopper` is None in a pipeline without hops.

    `witness` raises CorruptError for hits that are not what the index's manifest says; without an index it trusts.
    """

    connector: Connector
    chunker: Chunker
    embedder: Embedder
    store: Store
    retriever: Retriever
    hopper: Hopper | None
    reranker: Reranker
    generator: Generator
    settings: Settings
    fingerprints: Mapping[str, str]
    witness: Callable[[Sequence[Hit]], None] = lambda hits: None


def preset_folder() -> Path:
    """Where the shipped pipelines are: in the wheel, or beside the package in a checkout."""
    installed = Path(__file__).parent / "presets"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "pipelines"


def presets() -> list[str]:
    """Names of the shipped pipelines."""
    return sorted(path.stem for path in preset_folder().glob("*.yaml"))


def load(name: str) -> PipelineConfig:
    """Read a shipped pipeline by name, or a file by path. Raises ConfigError."""
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        if name not in presets():
            raise ConfigError(
                f"pipeline {name!r}: no such pipeline.{did_you_mean(name, presets())} Shipped: "
                f"{', '.join(presets())}; or give the path of a .yaml file."
            )
        path = preset_folder() / f"{name}.yaml"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes; a pipeline file is a page of text.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}.") from error
    return parse(text, name=path.stem, origin=str(path))


def parse(text: str, *, name: str, origin: str) -> PipelineConfig:
    """A pipeline from YAML text, with every stage's name and options checked. Raises ConfigError."""
    lines: dict[str, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = {} if node is None else _plain(node, "", lines, set())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{origin}{where}: not valid YAML: {problem}.") from error
    except RecursionError as error:
        raise ConfigError(f"{origin}: not a pipeline: nested too deeply.") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{origin}: a pipeline is a mapping of stages, like `embed: {{use: onnx}}`.")
    draft = PipelineConfig(name=name, origin=origin, stages={}, lines=lines)
    known = [*STAGES, *(f.name for f in dataclasses.fields(Settings))]
    for key in data:
        if key not in known:
            raise draft.error(str(key), f"unknown key.{did_you_mean(str(key), known)} Known: {', '.join(known)}.")
    for kind in REQUIRED:
        if kind not in data:
            raise ConfigError(f"{origin}: {kind}: missing; every pipeline needs {', '.join(REQUIRED)}.")
    settings = _check(draft, "", Settings, {k: v for k, v in data.items() if k not in STAGES})
    config = dataclasses.replace(
        draft, stages={k: v for k, v in data.items() if k in STAGES}, settings=Settings(**settings)
    )
    for kind in config.stages:
        options(config, kind)
    return config


def _plain(node: yaml.Node, path: str, lines: dict[str, int], open_nodes: set[int]) -> Any:
    """Node to plain data, recording the line of every key; refuses duplicate keys and aliases."""
    if isinstance(node, yaml.ScalarNode):
        return yaml.SafeLoader("").construct_object(node)
    if id(node) in open_nodes:
        raise yaml.MarkedYAMLError(problem="aliases are not allowed in a pipeline", problem_mark=node.start_mark)
    open_nodes.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, f"{path}[{i}]", lines, open_nodes) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        raise yaml.MarkedYAMLError(problem="only mappings, lists and plain values", problem_mark=node.start_mark)
    if node.tag != "tag:yaml.org,2002:map":
        raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not allowed", problem_mark=node.start_mark)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(_plain(key_node, path, lines, open_nodes))
        here = f"{path}.{key}" if path else key
        if key in result:
            raise yaml.MarkedYAMLError(problem=f"{here} appears twice", problem_mark=key_node.start_mark)
        lines[here] = key_node.start_mark.line + 1
        result[key] = _plain(value_node, here, lines, open_nodes)
    return result


def injected(kind: str) -> frozenset[str]:
    """The fields of a stage that the pipeline fills in."""
    return INJECTED_IN_STORE if kind == "store" else INJECTED


@cache
def schema(cls: Any, kind: str = "") -> type[BaseModel]:
    """The options of a component (its fields but the injected ones) as a pydantic model that refuses any other."""
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


def _check(config: PipelineConfig, prefix: str, cls: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    model = schema(cls, prefix)
    try:
        checked = model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        here = f"{prefix}.{key}" if prefix else key
        if first["type"] == "extra_forbidden":
            known = list(model.model_fields)
            raise config.error(here, f"unknown option.{did_you_mean(key, known)} Known: {', '.join(known)}.") from None
        if first["type"] == "missing":
            raise config.error(here, f"missing; {cls.__name__} cannot do without it.") from None
        raise config.error(here, f"{first['msg']}, not {first['input']!r}.") from None
    return {name: getattr(checked, name) for name in model.model_fields}


def options(config: PipelineConfig, kind: str) -> tuple[type[Any], dict[str, Any]]:
    """The class a stage uses and its full options, defaults filled in. Raises ConfigError."""
    given = config.stages[kind]
    if not isinstance(given, Mapping) or not isinstance(given.get("use"), str):
        raise config.error(kind, f"needs `use: NAME`, one of {', '.join(sorted(names(kind)))}.")
    try:
        cls = find(kind, given["use"])
    except ConfigError as error:
        raise config.error(f"{kind}.use", str(error).partition(": ")[2]) from None
    return cls, _check(config, kind, cls, {k: v for k, v in given.items() if k != "use"})


def build(config: PipelineConfig, *, path: str = "", readonly: bool = True) -> Stages:
    """Every stage, constructed but with no model loaded. `path` is the folder of an embedded store.

    A stage that a pipeline leaves out: `hop` means no hops, `rerank` keeps the order, `sparse` means dense only.
    """
    given: dict[str, Any] = {"path": path, "readonly": readonly}

    def make(kind: str) -> Any:
        cls, checked = options(config, kind)
        wanted = {f.name for f in dataclasses.fields(cls)} & injected(kind)
        if missing := wanted - given.keys():
            raise config.error(kind, f"{', '.join(sorted(missing))} cannot be given to a {kind} stage.")
        try:
            return cls(**checked, **{name: given[name] for name in wanted})
        except (ValueError, TypeError) as error:
            raise config.error(kind, str(error)) from error

    embedder: Embedder = make("embed")
    fingerprints = {"embed": embedder.fingerprint}
    if "sparse" in config.stages:
        if "sparse" in embedder.representations:
            raise config.error("sparse", "embed makes sparse vectors itself; leave out this stage or `embed.sparse`.")
        from rag.embed.hybrid import HybridEmbedder

        sparse: Embedder = make("sparse")
        fingerprints["sparse"] = sparse.fingerprint
        embedder = HybridEmbedder(dense=embedder, sparse=sparse)
    made = embedder.representations
    given |= {"embedder": embedder, "dim": embedder.dim, "sparse": "sparse" in made, "tokens": "tokens" in made}
    given["idf"] = embedder.idf if isinstance(embedder, Weighted) else True
    given["store"] = make("store")
    given["generator"] = generator = make("generate")
    chunker: Chunker = make("chunk")  # after the generator, which may write its contexts
    from rag.rerank.none import NoReranker

    connector: Connector = make("connector")
    return Stages(
        connector=connector,
        chunker=chunker,
        embedder=embedder,
        store=given["store"],
        retriever=make("retrieve"),
        hopper=make("hop") if "hop" in config.stages else None,
        reranker=make("rerank") if "rerank" in config.stages else NoReranker(),
        generator=generator,
        settings=config.settings,
        fingerprints={"connector": connector.fingerprint, "chunk": chunker.fingerprint, **fingerprints},
    )


def json_schema() -> dict[str, Any]:
    """A JSON Schema of pipeline files, for editors."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for kind in STAGES:
        variants = []
        for name in sorted(names(kind)):
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
