"""The `sql` connector: each row of a query is a document, of any database that SQLAlchemy opens.

A root is the database's address, without a password: `sqlite:///notes.db`, `postgresql+psycopg://reader@host/shop`. The
query runs as it is written, once at each scan; rows whose content changed are loaded again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from rag.errors import ConfigError, InputError, extra
from rag.stages import component
from rag.types import Loaded, Source
from rag_connectors.files import Files
from rag_connectors.staging import Fetched, FetchError, load_fetched


@component
class Sql(Files):
    """Rows of a query. `text_field`, `title_field` and `id_field` name columns; other columns are fields."""

    query: Annotated[str, Field(description="SELECT whose rows are documents.")] = ""
    password_env: Annotated[str, Field(description="Environment variable with the password for the database.")] = ""

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every row, by its id (`id_field`, else the first column), in name order.

        Raises ConfigError without a query, InputError for a database that cannot be opened or refuses the query.
        """
        if not self.query.strip():
            raise ConfigError("connector: query: missing. Name the SELECT whose rows are documents.")
        found: dict[str, Source] = {}
        for root in roots:
            for row in self._rows(root):
                key = _key(row, self.id_field)
                name = f"{root.rstrip('/')}/{quote(key, safe='')}"
                if name in found:
                    raise InputError(
                        f"{root}: two rows have the id {key!r}. Name a column that differs: connector.id_field."
                    )
                content = _content(row)
                digest = int(hashlib.sha256(content.encode()).hexdigest()[:15], 16)
                found[name] = Source(name, f"{root}\n{content}", (len(content), digest, 0, 0))
        yield from sorted(found.values(), key=lambda source: source.name)

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order."""
        yield from load_fetched(super().load, sources, self._fetch)

    def _fetch(self, source: Source) -> Fetched:
        _, mark, content = source.path.partition("\n")
        if not mark:
            raise FetchError(f"{source.path}: not a row")
        row = json.loads(content)
        row.setdefault("id", _key(row, self.id_field))
        return Fetched(json.dumps(row).encode(), f"{source.name}.jsonl", {"url": source.name})

    def _rows(self, root: str) -> Iterator[Mapping[str, Any]]:
        with extra("sql", "connector: sql"):
            import sqlalchemy
            from sqlalchemy.exc import SQLAlchemyError
        try:
            url = sqlalchemy.make_url(root)
        except SQLAlchemyError as error:
            raise InputError(f"{root}: not the address of a database, such as sqlite:///notes.db.") from error
        if url.password:
            raise InputError(
                f"{url.render_as_string()}: leave the password out; connector.password_env names its variable."
            )
        if self.password_env:
            if self.password_env not in os.environ:
                raise ConfigError(f"connector: password_env: there is no environment variable {self.password_env}.")
            url = url.set(password=os.environ[self.password_env])
        if url.get_backend_name() == "sqlite" and not os.path.isfile(url.database or ""):
            raise InputError(f"{root}: there is no such file.")
        try:
            engine = sqlalchemy.create_engine(url)
            try:
                with engine.connect().execution_options(stream_results=True) as connection:
                    yield from (dict(row._mapping) for row in connection.execute(sqlalchemy.text(self.query)))
            finally:
                engine.dispose()
        except (SQLAlchemyError, ImportError) as error:
            raise InputError(f"{root}: the database says: {' '.join(str(error).split())[:300]}") from error


def _key(row: Mapping[str, Any], named: str) -> str:
    if named and named not in row:
        raise ConfigError(f"connector: id_field: the query gives no column {named!r}, but {', '.join(row)}.")
    column = named or next((name for name in row if name.lower() == "id"), next(iter(row)))
    return str(row[column])


def _content(row: Mapping[str, Any]) -> str:
    """A row as JSON; what JSON has no type for is written as text, bytes are left out."""
    kept = {str(name): value for name, value in row.items() if not isinstance(value, bytes | memoryview)}
    return json.dumps(kept, default=str, ensure_ascii=False)
