"""An index as one portable file: `export_index` writes it, `import_index` checks every byte of it before it counts.

A zip without compression: `index.json` (format, facts, size and sha256 of every other member), the manifest's tables
as JSON lines, vectors as safetensors. Equal indexes give equal archives. `rag.maintain.members` reads and writes it.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from safetensors.numpy import load, save

import rag
from rag.config import PipelineConfig, build, to_facts
from rag.errors import CorruptError, InputError, RagError, SpaceError
from rag.index.codec import unpack_rows, unpack_sparse
from rag.index.disk import explain_full_disk
from rag.index.facts import PROBE, check_fingerprints, pipeline_facts, refuse_unfinished
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.tables import CELLS, insert_into, map_errors
from rag.ingest.rows import check_rows
from rag.maintain.check import audit
from rag.maintain.members import (
    FORMAT,
    HEAD,
    Members,
    measure,
    member_info,
    new_file,
    open_archive,
    read_head,
    read_lines,
    read_pieces,
    to_line,
)  # fmt: skip
from rag.stages import Embedder
from rag.types import Embeddings, Sparse, Value

TABLES = ("roots", "sources", "documents", "chunks")
PART = 4096  # vectors in one member
USED = "(SELECT key FROM chunks)"  # vectors of a kept generation stay here
JSON_CELLS: Mapping[str, TypeAdapter[Any]] = {
    "stamp": TypeAdapter(list[int]),
    "sections": TypeAdapter(list[tuple[int, int, str, str]]),
    "meta": TypeAdapter(dict[str, Value]),
    "about": TypeAdapter(list[str]),
}


def export_index(index: Index, target: Path) -> dict[str, int]:
    """Write the archive; the counts of what is in it. Raises IndexMissing, CorruptError, SpaceError, LockedError,
    InputError (the file exists).

    Every row is compared with its checksum on the way.
    """
    if target.exists():
        raise InputError(f"{target}: exists already; name a new file.")
    with closing(index.read_manifest(whole=True)) as manifest, map_errors(manifest.path):
        refuse_unfinished(manifest.facts())
        manifest.db.execute("BEGIN")  # one version of everything, whoever writes meanwhile
        if wrong := next(audit(manifest.db), None):
            raise CorruptError(f"{manifest.path}: {wrong}. Run `rag check --repair`.")
        needed = manifest.path.stat().st_size
        with explain_full_disk(target.parent, needed), new_file(target) as file, zipfile.ZipFile(file, "w") as archive:
            members: Members = {}
            for name, pieces in _members(manifest):
                with archive.open(member_info(name), "w", force_zip64=True) as member:
                    members[name] = measure(pieces, member.write)
            facts, counts = manifest.facts(), manifest.counts()
            used = manifest.db.execute(f"SELECT count(*) FROM vectors WHERE key IN {USED}").fetchone()[0]
            counts["vectors"] = int(used)
            head = {"format": FORMAT, "raghop": rag.__version__, "facts": facts, "counts": counts}
            archive.writestr(member_info(HEAD), json.dumps({**head, "members": members}, indent=1, sort_keys=True))
    return counts


def read_facts(source: Path) -> dict[str, str]:
    """What the index in an archive notes about itself. Raises CorruptError, MismatchError."""
    with open_archive(source) as archive:
        return dict(read_head(archive, source)["facts"])


def import_index(index: Index, config: PipelineConfig, source: Path) -> dict[str, int]:
    """Make an index from an archive where there is none; the counts of what is in it.

    An index that holds just what the archive does is finished, should that be needed: an import that was interrupted
    goes on where it stopped. Raises InputError (there is another index, no such file), CorruptError (any byte differs
    from what was exported), MismatchError (another format, or made with other models or settings than the
    pipeline's), SpaceError, StoreError. Then nothing is imported, but after a SpaceError while publishing.
    """
    stages = build(config)
    with open_archive(source) as archive:
        head = read_head(archive, source)
        check_fingerprints(head["facts"], stages.fingerprints)
    with index.edit_manifest() as manifest:
        new = not any(manifest.counts().values())
        if new:
            with open_archive(source) as archive, explain_full_disk(index.path, source.stat().st_size):
                head = read_head(archive, source)
                with manifest.transaction():
                    _read_rows(manifest, archive, head, stages.embedder)
                    probe = {name: value for name, value in head["facts"].items() if name == PROBE}
                    manifest.set_facts(pipeline_facts(to_facts(config), stages.fingerprints) | probe)
                    if wrong := next(audit(manifest.db), None):
                        raise CorruptError(f"{source}: {wrong}; nothing was imported.")
                    if manifest.counts() != head["counts"]:
                        raise CorruptError(f"{source}: it does not hold what it says; nothing was imported.")
        elif {name: measure(pieces) for name, pieces in _members(manifest)} != head["members"]:
            raise InputError(f"{index.path}: holds another index already; import into another folder.")
        try:
            index.publish(manifest, stages.store, fresh=False)
        except (SpaceError, OSError):  # nothing that the rows are the cause of: the same command goes on
            raise
        except Exception as error:  # rows that fit together, and to no vector index
            if new:
                with manifest.transaction():
                    manifest.clear()
            if isinstance(error, RagError):
                raise
            raise CorruptError(f"{source}: {type(error).__name__}: {error}. Nothing was imported.") from error
    return dict(head["counts"])


def _members(manifest: Manifest) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and pieces of every member of a manifest's archive but the head."""
    for table in TABLES:
        rows = manifest.db.execute(f"SELECT {', '.join(CELLS[table])}, crc FROM {table} ORDER BY rowid")
        yield f"{table}.jsonl", map(to_line, rows)
    rows = manifest.db.execute(f"SELECT key, dense, sparse, tokens FROM vectors WHERE key IN {USED} ORDER BY key")
    for number, part in enumerate(iter(lambda: rows.fetchmany(PART), [])):
        tensors: dict[str, Any] = {}
        if part[0][1]:
            tensors["dense"] = np.stack([np.frombuffer(row[1], "<f4") for row in part])
        if part[0][2]:
            sparse = [unpack_sparse(row[2]) for row in part]
            tensors["sparse.sizes"] = np.array([len(one.indices) for one in sparse])
            tensors["sparse.indices"] = np.concatenate([one.indices for one in sparse])
            tensors["sparse.values"] = np.concatenate([one.values for one in sparse])
        if part[0][3]:
            tokens = [unpack_rows(row[3]) for row in part]
            tensors["tokens.sizes"] = np.array([len(one) for one in tokens])
            tensors["tokens"] = np.concatenate(tokens)
        yield f"vectors-{number:05}.keys.jsonl", (to_line(row[0]) for row in part)
        yield f"vectors-{number:05}.safetensors", iter([save(tensors)])


def _read_rows(manifest: Manifest, archive: zipfile.ZipFile, head: Mapping[str, Any], embedder: Embedder) -> None:
    """Every row of an archive into an empty manifest. Raises whatever comes of one that was not exported."""
    members = head["members"]
    manifest.db.execute("PRAGMA defer_foreign_keys=ON")
    for name in sorted(n for n in members if n.endswith(".safetensors")):
        with archive.open(name) as file:
            tensors = load(b"".join(read_pieces(name, members, iter(lambda: file.read(1 << 20), b""))))
        keys = list(read_lines(archive, f"{name.removesuffix('.safetensors')}.keys.jsonl", members))
        sparse = tokens = None
        if "sparse.sizes" in tensors:
            ends = np.cumsum(tensors["sparse.sizes"])[:-1]
            parts = (np.split(tensors[name], ends) for name in ("sparse.indices", "sparse.values"))
            sparse = list(map(Sparse, *parts))
        if "tokens.sizes" in tensors:
            tokens = np.split(tensors["tokens"], np.cumsum(tensors["tokens.sizes"])[:-1])
        embeddings = Embeddings(tensors.get("dense"), sparse, tokens)
        check_rows(embeddings, len(keys), embedder.dim, embedder.representations)
        manifest.put_vectors(keys, embeddings)
    for table in TABLES:
        manifest.db.executemany(insert_into(table), _check_types(table, read_lines(archive, f"{table}.jsonl", members)))


def _check_types(table: str, rows: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Rows whose cells of JSON hold what they must. Raises ValueError."""
    checks = [(CELLS[table].index(name), kind) for name, kind in JSON_CELLS.items() if name in CELLS[table]]
    for row in rows:
        for at, kind in checks:
            kind.validate_json(row[at], strict=True)
        yield row
