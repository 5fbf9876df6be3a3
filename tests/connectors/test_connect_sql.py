"""Rows of a database are documents, loaded again where they changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rag.errors import ConfigError, InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Loaded
from rag_connectors.sql import Sql, _plain

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


def test_values_keep_their_kind(parts: Path) -> None:
    query = """SELECT id, 'hr,legal' AS access, '10:30 a:b' AS at, x'00' AS picture, NULL AS body FROM parts"""
    [row] = load(Sql(query=query + " LIMIT 1", access=()), parts)["KX%2F1"].documents
    assert row.meta["access"] == ("hr", "legal") and row.meta["at"] == "10:30 a:b" and "picture" not in row.meta
    assert _plain(Decimal("12.50")) == 12.5 and _plain(Decimal("NaN")) == "NaN" and _plain(Decimal("1E3")) == 1000
    assert _plain(datetime(2025, 3, 4, 9)) == "2025-03-04T09:00:00" and _plain(timedelta(1)) == "1 day, 0:00:00"
    empty = load(Sql(query=query, text_field="body"), parts)["KX%2F1"]
    assert empty.status == "skipped" and "body is empty" in empty.reason
    held = {one.access for one in Sql(query=QUERY, access=("hr",)).scan([f"sqlite:///{parts}"], base="/")}
    assert held == {("hr",)}


def test_a_locked_database_says_what_to_do(parts: Path) -> None:
    with closing(sqlite3.connect(parts, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="when nobody writes"):
            list(Sql(query=QUERY).scan([f"sqlite:///{parts}?timeout=0.1"], base="/"))


@pytest.mark.skipif(
    "RAGHOP_POSTGRES" not in os.environ, reason="RAGHOP_POSTGRES=postgresql+psycopg://... names a server"
)
def test_types_of_postgresql() -> None:
    query = """SELECT 1.50::numeric AS price, '2025-03-04 09:00+00'::timestamptz AS seen, ARRAY['a','b'] AS tags,
        '{"by": {"name": "Ada"}}'::jsonb AS facts, gen_random_uuid()::text = '' AS no, '\\x00'::bytea AS raw, 7 AS id
        WHERE 'winch' LIKE '%in%'"""
    root = os.environ["RAGHOP_POSTGRES"]
    first, again = (list(Sql(query=query).scan([root], base="/")) for _ in range(2))
    [loaded] = Sql(query=query, workers=1).load(first)
    meta = loaded.documents[0].meta
    assert first == again and loaded.status == "ok" and meta["price"] == 1.5 and meta["tags"] == ("a", "b")
    assert str(meta["seen"]).startswith("2025-03-04T") and meta["facts.by.name"] == "Ada" and meta["no"] is False
    for query, says in (("SELECT * FROM no_such", "does not exist"), ("DELETE FROM no_such", "syntax error")):
        with pytest.raises(InputError, match=says):
            list(Sql(query=query).scan([root], base="/"))
    with pytest.raises(InputError, match=r"refused|failed"):
        list(Sql(query=query).scan(["postgresql+psycopg://x@127.0.0.1:9/x"], base="/"))


def test_what_is_wrong_is_named(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(root: str, **options: str) -> None:
        list(Sql(**{"query": QUERY, **options}).scan([root], base="/"))  # type: ignore[arg-type]

    for root, options, says in (
        (f"sqlite:///{parts}", {"query": "SELECT no_such FROM parts"}, "no such column"),
        (f"sqlite:///{parts}.absent", {}, "no such file"),
        (f"sqlite:///{parts}", {"query": "SELECT 1 AS id FROM parts"}, "two rows have the id"),
        (f"sqlite:///{parts}", {"query": "SELECT NULL AS id"}, "IS NOT NULL"),
        ("nosuch://h/d", {}, "nosuch"),
        ("no address", {}, "not the address of a database"),
        ("postgresql://me:secret@h/d", {}, r"postgresql:..\*\*\*@h"),
    ):
        with pytest.raises(InputError, match=says):
            scan(root, **options)
    assert not Path(f"{parts}.absent").exists()
    for options, says in (
        ({"query": ""}, "query: missing"),
        ({"id_field": "x"}, "no column"),
        ({"text_field": "gone"}, "text_field: the query gives no column 'gone'"),
        ({"query": "SELECT id, title AS id FROM parts"}, "two columns are called 'id'"),
        ({"password_env": "NO_X"}, "NO_X"),
    ):
        with pytest.raises(ConfigError, match=says):
            scan(f"sqlite:///{parts}", **options)
