"""The `sql` connector: each row of a query is a document, of any database that SQLAlchemy opens.

A root is the database's address, without a password: `sqlite:///notes.db`, `postgresql+psycopg://reader@host/shop`. The
query runs as it is written, once at each scan; rows whose content changed are loaded again. Columns of bytes are left
out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from rag.errors import ConfigError, InputError, extra
from rag.stages import component
from rag.types import Source
from rag_connectors.elsewhere import Direct
from rag_connectors.staging import Fetched, FetchError, digest, need_variable, refuse_password


@component
class Sql(Direct):
    """Rows of a query. `text_field`, `title_field` and `id_field` name columns; other columns are fields.

    Example: `connector: {use: sql, query: "SELECT id, title, body FROM parts", password_env: SHOP_PASSWORD}`
    and `rag ingest postgresql+psycopg://reader@db.example.org/shop --pipeline mine.yaml`.
    """

    query: Annotated[str, Field(description="SELECT whose rows are documents.")] = ""
    password_env: Annotated[str, Field(description="Environment variable with the password for the database.")] = ""

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every row, by its id (`id_field`, else the column `id`, else the first).

        Raises ConfigError without a query or for a column that it does not give, InputError for a database that cannot
        be opened or refuses the query, and for ids that name no row of their own.
        """
        if not self.query.strip():
            raise ConfigError("connector: query: missing. Name the SELECT whose rows are documents.")
        names: set[str] = set()
        for row in self._rows(root):
            column = self._key(row)
            if row[column] is None:
                raise InputError(
                    f"{root}: a row has no id: its column {column!r} is NULL. Leave such rows out of connector.query "
                    "(WHERE ... IS NOT NULL), or name a column that all have: connector.id_field."
                )
            name = f"{root.rstrip('/')}/{quote(str(row[column]), safe='')}"
            if name in names:
                raise InputError(
                    f"{root}: two rows have the id {str(row[column])!r}. "
                    "Name a column that differs: connector.id_field."
                )
            names.add(name)
            content = json.dumps(
                {name: value for name, value in row.items() if not isinstance(value, bytes | memoryview)},
                default=_plain, ensure_ascii=False,
            )  # fmt: skip
            yield Source(name, f"{root}\n{content}", (len(content), digest(content), 0, 0))

    def _fetch(self, source: Source) -> Fetched:
        _, mark, content = source.path.partition("\n")
        if not mark:
            raise FetchError(f"{source.path}: not a row")
        row = json.loads(content)
        if self.text_field and not row[self.text_field]:
            raise FetchError(f"its column {self.text_field} is empty", "skipped")
        row.setdefault("id", row[self._key(row)])
        return Fetched(json.dumps(row).encode(), f"{source.name}.jsonl", {"url": source.name})

    def _key(self, row: Mapping[str, Any]) -> str:
        return self.id_field or next((name for name in row if name.lower() == "id"), next(iter(row)))

    def _rows(self, root: str) -> Iterator[Mapping[str, Any]]:
        with extra("sql", "connector: sql"):
            import sqlalchemy
            from sqlalchemy.exc import SQLAlchemyError
        try:
            url = sqlalchemy.make_url(root)
        except SQLAlchemyError as error:
            raise InputError(f"{root}: not the address of a database, such as sqlite:///notes.db.") from error
        refuse_password(root, "connector.password_env names its variable")
        if self.password_env:
            url = url.set(password=need_variable("password_env", self.password_env))
        if url.get_backend_name() == "sqlite" and not os.path.isfile(url.database or ""):
            raise InputError(f"{root}: there is no such file. Name a database that is there.")
        query = sqlalchemy.text(self.query.replace(":", r"\:"))  # colons are the database's, no parameters
        try:
            engine = sqlalchemy.create_engine(url)
            try:
                with engine.connect().execution_options(stream_results=True) as connection:
                    rows = connection.execute(query)
                    columns = [str(name) for name in rows.keys()]
                    self._check(columns)
                    yield from (dict(zip(columns, row, strict=True)) for row in rows)
            finally:
                engine.dispose()
        except (SQLAlchemyError, ImportError) as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())[:300].rstrip(".")
            advice = "Install that driver" if isinstance(error, ImportError) else _advice(said)
            raise InputError(f"{root}: the database says: {said}. {advice}.") from error

    def _check(self, columns: Sequence[str]) -> None:
        for column in columns:
            if columns.count(column) > 1:
                raise ConfigError(f"connector: query: two columns are called {column!r}. Rename one, by AS.")
        for option in ("id_field", "text_field", "title_field"):
            if (named := getattr(self, option)) and named not in columns:
                raise ConfigError(
                    f"connector: {option}: the query gives no column {named!r}, but {', '.join(columns)}."
                )


def _advice(said: str) -> str:
    if "locked" in said:
        return "Try again when nobody writes to it"
    return "See whether connector.query, the address and the password (connector.password_env) are right"


def _plain(value: object) -> object:
    """A value that JSON has no type for: numbers as such, dates as ISO 8601 has them, anything else as text."""
    if isinstance(value, Decimal) and value.is_finite():
        with suppress(ValueError, OverflowError):
            return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)
