"""Qdrant Edge: the Qdrant engine inside this process, one folder per index. The default store.

It keeps no write-ahead log, so that several processes can read a folder at once: `flush` is what makes writes durable,
and the manifest, not this folder, is the truth. One process writes at a time; who that is, is the caller's business.
Search is exact: no graph is built, a scan takes 1 ms at 10,000 chunks and 12 ms at 100,000. Vectors are compared by
their dot product and come back bit-equal; give unit vectors where the cosine is meant. With `quantize` a scan reads a
short copy of every dense vector, and the best `OVERSAMPLING` x k are compared by their full ones, so that scores are
those of exact search but a hit may be missed (docs/guides/models.md).

Source: qdrant-edge-py 0.9. It crashes the process on a full disk and checks no data it reads: free space is checked
here, checksums are the manifest's.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import qdrant_edge as engine
from pydantic import Field

from rag.errors import CorruptError, MismatchError, RagError, SpaceError, StoreError
from rag.stages import component
from rag.store import ranking
from rag.store.checks import check_batch, is_id
from rag.store.edge_config import QUANTIZED, Quantization, bytes_to_close, index_keywords, make_config
from rag.store.filters import Dialect, find_corpus, translate
from rag.store.mapped import UNMAPPING, let_go_of_files
from rag.store.payload import idf_label, nbytes, to_hits, to_payload, to_plain, vector_kinds, vector_rows
from rag.types import Chunk, Embeddings, Filter, Hit, Query

SPARE = 64 * 2**20  # bytes the engine allocates ahead
PAGE = 10_000  # ids per scroll
OVERSAMPLING = 4.0

_RESCORED = engine.SearchParams(quantization=engine.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING))

DIALECT = Dialect(
    filter=engine.Filter,
    ids=lambda ids: engine.HasIdCondition(set(ids)),
    one_of=lambda key, values: engine.FieldCondition(key, match=engine.MatchAny(values)),
    between=lambda key, least, most: engine.FieldCondition(key, range=engine.RangeFloat(gte=least, lte=most)),
    nested=engine.NestedCondition,
)


@component
class EdgeStore:
    """A folder of the index, read by the engine inside this process.

    The pipeline gives the other fields: `dim` 0 means no dense vectors, `tokens` adds one vector per token for MaxSim,
    of `token_dim` columns (0: of `dim`), `idf` makes words count more that few chunks have. The folder is created by
    the first use when it is absent or empty, unless `readonly`. Every method raises StoreError when the engine refuses;
    opening raises MismatchError for a folder of other dimensions or vectors, CorruptError for one that cannot be read.
    """

    quantize: Annotated[Quantization, Field(description="Scan short dense vectors, compare the best by full ones.")] = (
        "none"
    )
    path: str = ""
    dim: int = 0
    sparse: bool = True
    idf: bool = True
    tokens: bool = False
    token_dim: int = 0
    readonly: bool = False

    def write(self, chunks: Sequence[Chunk], embeddings: Embeddings) -> None:
        """Add or replace. Raises StoreError naming the first bad row, SpaceError when the disk is too full."""
        check_batch(chunks, embeddings, dim=self.dim, sparse=self.sparse, tokens=self._width)
        self._check_writable()
        with self._map_errors():
            shard = self._shard
            self._check_space(nbytes(chunks, embeddings))
            rows = zip(chunks, vector_rows(embeddings, len(chunks), engine.SparseVector), strict=True)
            points = [engine.Point(chunk.id, vectors, to_payload(chunk)) for chunk, vectors in rows]
            shard.update(engine.UpdateOperation.upsert_points(points))

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
        with self._map_errors():
            records = self._shard.retrieve([id for id in ids if is_id(id)], True, ["dense"] if vectors else False)
        return to_hits(ids, records)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove these chunks; unknown ids are ignored."""
        self._check_writable()
        with self._map_errors():
            self._shard.update(engine.UpdateOperation.delete_points([id for id in ids if is_id(id)]))

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
        with self._map_errors():
            return self._shard.count(engine.CountRequest(exact=True))

    def flush(self) -> None:
        """Make what was written durable; what was not flushed may be lost when the process dies.

        Closes what is large enough (`rag.store.edge_config`). Opens the folder again: that applies the engine's
        journals, so that readers change nothing, and counts word frequencies (IDF) anew where all is in one segment.
        """
        if not self.readonly:  # an empty folder, too, is whole afterwards
            with self._map_errors():
                shard = self._shard
                self._check_space(bytes_to_close(Path(self.path)))
                shard.optimize()
                shard.flush()
                self.close()
                _ = self._shard

    def close(self) -> None:
        """Release the folder; the next use opens it again."""
        self.__dict__.pop("_has_closed", None)
        if shard := self.__dict__.pop("_shard", None):
            with UNMAPPING:
                shard.close()

    @cached_property
    def _shard(self) -> engine.EdgeShard:
        if not self.path:
            raise StoreError("store edge: the option `path` (a folder) is missing")
        folder = Path(self.path)
        if folder.is_dir() and any(folder.iterdir()):
            self._check_config(folder / "edge_config.json")
            with self._map_errors(CorruptError):
                shard = engine.EdgeShard.load(self.path, None if self.readonly else self._config)
            if self.readonly:
                let_go_of_files(self.path)
            return shard
        if self.readonly:
            raise StoreError(f"{self.path}: there is no vector index here; run `rag ingest` to build it")
        folder.mkdir(parents=True, exist_ok=True)
        self._check_space()
        with self._map_errors():
            shard = engine.EdgeShard.create(self.path, self._config)
            index_keywords(shard)
            return shard

    @property
    def _config(self) -> engine.EdgeConfig:
        return make_config(dim=self.dim, sparse=self.sparse, idf=self.idf, tokens=self._width, quantize=self.quantize)

    @cached_property
    def _has_closed(self) -> bool:
        """Whether the engine would count words in chunks that are deleted: where segments are closed."""
        return self._shard.info().segments_count > 1

    @property
    def _width(self) -> int:
        """Columns of a token's vector; 0 where none are kept."""
        return (self.token_dim or self.dim) if self.tokens else 0

    def _check_config(self, file: Path) -> None:
        """Compares what the folder says it holds with our options, before the engine touches it."""
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
            vectors, sparse = config.get("vectors", {}), config.get("sparse_vectors", {})
            actual = {name: one["size"] for name, one in vectors.items()}
            actual |= {name: idf_label(one.get("modifier") == "idf") for name, one in sparse.items()}
            short = [*(vectors.get("dense", {}).get("quantization_config") or {"none": None})]
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise CorruptError(f"{file}: the vector index cannot be read ({error}) and must be rebuilt") from error
        expected = vector_kinds(self.dim, self.sparse, self.idf, self._width)
        if actual != expected:
            raise MismatchError(f"{self.path}: the index holds vectors {actual}, this pipeline needs {expected}")
        if self.dim and short != [QUANTIZED[self.quantize][0]]:
            raise MismatchError(f"{self.path}: the index is not made for quantize: {self.quantize}; run `rag rebuild`")

    def _check_writable(self) -> None:
        if self.readonly:
            raise StoreError(f"{self.path}: this index is open for reading only")

    def _check_space(self, nbytes: int = 0) -> None:
        """The engine maps its files into memory: writing into a hole of a full disk kills the process by a signal."""
        need, free = SPARE + 2 * nbytes, shutil.disk_usage(self.path).free
        if free < need:
            raise self._full(need, free)

    def _full(self, need: int, free: int) -> SpaceError:
        return SpaceError(
            f"{self.path}: not enough free disk space: {need / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free. Make "
            "room, then run the same command again."
        )

    def _ask(self, branches: Sequence[ranking.Branch]) -> list[list[ranking.Scored]]:
        with self._map_errors():
            requests = [
                engine.QueryRequest(
                    branch.limit,
                    query=engine.Query.Nearest(to_plain(branch.vector, engine.SparseVector), using=branch.name),
                    filter=translate(branch.filter, DIALECT),
                    params=self._params(branch),
                )
                for branch in branches
            ]
            answers = self._shard.query_batch(engine.QueryBatchRequest(requests))
        return [[(str(point.id), point.score) for point in points] for points in answers]

    def _params(self, branch: ranking.Branch) -> engine.SearchParams | None:
        if branch.name == "dense":
            return _RESCORED if self.quantize != "none" else None
        if branch.name != "sparse" or not self.idf:
            return None
        corpus = translate(find_corpus(branch.filter), DIALECT) or (engine.Filter() if self._has_closed else None)
        return engine.SearchParams(idf=engine.IdfParams(corpus)) if corpus else None

    def _scroll(self, filter: Filter | None, offset: Any, limit: int) -> tuple[list[str], Any]:
        chosen = translate(filter, DIALECT)
        request = engine.ScrollRequest(offset, limit, filter=chosen, with_payload=False, with_vector=False)
        with self._map_errors():
            records, following = self._shard.scroll(request)
        return [str(record.id) for record in records], following

    @contextmanager
    def _map_errors(self, kind: type[RagError] = StoreError) -> Iterator[None]:
        """The engine raises bare exceptions, and a BaseException of its own where its Rust code panics."""
        try:
            yield
        except (RagError, GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if "os error 28" in str(error):  # ENOSPC: it writes even when it opens a folder to read
                raise self._full(SPARE, shutil.disk_usage(self.path).free) from error
            raise kind(f"{self.path}: {error}") from error
