"""The `web` connector: the pages of one site, by its sitemap or else by following its links.

It keeps to robots.txt and to the limits of its options, asks again only for what may have changed, names a page by its
canonical address, and goes to no other site. What a browser would build by script it does not see.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rag.errors import InputError
from rag.stages import component
from rag.types import Source, Values
from rag_connectors.elsewhere import Direct
from rag_connectors.staging import Fetched, FetchError, cache_folder, need_variable, refuse_password
from rag_connectors.web_client import Client
from rag_connectors.web_links import normal
from rag_connectors.web_site import Site


@component
class Web(Direct):
    """Pages at and below an address. Patterns see paths on the site; `gitignore` has no meaning here.

    Example: `connector: {use: web, pages: 500, per_second: 1}`
    and `rag ingest https://docs.example.org/manual --pipeline mine.yaml`.
    """

    pages: Annotated[int, Field(ge=1, description="Most pages of a site.")] = 1000
    depth: Annotated[int, Field(ge=0, description="Most links from the address to a page, without a sitemap.")] = 8
    per_second: Annotated[float, Field(gt=0, le=50, description="Questions to the site in a second.")] = 2.0
    patience: Annotated[float, Field(gt=0, description="Seconds that the site may take for an answer.")] = 20.0
    token_env: Annotated[str, Field(description="Environment variable with a bearer token for the site.")] = ""

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every page at or below the address; a page that cannot be read now comes with the reason.

        Raises InputError for what is no web address, does not answer or may not be read by robots.
        """
        url = normal(root)
        if not url:
            raise InputError(f"{root}: not the address of a web site. Name one that begins with https:// or http://.")
        refuse_password(root, "connector.token_env names the variable of a token")
        client = Client(
            url, cache_folder("web"), per_second=self.per_second, timeout=self.patience, limit=self.max_mb << 20,
            token=need_variable("token_env", self.token_env),
        )  # fmt: skip
        with closing(client):
            yield from Site(url, client, pages=self.pages, depth=self.depth, takes=self._takes).sources()

    def _fetch(self, source: Source) -> Fetched:
        """What the scan got."""
        body, suffix, url, date, author = (*source.path.split("\n"), "", "", "", "", "")[:5]
        try:
            data = Path(body).read_bytes()
        except OSError as error:
            raise FetchError(f"cannot be read: {error.strerror}; run the ingest again") from error
        meta: dict[str, Values] = {"url": url or source.name}
        meta |= {name: value for name, value in (("date", date), ("author", author)) if value}
        return Fetched(data, source.name + ("" if source.name.endswith(suffix) else suffix), meta)
