"""The code blocks of the documents, and how each is run.

Blocks of a page run one after the other in a folder that holds `documents/`, with an index of them where the page says
`<!-- indexed -->`. What runs is said by the language:

    shell       is run
    console     is run, and what is shown must be what is printed, times aside; `...` stands for anything
    python      is run
    yaml        is checked as a pipeline or a part of one

A title tells readers and this module more. "exit code 3": another one than 0. "needs a GPU": why it is not run; then
the options of every `rag` command in it are parsed. Else it is a file: one of the repository, which the block must
equal, or one to write.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from typer.main import get_command

from rag.cli import app, mount_plugins
from rag.config import check, parse

ROOT = Path(__file__).parent.parent
RUN = ("shell", "console", "python", "yaml", "csv", "toml")  # any other is text to read
_EXAMPLE = ("documents/museum", "When was the Old Customs House built?")  # what scripts are called with
_TIMES = re.compile(r"\d[\d,.]*(?= (?:MB of|s,|ms|a second|tokens))")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it stands, its language, its title and its text."""

    place: str
    language: str
    title: str
    text: str

    def run(self, folder: Path) -> None:
        """Run it, and compare what it says."""
        if self.title.startswith("needs "):
            for words in self._commands():
                parse_command(words)
        elif "." in self.title and (ROOT / self.title).is_file():
            assert self.text == (ROOT / self.title).read_text(), f"{self.place}: not what {self.title} holds"
        elif "." in self.title:
            (folder / self.title).write_text(self.text)
        elif self.language == "yaml":
            check_pipeline(self.text, self.place)
        elif self.language == "python":
            self._shell(shlex.join([sys.executable, "-c", self.text, *_EXAMPLE]), folder)
        elif self.language == "shell":
            self._shell(self.text, folder)
        elif self.language == "console":
            for command, shown in self._sessions():
                printed = self._shell(command, folder)
                if not doctest.OutputChecker().check_output(_same(shown), _same(printed), doctest.ELLIPSIS):
                    raise AssertionError(f"{self.place}: {command}\n--- shown\n{shown}--- printed\n{printed}")

    def _shell(self, command: str, folder: Path) -> str:
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=folder,
            env=environment(folder),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=280,
        )
        expected = int(self.title.removeprefix("exit code ") or 0)
        assert done.returncode == expected, f"{self.place}: exit code {done.returncode}\n{command}\n{done.stdout}"
        return done.stdout

    def _sessions(self) -> Iterator[tuple[str, str]]:
        """Every command of a console block with what is shown below it."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown

    def _commands(self) -> Iterator[list[str]]:
        """Every `rag` command line, in words."""
        for line in re.sub(r"\\\n", " ", self.text).splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if "rag " in line else []
            if words[:1] == ["rag"]:
                yield words


def environment(folder: Path) -> dict[str, str]:
    """What commands see: this environment's programs, no network, a terminal of 100 columns, a cache of their own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "COLUMNS": "100", "RAGHOP_CACHE": str(folder / ".cache")}


def pages() -> list[Path]:
    """Every document that a reader may follow."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "STYLE.md", "benchmarks/README.md")]
    found += [ROOT / "examples" / "README.md", ROOT / "examples" / "plugin" / "README.md"]
    return found + sorted((ROOT / "docs").rglob("*.md"))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page. An indented one has no language, so it fails."""
    found = []
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        place = f"{page.relative_to(ROOT)}:{(token.map or [0])[0] + 1}"
        assert token.type != "code_block", f"{place}: put it between ``` and name its language"
        if token.type == "fence":
            language, *title = shlex.split(token.info) or [""]
            assert language, f"{place}: which language?"
            found.append(Block(place, language, " ".join(title).removeprefix("title="), token.content))
    return found


def check_pipeline(text: str, place: str) -> None:
    """A pipeline, or some keys of one: then the rest is the default's."""
    keys = yaml.safe_load(text)
    default = yaml.safe_load((ROOT / "pipelines" / "default.yaml").read_text())
    assert isinstance(keys, dict), place
    check(parse(yaml.safe_dump({**default, **keys}), name="block", origin=place))


def parse_command(words: Sequence[str]) -> None:
    """Raises where the command or one of its options does not exist."""
    mount_plugins()
    command: Any = get_command(app)
    rest = list(words[1:])
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"rag has no {name}: {shlex.join(words)}"
        command = command.commands[name]
    with command.context_class(command, info_name=command.name) as context:
        command.make_parser(context).parse_args(args=rest)


def _same(text: str) -> str:
    """Without what differs from run to run."""
    return _TIMES.sub("N", text)
