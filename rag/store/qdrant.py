"""A Qdrant server or cluster, named by its URL. Same points, same vectors and same answers as `edge`.

`in_memory` is the client's own Python imitation of the engine: a second opinion in tests, far too slow for use. The
collection belongs to this pipeline; the server makes writes durable before it acknowledges them. Its word frequencies
(IDF) go on counting deleted chunks until it cleans up.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Annotated, Any

from pydantic import Field

from rag.errors import ConfigError, MismatchError, StoreError, extra
from rag.stages import component
from rag.store import ranking
from rag.store.checks import check_batch, is_id
from rag.store.filters import Dialect, find_corpus, translate
from rag.store.payload import INDEXED, idf_label, nbytes, to_hits, to_payload, to_plain, vector_kinds, vector_rows
from rag.text.urls import holds_secret
from rag.types import Chunk, Embeddings, Filter, Hit, Query

with extra("qdrant", "store: qdrant"):
    from qdrant_client import QdrantClient, models
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

REQUEST = 4 * 2**20  # bytes of vectors and text a request should carry: about 16 MB of JSON, servers take 32
PAGE = 10_000  # ids per scroll
KEY_ENV = "QDRANT_API_KEY"

ADVICE = {
    401: "the key is missing or wrong: set the environment variable that `api_key_env` names",
    403: "the key does not allow this: set the environment variable that `api_key_env` names",
    404: "there is no such collection: check `collection`, or run `rag ingest` to build it",
    413: "the request is too large for this server: write smaller batches",
}

DIALECT = Dialect(
    filter=models.Filter,
    ids=lambda ids: models.HasIdCondition(has_id=list(ids)),
    one_of=lambda key, values: models.FieldCondition(key=key, match=models.MatchAny(any=values)),
)


@component
class QdrantStore:
    """A collection on a Qdrant server or cluster.

    The pipeline gives the other fields: `dim` 0 means no dense vectors, `tokens` adds one vector per token for MaxSim,
    `idf` makes words count more that few chunks have. The collection is created by the first use unless `readonly`.
    Every method raises StoreError when the server refuses or cannot be reached; the first use raises ConfigError for a
    bad URL or key, MismatchError for a collection of other vectors.
    """

    url: Annotated[str, Field(description="Where the server is.")] = "http://localhost:6333"
    collection: Annotated[str, Field(description="Name of the collection; one for each index.")] = "rag"
    api_key_env: Annotated[str, Field(description="The environment variable that holds the API key, if any.")] = KEY_ENV
    timeout: Annotated[int, Field(ge=1, description="Seconds until a request has failed.")] = 30
    trust_env: Annotated[
        bool, Field(description="Use the environment's proxy and certificates; a proxy of http reads all, the key too.")
    ] = False
    in_memory: Annotated[bool, Field(description="Use no server: keep all in this process, for tests.")] = False
    dim: int = 0
    sparse: bool = True
    idf: bool = True
    tokens: bool = False
    readonly: bool = False

    def __post_init__(self) -> None:
        if holds_secret(self.url):
            raise ConfigError(f"store: url holds credentials or a query; put the key into {self.api_key_env} instead.")

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        """Add or replace, in requests of a few MB. Raises StoreError naming the first bad row."""
        check_batch(chunks, embeddings, dim=self.dim, sparse=self.sparse, tokens=self.tokens)
        self._check_writable()
        rows = zip(chunks, vector_rows(embeddings, len(chunks), _sparse), strict=True)
        points = [models.PointStruct(id=chunk.id, vector=vectors, payload=to_payload(chunk)) for chunk, vectors in rows]
        size = max(1, len(points) * REQUEST // max(1, nbytes(chunks, embeddings)))
        with self._map_errors():
            for at in range(0, len(points), size):
                self._client.upsert(self.collection, points[at : at + size], wait=True)

    def search(self, queries: Sequence[Query], *, k: int, using: str, vectors: bool = False) -> list[list[Hit]]:
        """The k best hits of each query, ties by chunk id; scores of "hybrid" compare within one query only."""
        fetch = partial(self.fetch, vectors=vectors)
        return ranking.search(queries, k=k, using=using, dim=self.dim, ask=self._ask, scroll=self._scroll, fetch=fetch)

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        """The stored chunks among `ids`, in the order asked for; with `vectors`, their dense ones."""
        with self._map_errors():
            known, names = [id for id in ids if is_id(id)], ["dense"] if vectors else False
            return to_hits(ids, self._client.retrieve(self.collection, known, with_vectors=names))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        self._check_writable()
        points = models.PointIdsList(points=[id for id in ids if is_id(id)])
        with self._map_errors():
            self._client.delete(self.collection, points, wait=True)

    def ids(self) -> set[str]:
        """Every stored chunk id."""
        found: set[str] = set()
        offset = None
        while True:
            ids, offset = self._scroll(None, offset, PAGE)
            found.update(ids)
            if offset is None:
                return found

    def flush(self) -> None:
        """Nothing to do: a write returns when the server has it."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if client := self.__dict__.pop("_client", None):
            client.close()

    @cached_property
    def _client(self) -> QdrantClient:
        client = QdrantClient(":memory:") if self.in_memory else self._connect()
        if client.collection_exists(self.collection):
            self._check_config(client.get_collection(self.collection).config.params)
        elif self.readonly:
            raise StoreError(f"{self._place}: {ADVICE[404]}")
        else:
            self._create(client)
        return client

    def _connect(self) -> QdrantClient:
        key = self._key
        if self.api_key_env not in ("", KEY_ENV) and not key:
            raise ConfigError(f"store qdrant: the environment variable {self.api_key_env} (`api_key_env`) is not set")
        try:
            return QdrantClient(
                url=self.url,
                api_key=key,
                timeout=self.timeout,
                check_compatibility=False,
                trust_env=self.trust_env,
            )
        except ValueError as error:
            raise ConfigError(f"store qdrant: `url` {self.url!r} is no URL ({error})") from error

    def _create(self, client: QdrantClient) -> None:
        vectors = {}
        if self.dim:
            vectors["dense"] = models.VectorParams(size=self.dim, distance=models.Distance.DOT)
        if self.tokens:
            vectors["tokens"] = models.VectorParams(
                size=self.dim,
                distance=models.Distance.DOT,
                multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
                hnsw_config=models.HnswConfigDiff(m=0),  # never worth a graph
            )
        modifier = models.Modifier.IDF if self.idf else None
        sparse = {"sparse": models.SparseVectorParams(modifier=modifier)} if self.sparse else {}
        client.create_collection(self.collection, vectors_config=vectors, sparse_vectors_config=sparse)
        for key in () if self.in_memory else INDEXED:
            client.create_payload_index(self.collection, key, models.PayloadSchemaType.KEYWORD)

    def _check_config(self, params: models.CollectionParams) -> None:
        vectors = params.vectors if isinstance(params.vectors, dict) else {}
        actual: dict[str, int | str] = {name: one.size for name, one in vectors.items()}
        for name, sparse in (params.sparse_vectors or {}).items():
            actual[name] = idf_label(sparse.modifier == models.Modifier.IDF)
        expected = vector_kinds(self.dim, self.sparse, self.idf, self.tokens)
        if actual != expected:
            raise MismatchError(f"{self._place}: it holds vectors {actual}, this pipeline needs {expected}")

    @property
    def _key(self) -> str | None:
        return os.environ.get(self.api_key_env) or None

    @property
    def _place(self) -> str:
        return f"collection {self.collection} of {'this process' if self.in_memory else self.url}"

    def _check_writable(self) -> None:
        if self.readonly:
            raise StoreError(f"{self._place}: this index is open for reading only")

    def _ask(self, branches: Sequence[ranking.Branch]) -> list[list[ranking.Scored]]:
        with self._map_errors():
            requests = [
                models.QueryRequest(
                    query=to_plain(branch.vector, _sparse),
                    using=branch.name,
                    filter=translate(branch.filter, DIALECT),
                    limit=branch.limit,
                    params=self._params(branch),
                )
                for branch in branches
            ]
            answers = self._client.query_batch_points(self.collection, requests)
        return [[(str(point.id), point.score) for point in answer.points] for answer in answers]

    def _params(self, branch: ranking.Branch) -> models.SearchParams | None:
        corpus = find_corpus(branch.filter) if branch.name == "sparse" and self.idf else None
        scope = models.IdfCorpusParams(corpus=translate(corpus, DIALECT)) if corpus else None
        return models.SearchParams(idf=scope) if scope else None

    def _scroll(self, filter: Filter | None, offset: Any, limit: int) -> tuple[list[str], Any]:
        chosen = translate(filter, DIALECT)
        with self._map_errors():
            records, following = self._client.scroll(
                self.collection, chosen, limit, offset=offset, with_payload=False, with_vectors=False
            )
        return [str(record.id) for record in records], following

    def _hide(self, error: Exception) -> str:
        """What a library says, in one line and without the key."""
        said = " ".join(str(error).split())
        return said.replace(self._key, "***") if self._key else said

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        try:
            yield
        except UnexpectedResponse as error:
            advice = ADVICE.get(error.status_code or 0, self._hide(error))
            raise StoreError(f"{self._place}: status {error.status_code}: {advice}") from error
        except QdrantException as error:
            raise StoreError(f"{self._place}: the server is busy ({self._hide(error)}); try again later") from error
        except ApiException as error:
            raise StoreError(
                f"{self._place}: out of reach ({self._hide(error)}). Is the server running, is `url` right, is "
                "`timeout` enough?"
            ) from error


def _sparse(indices: list[int], values: list[float]) -> Any:
    return models.SparseVector(indices=indices, values=values)
