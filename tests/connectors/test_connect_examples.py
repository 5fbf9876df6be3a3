"""Each connector says by an example how it is used; the example is a pipeline's key and a command."""

from __future__ import annotations

import inspect
import re
import shlex

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.registry import find, names
from tests.blocks import check_pipeline, parse_command

EXAMPLE = re.compile(r"Example: `(connector: \{use: (\w+).*\})`\s+and `(rag ingest .*)`\.$", re.MULTILINE)


@pytest.mark.parametrize("name", sorted(names("connector")))
def test_the_example_of_a_connector_is_right(name: str) -> None:
    found = EXAMPLE.search(inspect.cleandoc(find("connector", name).__doc__ or ""))
    assert found is not None and found[2] == name
    check_pipeline(found[1], name)
    parse_command(shlex.split(found[3]))


def test_connectors_are_listed_and_shown() -> None:
    listed = CliRunner().invoke(app, ["connectors"]).output
    assert {line.split()[0] for line in listed.splitlines()} == set(names("connector"))
    shown = CliRunner().invoke(app, ["connectors", "imap"]).output
    assert "imaps://me@mail.example.org/INBOX" in shown and "per_second" in shown and "default: 20.0" in shown
    assert "Did you mean imap?" in str(CliRunner().invoke(app, ["connectors", "imp"]).exception)
