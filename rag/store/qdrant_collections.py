"""Collections of a Qdrant server: the vectors of a new one, and the alias by which readers have one of two."""

from functools import partial
from typing import Any

from qdrant_client import QdrantClient, models

from rag.errors import MismatchError, StoreError
from rag.store.payload import INDEXED, RANGED, idf_label
from rag.store.qdrant_door import QdrantDoor

QUANTIZED = {
    "none": None,
    "int8": models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    ),
    "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True)),
}


INDEXES = dict.fromkeys(INDEXED, "keyword") | RANGED  # of the payload: what filters ask for, so that no chunk is read


def make_vectors(dim: int, tokens: int, *, on_disk: bool, quantize: str) -> dict[str, models.VectorParams]:
    """The dense vectors of a new collection, by name: of chunks and of tokens, with so many columns; 0 is none."""
    vectors = {}
    if dim:
        vectors["dense"] = models.VectorParams(
            size=dim,
            distance=models.Distance.DOT,
            on_disk=on_disk or None,
            quantization_config=QUANTIZED[quantize],
        )
    if tokens:
        vectors["tokens"] = models.VectorParams(
            size=tokens,
            distance=models.Distance.DOT,
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            hnsw_config=models.HnswConfigDiff(m=0),  # never worth a graph
            on_disk=on_disk or None,
        )
    return vectors


def check_vectors(door: QdrantDoor, collection: str, expected: dict[str, int | str]) -> None:
    """Raises MismatchError where a collection holds other vectors than `expected`."""
    params = door.call(lambda client: client.get_collection(collection)).config.params
    vectors = params.vectors if isinstance(params.vectors, dict) else {}
    actual: dict[str, int | str] = {name: one.size for name, one in vectors.items()}
    for name, sparse in (params.sparse_vectors or {}).items():
        actual[name] = idf_label(sparse.modifier == models.Modifier.IDF)
    if actual != expected:
        raise MismatchError(f"{door.place}: it holds vectors {actual}, this pipeline needs {expected}")


def make_indexes(door: QdrantDoor, collection: str, tenants: str) -> None:
    """Indexes of the payload, for filters; one that is there stays. `tenants`: chunks are kept together by this one."""
    for key, kind in INDEXES.items():
        keyword = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=key == tenants or None)
        schema: Any = keyword if kind == "keyword" else models.PayloadSchemaType(kind)
        door.change(partial(_make_index, collection, key, schema))


def _make_index(collection: str, key: str, schema: Any, client: QdrantClient) -> models.UpdateResult:
    return client.create_payload_index(collection, key, schema, wait=True)


def has_indexes(door: QdrantDoor, collection: str) -> bool:
    """Whether a collection has all indexes of the payload, which one of an earlier version lacks.

    Raises MismatchError where it lacks some and holds chunks: a filter would find none of them.
    """
    missing = INDEXES.keys() - door.call(lambda client: client.get_collection(collection)).payload_schema.keys()
    if missing and door.call(lambda client: client.count(collection, exact=True)).count:
        raise MismatchError(
            f"{door.place}: an earlier version of raghop filled it (no index of {', '.join(sorted(missing))}). Run "
            "`rag rebuild` once; nothing is read or embedded again."
        )
    return not missing


def find_live(door: QdrantDoor, alias: str) -> str:
    """The collection that readers have: what the alias stands for; "" where there is none."""

    def ask(client: QdrantClient) -> str:
        found = {one.alias_name: one.collection_name for one in client.get_aliases().aliases}
        return found.get(alias) or (alias if client.collection_exists(alias) else "")

    return door.call(ask)


def switch(door: QdrantDoor, alias: str, generation: str) -> None:
    """Let readers have a generation in place of the one before, at once, which is then removed."""
    before = find_live(door, alias)
    if before != generation:
        make = models.CreateAlias(collection_name=generation, alias_name=alias)
        steps: list[Any] = [models.CreateAliasOperation(create_alias=make)]
        if before == alias:  # of an older version of raghop: a collection has the name, which is needed
            door.call(lambda client: client.delete_collection(before))
        elif before:
            steps.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))

        def change(client: QdrantClient) -> bool:  # one whose reply was lost is not done twice
            return find_live(door, alias) == generation or client.update_collection_aliases(steps)

        door.call(change)
    if (now := find_live(door, alias)) != generation:
        raise StoreError(f"{door.place}: {now or 'nothing'} is read there, not {generation}. Try again.")
    if before and before not in (generation, alias):
        door.call(lambda client: client.delete_collection(before))
