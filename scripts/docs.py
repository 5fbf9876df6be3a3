"""Write what is generated: references of pipelines and commands, golden help texts. Run it after changing an option.

python scripts/docs.py          write docs/reference/pipelines.md, commands.md and tests/golden/help-*.txt
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
KINDS = {
    "connector": "Finds files and turns them into documents.",
    "chunk": "Cuts documents into exact spans.",
    "embed": "Turns chunks and questions into dense vectors.",
    "sparse": "Adds sparse vectors for hybrid search; left out, search is dense only.",
    "store": "Holds vectors and chunks.",
    "retrieve": "The first stage of search.",
    "hop": "From what was found to what it leads to; left out, there is no second hop.",
    "rerank": "Puts the found passages into a better order; left out, the order stays.",
    "generate": "Writes the answer from the passages.",
    "ingest": "Where an ingest works; left out, on this machine. No index notes it, and none depends on it.",
}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def reference() -> str:
    """docs/reference/pipelines.md, from the components themselves."""
    from rag.config import Settings, load, presets, schema
    from rag.registry import find, names

    settings: Any = Settings
    parts = [
        "# Pipeline reference",
        "Generated from the components by `python scripts/docs.py`. A pipeline file has one key per stage, "
        "`STAGE: {use: NAME, option: value}`, and these settings:",
        _options(schema(settings)),
        "Shipped pipelines (print one with `rag pipelines show NAME`, check yours with `rag pipelines check FILE`):",
        "\n".join(f"- `{name}`: {load(name).settings.description}" for name in presets()),
    ]
    for kind, sentence in KINDS.items():
        parts.append(f"## {kind}\n\n{sentence}")
        for name in sorted(names(kind)):
            cls: Any = find(kind, name)
            parts.append(f"### {kind}: {name}\n\n{inspect.getdoc(cls)}")
            parts.append(_options(schema(cls, kind)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _options(model: type) -> str:
    properties = model.model_json_schema().get("properties", {})  # type: ignore[attr-defined]
    if not properties:
        return "No options."
    rows = ["| option | type | default | what it does |", "|---|---|---|---|"]
    for name, field in properties.items():
        default = f"`{json.dumps(field['default'])}`" if "default" in field else "required"
        rows.append(f"| `{name}` | {_type(field)} | {default} | {field.get('description', '')} |")
    return "\n".join(rows)


def _type(field: dict[str, Any]) -> str:
    """A field of a JSON Schema in words, with its bounds."""
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}s"
    bounds = [f"{words} {field[bound]:g}" for bound, words in BOUNDS.items() if bound in field]
    return " ".join([field.get("type", "value"), " and ".join(bounds)]).strip()


def commands() -> dict[str, tuple[str, ...]]:
    """The file name of every command's help text, and its words."""
    from typer.main import get_command

    from rag.cli import app, mount_plugins

    def below(group: Any, *words: str) -> Iterator[tuple[str, ...]]:
        yield words
        for name, command in getattr(group, "commands", {}).items():
            yield from below(command, *words, name)

    mount_plugins()
    return {f"help-{'-'.join(words) or 'rag'}.txt": words for words in below(get_command(app))}


def shown(words: Sequence[str]) -> str:
    """The help text of one command."""
    rag = str(Path(sys.executable).parent / "rag")
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    return subprocess.run([rag, *words, "--help"], capture_output=True, text=True, check=True, env=environment).stdout


def command_reference() -> str:
    """docs/reference/commands.md, from the golden help texts."""
    parts = ["# Commands", "Generated from the help texts by `python scripts/docs.py`."]
    for name, words in commands().items():
        text = (ROOT / "tests" / "golden" / name).read_text().rstrip()
        parts.append(f"## {' '.join(('rag', *words))}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "reference" / "pipelines.md").write_text(reference())
    golden = ROOT / "tests" / "golden"
    golden.mkdir(exist_ok=True)
    for path in golden.glob("help-*.txt"):
        path.unlink()
    for name, words in commands().items():
        (golden / name).write_text(shown(words))
    (ROOT / "docs" / "reference" / "commands.md").write_text(command_reference())
