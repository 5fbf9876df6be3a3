"""A Qdrant server or cluster, named by its URL. Same points, same vectors and same answers as `edge`.

`collection` is the name that readers use: an alias of one of two collections, `NAME.1` and `NAME.2`, so that the next
one can be filled beside the one that answers, and take its place at once. The server makes writes durable before it
acknowledges them. Its word frequencies (IDF) go on counting deleted chunks until it cleans up. `in_memory` is the
client's own Python imitation of the engine: a second opinion in tests, far too slow for use.

Vectors are found by a graph (HNSW) in large collections, so that a hit may be missed; `exact: true` misses none.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self, TypeVar

from rag.errors import StoreError, extra
from rag.stages import component
from rag.store import ranking
from rag.store.checks import check_batch, is_id
from rag.store.filters import Dialect, find_corpus, translate
from rag.store.payload import nbytes, to_hits, to_payload, to_plain, vector_kinds, vector_rows
from rag.types import Chunk, Embeddings, Filter, Hit, Query

with extra("qdrant", "store: qdrant"):
    from qdrant_client import QdrantClient, models

    from rag.store.qdrant_collections import check_vectors, find_live, has_indexes, make_indexes, make_vectors, switch
    from rag.store.qdrant_door import ADVICE, QdrantDoor
    from rag.store.qdrant_options import QdrantOptions

T = TypeVar("T")
REQUEST = 4 * 2**20  # bytes of vectors and text a request should carry: about 16 MB of JSON, servers take 32
PAGE = 10_000  # ids per scroll
OVERSAMPLING = 4.0

DIALECT = Dialect(
    filter=models.Filter,
    ids=lambda ids: models.HasIdCondition(has_id=list(ids)),
    one_of=lambda key, values: models.FieldCondition(key=key, match=models.MatchAny(any=values)),
    between=lambda key, least, most: models.FieldCondition(key=key, range=models.Range(gte=least, lte=most)),
    nested=lambda key, filter: models.NestedCondition(nested=models.Nested(key=key, filter=filter)),
)
CONSISTENCY = {"one": None, **{name: models.ReadConsistencyType(name) for name in ("majority", "quorum", "all")}}


@component
class QdrantStore(QdrantOptions):
    """A collection on a Qdrant server or cluster.

    The pipeline gives the other fields: `dim` 0 means no dense vectors, `tokens` adds one vector per token for MaxSim,
    of `token_dim` columns (0: of `dim`), `idf` makes words count more that few chunks have, `generation` is the
    collection that is meant in place of the alias. It is created by the first use unless `readonly`. Every method
    raises StoreError when the server refuses or cannot be reached; the first use raises ConfigError for a bad URL or
    key, MismatchError for a collection of other vectors or a server that is too old.
    """

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        """Add or replace, in several requests at once. Raises StoreError naming the first bad row.

        A request that is sent twice changes nothing: points are told apart by the chunk's id.
        """
        check_batch(chunks, embeddings, dim=self.dim, sparse=self.sparse, tokens=self._width)
        self._check_writable()
        rows = zip(chunks, vector_rows(embeddings, len(chunks), _sparse), strict=True)
        points = [models.PointStruct(id=chunk.id, vector=vectors, payload=to_payload(chunk)) for chunk, vectors in rows]
        most = max(1, len(points) * REQUEST // max(1, nbytes(chunks, embeddings)))
        at_once = 1 if self.in_memory else self.parallel  # the imitation takes one thread at a time
        size = min(most, -(-len(points) // at_once)) or 1
        parts = [points[at : at + size] for at in range(0, len(points), size)]
        _ = self._ready  # not by several threads
        with ThreadPoolExecutor(at_once) as threads:
            list(threads.map(self._upsert, parts))

    def search(
        self,
        queries: Sequence[Query],
        *,
        k: int,
        using: str,
        vectors: bool = False,
        weights: Mapping[str, float] | None = None,
    ) -> list[list[Hit]]:
        """The k best hits of each query, ties by chunk id; scores of "hybrid" compare within one query only."""
        fetch = partial(self.fetch, vectors=vectors)
        engine = ranking.VectorEngine(self.dim, self._ask, self._scroll, fetch, self._width)
        return ranking.search(engine, queries, k=k, using=using, weights=weights)

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        """The stored chunks among `ids`, in the order asked for; with `vectors`, their dense ones."""
        known, names = [id for id in ids if is_id(id)], ["dense"] if vectors else False
        read = CONSISTENCY[self.read_consistency]
        found = self._call(lambda client: client.retrieve(self._name, known, with_vectors=names, consistency=read))
        return to_hits(ids, found)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        self._check_writable()
        points = models.PointIdsList(points=[id for id in ids if is_id(id)])
        _ = self._ready
        self._door.change(lambda client: client.delete(self._name, points, wait=True))

    def ids(self) -> set[str]:
        """Every stored chunk id."""
        found: set[str] = set()
        offset = None
        while True:
            ids, offset = self._scroll(None, offset, PAGE)
            found.update(ids)
            if offset is None:
                return found

    def count(self) -> int:
        """How many chunks are stored, exactly."""
        return self._call(lambda client: client.count(self._name, exact=True)).count

    def flush(self) -> None:
        """Nothing to do: a write returns when the server has it."""

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self.__dict__.pop("_ready", None)
        self._door.close()

    def is_live(self) -> bool:
        """Whether there is something under the name that readers use."""
        return self._door.call(lambda client: client.collection_exists(self.collection))

    def beside(self) -> Self:
        """This store over the collection that is not read: what an interrupted run left there is still in it."""
        live = find_live(self._door, self.collection)
        names = [f"{self.collection}.{number}" for number in (1, 2)]
        other = replace(self, generation=next(name for name in names if name != live))
        other.__dict__["_door"] = self._door
        return other

    def discard(self) -> None:
        """Remove the collection of this generation, if there is one."""
        self.__dict__.pop("_ready", None)
        self._door.call(lambda client: client.delete_collection(self.generation))

    def go_live(self) -> None:
        """Let readers have this generation in place of the one before, at once, which is then removed."""
        switch(self._door, self.collection, self.generation)

    @property
    def _width(self) -> int:
        """Columns of a token's vector; 0 where none are kept."""
        return (self.token_dim or self.dim) if self.tokens else 0

    @property
    def _name(self) -> str:
        return self.generation or self.collection

    @cached_property
    def _door(self) -> QdrantDoor:
        place = f"collection {self.collection} of {'this process' if self.in_memory else self.url}"
        return QdrantDoor(
            place, "" if self.in_memory else self.url, self.api_key_env, self.timeout, self.retries, self.trust_env
        )

    @cached_property
    def _ready(self) -> bool:
        """Whether the collection is there, and is what it must be: seen to once."""
        if self._door.call(lambda client: client.collection_exists(self._name)):
            check_vectors(self._door, self._name, vector_kinds(self.dim, self.sparse, self.idf, self._width))
            if not self.in_memory and not has_indexes(self._door, self._name) and not self.readonly:
                make_indexes(self._door, self._name, self.tenants)  # whoever made it did not come to that
        elif self.readonly:
            raise StoreError(f"{self._door.place}: {ADVICE[404]}")
        else:
            self._create()
        return True

    def _call(self, do: Callable[[QdrantClient], T]) -> T:
        _ = self._ready
        return self._door.call(do)

    def _upsert(self, points: Sequence[models.PointStruct]) -> None:
        self._door.change(lambda client: client.upsert(self._name, list(points), wait=True))

    def _create(self) -> None:
        vectors = make_vectors(self.dim, self._width, on_disk=self.on_disk, quantize=self.quantize)
        modifier = models.Modifier.IDF if self.idf else None
        sparse = {"sparse": models.SparseVectorParams(modifier=modifier)} if self.sparse else {}

        def make(client: QdrantClient) -> bool:  # one whose reply was lost is not made twice
            return client.collection_exists(self._name) or client.create_collection(
                self._name,
                vectors_config=vectors,
                sparse_vectors_config=sparse,
                shard_number=self.shards or None,
                replication_factor=self.replicas,
                write_consistency_factor=self.write_consistency,
                hnsw_config=models.HnswConfigDiff(m=self.hnsw_links, ef_construct=self.hnsw_build),
            )

        self._door.call(make)
        if not self.in_memory:
            make_indexes(self._door, self._name, self.tenants)

    def _check_writable(self) -> None:
        if self.readonly:
            raise StoreError(f"{self._door.place}: this index is open for reading only")

    def _ask(self, branches: Sequence[ranking.Branch]) -> list[list[ranking.Scored]]:
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
        read = CONSISTENCY[self.read_consistency]
        answers = self._call(lambda client: client.query_batch_points(self._name, requests, consistency=read))
        if len(answers) != len(branches):
            raise StoreError(f"{self._door.place}: it answered {len(answers)} of {len(branches)} searches")
        return [[(str(point.id), point.score) for point in answer.points] for answer in answers]

    def _params(self, branch: ranking.Branch) -> models.SearchParams | None:
        if branch.name == "dense":
            short = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
            given: dict[str, Any] = {
                "hnsw_ef": self.hnsw_search or None,
                "exact": self.exact or None,
                "quantization": short if self.quantize != "none" else None,
            }
            return models.SearchParams(**given) if any(given.values()) else None
        corpus = find_corpus(branch.filter) if branch.name == "sparse" and self.idf else None
        scope = models.IdfCorpusParams(corpus=translate(corpus, DIALECT)) if corpus else None
        return models.SearchParams(idf=scope) if scope else None

    def _scroll(self, filter: Filter | None, offset: Any, limit: int) -> tuple[list[str], Any]:
        chosen, read = translate(filter, DIALECT), CONSISTENCY[self.read_consistency]

        def scroll(client: QdrantClient) -> Any:
            return client.scroll(
                self._name, chosen, limit, offset=offset, with_payload=False, with_vectors=False, consistency=read
            )

        records, following = self._call(scroll)
        return [str(record.id) for record in records], following


def _sparse(indices: list[int], values: list[float]) -> Any:
    return models.SparseVector(indices=indices, values=values)
