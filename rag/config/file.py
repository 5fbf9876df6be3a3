"""A pipeline file, read: its keys are known and every stage says what it uses. No component is imported for it."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from rag.config.checks import Problem, inspect, refusal
from rag.config.options import REQUIRED, Settings, schema, validate
from rag.errors import ConfigError
from rag.registry import closest, did_you_mean, names
from rag.stages import STAGES

MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """A pipeline file after reading and before building: `stages[kind]` holds `use` and the options as written.

    Of a pipeline that an index speaks of, `kept` are the facts it notes, `stored` the stages nobody else spoke of.
    """

    name: str
    origin: str
    stages: Mapping[str, Mapping[str, Any]]
    settings: Settings = field(default_factory=Settings)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    stored: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def reference(self) -> str:
        """By which `load` finds this pipeline again from any folder."""
        if self.kept:
            return self.kept["pipeline"]
        return self.name if Path(self.origin).parent == preset_folder() else str(Path(self.origin).absolute())

    def line(self, key: str) -> int:
        """The line of a key path, or of the key it is under; 0 where it is in no line."""
        return self.lines.get(key) or self.lines.get(key.rpartition(".")[0], 0)

    def place(self, key: str) -> str:
        """How an error begins: file, line and key path."""
        line = self.line(key)
        return f"{self.origin}{f':{line}' if line else ''}: {key}: "

    def with_stage(self, kind: str, options: Mapping[str, Any]) -> Self:
        """The same pipeline with one stage exchanged (how `--llm` works)."""
        others = tuple(name for name in self.stored if name != kind)
        return dataclasses.replace(self, stages={**self.stages, kind: options}, stored=others)


def preset_folder() -> Path:
    """Where the shipped pipelines are: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "pipelines"


def presets() -> list[str]:
    """Names of the shipped pipelines."""
    return sorted(path.stem for path in preset_folder().glob("*.yaml"))


def load(name: str) -> PipelineConfig:
    """Read a shipped pipeline by name, or a file by path. Raises ConfigError."""
    path, text = read(name)
    return parse(text, name=path.stem, origin=str(path))


def read(name: str) -> tuple[Path, str]:
    """The path of a pipeline file and its text as it is, right or wrong. Raises ConfigError."""
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
        return path, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}.") from error


def parse(text: str, *, name: str, origin: str) -> PipelineConfig:
    """A pipeline from YAML text: its keys, its settings, and that every stage says what it uses.

    What a stage uses is not imported, and its options are not looked at: `check` does that. A file that is refused
    here is checked whole, so that one ConfigError names everything.
    """
    data, lines, twice = read_lines(text, origin)
    if not isinstance(data, dict):
        raise ConfigError(f"{origin}: a pipeline is a mapping of stages, like `embed: {{use: onnx}}`.")
    problems = [Problem(key, f"{key} appears twice; remove one.") for key in twice]
    known = [*STAGES, *schema(Settings).model_fields]
    unknown = [key for key in data if key not in known]
    for key in unknown:
        problems.append(Problem(key, f"unknown key.{did_you_mean(key, known)} Known: {', '.join(known)}."))
    misspelled = {closest(key, known) for key in unknown}
    if missing := [kind for kind in REQUIRED if kind not in data and kind not in misspelled]:
        problems.append(Problem(", ".join(missing), f"missing; every pipeline needs {', '.join(REQUIRED)}."))
    stages = {kind: value for kind, value in data.items() if kind in STAGES}
    for kind, value in data.items():
        if kind in STAGES and not (isinstance(value, dict) and isinstance(value.get("use"), str)):
            problems.append(Problem(kind, f"needs `use: NAME`, one of {', '.join(sorted(names(kind)))}."))
            del stages[kind]
    given = {key: value for key, value in data.items() if key in known and key not in STAGES}
    settings, wrong = validate(Settings, "", given)
    problems += [Problem(key, message) for key, message in wrong]
    config = PipelineConfig(name, origin, stages, Settings(**settings), lines)
    if problems:
        raise refusal(config, [*problems, *inspect(config)[1]])
    return config


def read_lines(text: str, origin: str) -> tuple[Any, dict[str, int], list[str]]:
    """YAML as plain data, the line of each key path, and the key paths that appear twice. Raises ConfigError.

    Tags and aliases are refused: nothing in it can run or grow.
    Example: "embed: {use: onnx}" gives {"embed": {"use": "onnx"}}, {"embed": 1, "embed.use": 1} and [].
    """
    lines: dict[str, int] = {}
    twice: list[str] = []
    seen: set[int] = set()
    scalars = yaml.SafeLoader("")

    def plain(node: yaml.Node, path: str) -> Any:
        if isinstance(node, yaml.ScalarNode):
            with suppress(ValueError):  # a date like 2001-99-99, a number of 5,000 digits
                value = scalars.construct_object(node)
                if not isinstance(value, int) or abs(value) < 2**63:
                    return value
            what = f"{node.value[:20]} is no number or date that a computer holds"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        if id(node) in seen:
            raise yaml.MarkedYAMLError(problem="aliases are not allowed in a pipeline", problem_mark=node.start_mark)
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [plain(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        if node.tag != "tag:yaml.org,2002:map":
            raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not allowed", problem_mark=node.start_mark)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(plain(key_node, path))
            here = f"{path}.{key}" if path else key
            if key in result:
                twice.append(here)
            lines[here] = key_node.start_mark.line + 1
            result[key] = plain(value_node, here)
        return result

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return {} if node is None else plain(node, ""), lines, twice
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{origin}{where}: not valid YAML: {problem}.") from error
    except RecursionError as error:
        raise ConfigError(f"{origin}: not a pipeline: nested too deeply.") from error
