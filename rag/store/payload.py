"""Chunks and vectors in the plain form engines take, and back without loss. Pure.

Metadata is kept as JSON text, since engines round some numbers, and beside it as words to filter by; numbers and dates
also as pairs of whole numbers in their order, for ranges.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rag.errors import CorruptError
from rag.text.access import groups_of
from rag.text.ranges import place, sort_key
from rag.text.values import from_json
from rag.types import Chunk, Embeddings, Hit, Section, Sparse, Value, Vector, Vectors

SparseClass = Callable[[list[int], list[float]], Any]  # an engine's
KEYWORDS = ("doc_id", "source", "title", "about", "access")  # fields of words to filter by
FIELDS = "fields"  # a word for each value of the metadata
ORDERED = "ordered"  # an entry for each number and date of the metadata
NAME, HIGH, LOW = "name", "high", "low"  # of an entry: `order_name`, and the halves of `sort_key`
INDEXED = (*KEYWORDS, FIELDS)  # what every engine keeps a keyword index of
RANGED = {f"{ORDERED}[].{NAME}": "keyword", f"{ORDERED}[].{HIGH}": "integer", f"{ORDERED}[].{LOW}": "integer"}
LONGEST = 64  # characters of a value in such a word; a longer one is hashed


def to_payload(chunk: Chunk) -> dict[str, Any]:
    """Plain data from which `to_chunk` rebuilds the chunk; the id is the point's own.

    Empty fields are left out, but for those that a filter may want empty.
    """
    meta = chunk.meta.items()
    own = [(name, one) for name, values in meta for one in (values if isinstance(values, tuple) else (values,))]
    payload = {
        "doc_id": chunk.doc_id,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "source": chunk.source,
        "title": chunk.title,
        "context": chunk.context,
        "about": list(chunk.about),
        "access": list(groups_of(chunk.meta)),
        "sections": [[s.start, s.end, s.kind, s.label] for s in chunk.sections],
        "meta": json.dumps(dict(chunk.meta), ensure_ascii=False, allow_nan=False) if chunk.meta else "",
        FIELDS: [word(name, value) for name, value in own],
        ORDERED: [
            {NAME: order_name(found[0], name), HIGH: high, LOW: low}
            for name, value in own
            if (found := place(value))
            for high, low in [sort_key(found[1])]
        ],
    }
    return {key: value for key, value in payload.items() if key in KEYWORDS or value not in ("", [])}


def word(name: str, value: Value) -> str:
    """A value of a field as a word: the same for the same value, 1 and 1.0 are one, "1" and true are others."""
    if isinstance(value, bool):
        shape = f"?{value}"
    elif isinstance(value, str):
        shape = f"'{value}"
    else:
        shape = f"#{int(value):x}" if isinstance(value, int) or value.is_integer() else f"#{value!r}"
    if len(shape) > LONGEST:
        shape = f"{shape[0]}{hashlib.sha256(shape.encode('utf-8', 'surrogatepass')).hexdigest()}"
    name = name.casefold()
    return f"{len(name)} {name}={shape}"


def order_name(kind: str, name: str) -> str:
    """Under which numbers, or dates, of a field are kept: `kind` is one of `rag.text.ranges`."""
    return f"{kind}{name.casefold()}"


def to_chunk(id: str, payload: Mapping[str, Any]) -> Chunk:
    """The chunk that was written under this id. Raises CorruptError for a payload that is none of ours."""
    try:
        return Chunk(
            id=id,
            doc_id=payload.get("doc_id", ""),
            text=payload.get("text", ""),
            start=payload["start"],
            end=payload["end"],
            source=payload.get("source", ""),
            title=payload.get("title", ""),
            context=payload.get("context", ""),
            about=tuple(payload.get("about", ())),
            sections=tuple(Section(*section) for section in payload.get("sections", ())),
            meta=from_json(json.loads(payload["meta"])) if "meta" in payload else {},
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"point {id} of the vector index holds no chunk ({error!r}); the index must be rebuilt"
        raise CorruptError(what) from error


def to_plain(vector: Vector | Vectors | Sparse, sparse: SparseClass) -> Any:
    """A vector as lists of numbers, which engines take fastest, or as the engine's `sparse` class."""
    return sparse(vector.indices.tolist(), vector.values.tolist()) if isinstance(vector, Sparse) else vector.tolist()


def vector_rows(embeddings: Embeddings, n: int, sparse: SparseClass) -> list[dict[str, Any]]:
    """The vectors of n points by name. An empty sparse vector is left out: such a chunk is no part of the IDF."""
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for name in ("dense", "sparse", "tokens"):
        vectors = getattr(embeddings, name)
        for row, vector in zip(rows, () if vectors is None else vectors, strict=False):
            if not isinstance(vector, Sparse) or len(vector.indices):
                row[name] = to_plain(vector, sparse)
    return rows


def to_hits(ids: Sequence[str], records: Iterable[Any]) -> list[Hit]:
    """The engine's records in the order of `ids`, with their dense vectors where those were asked for."""
    found = {str(record.id): record for record in records}
    hits = []
    for record in (found[id] for id in ids if id in found):
        vector = _to_vector(record.vector["dense"]) if record.vector else None
        hits.append(Hit(to_chunk(str(record.id), record.payload or {}), 0.0, vector=vector))
    return hits


def _to_vector(numbers: Sequence[float]) -> Vector:
    """Numbers that were float32 before; numpy alone takes five times as long to read a list."""
    return np.frombuffer(struct.pack(f"={len(numbers)}f", *numbers), dtype=np.float32)


def nbytes(chunks: Sequence[Chunk], embeddings: Embeddings) -> int:
    """About how much a batch takes: text and vectors."""
    return sum(len(chunk.text) for chunk in chunks) + embeddings.nbytes


def vector_kinds(dim: int, sparse: bool, idf: bool, tokens: int) -> dict[str, int | str]:
    """The vectors of a store by name, with their columns, or how sparse ones count: what an index must match.

    `dim` and `tokens` are columns; 0 stands for none.
    """
    dense = {"dense": dim, "tokens": tokens}
    return {name: size for name, size in dense.items() if size} | ({"sparse": idf_label(idf)} if sparse else {})


def idf_label(idf: bool) -> str:
    """How sparse values count."""
    return "with idf" if idf else "as given"
