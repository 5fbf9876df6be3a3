"""Rows of a database are documents, loaded again where they changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import ConfigError, InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Loaded
from rag_connectors.sql import Sql

QUERY = "SELECT id, title, body, price FROM parts"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    path = tmp_path / "yard.db"
    change(
        path,
        "CREATE TABLE parts (id TEXT, title TEXT, body TEXT, price REAL, seen TIMESTAMP, picture BLOB)",
        "INSERT INTO parts VALUES ('KX/1', 'Winch', 'It lifts 750 kg.', 1240.5, '2025-03-04', x'00')",
        "INSERT INTO parts VALUES ('KX/2', 'Hoist', 'It is old.', 9, NULL, NULL)",
    )
    return path


class TestSql(ConnectorConformance):
    @pytest.fixture
    def folder(self, parts: Path) -> tuple[Connector, str]:
        return Sql(workers=1, query=QUERY), f"sqlite:///{parts}"


def load(connector: Sql, path: Path) -> dict[str, Loaded]:
    found = connector.scan([f"sqlite:///{path}"], base="/")
    return {one.source.name.rpartition("/")[2]: one for one in connector.load(found)}


def test_rows_are_documents(parts: Path) -> None:
    [winch] = load(Sql(query=QUERY), parts)["KX%2F1"].documents
    assert (winch.text, winch.title) == ("It lifts 750 kg.\n\nprice: 1240.5", "Winch") and winch.meta["price"] == 1240.5
    assert winch.source == winch.meta["url"] == f"sqlite:///{parts}/KX%2F1"
    [hoist] = load(Sql(query="SELECT * FROM parts", id_field="title", text_field="body"), parts)["Hoist"].documents
    assert hoist.text.startswith("It is old.")
    [plain] = load(Sql(query="SELECT title AS name, price FROM parts WHERE price > 10"), parts)["Winch"].documents
    assert plain.text == "price: 1240.5" and plain.title == "Winch"


def test_stamps_follow_content(parts: Path) -> None:
    def stamps() -> dict[str, object]:
        return {source.name[-1]: source.stamp for source in Sql(query=QUERY).scan([f"sqlite:///{parts}"], base="/")}

    before = stamps()
    change(parts, "UPDATE parts SET price = 10 WHERE id = 'KX/2'")
    after = stamps()
    assert before["1"] == after["1"] and before["2"] != after["2"]
    change(parts, "DELETE FROM parts WHERE id = 'KX/2'")
    assert set(stamps()) == {"1"}


def test_what_is_wrong_is_named(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(root: str, **options: str) -> None:
        list(Sql(**{"query": QUERY, **options}).scan([root], base="/"))  # type: ignore[arg-type]

    for root, options, says in (
        (f"sqlite:///{parts}", {"query": "SELECT no_such FROM parts"}, "no such column"),
        (f"sqlite:///{parts}.absent", {}, "no such file"),
        (f"sqlite:///{parts}", {"query": "SELECT 1 AS id FROM parts"}, "two rows have the id"),
        ("no address", {}, "not the address of a database"),
        ("postgresql://me:secret@h/d", {}, r"me:\*\*\*@h"),
    ):
        with pytest.raises(InputError, match=says):
            scan(root, **options)
    assert not Path(f"{parts}.absent").exists()
    for options, says in (
        ({"query": ""}, "query: missing"),
        ({"id_field": "x"}, "no column"),
        ({"password_env": "NO_X"}, "NO_X"),
    ):
        with pytest.raises(ConfigError, match=says):
            scan(f"sqlite:///{parts}", **options)
