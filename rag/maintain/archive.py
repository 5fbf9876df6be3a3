"""An index as one portable file: `export_index` writes it, `import_index` checks every byte of it before it counts.

A zip without compression: `index.json` (format, facts, size and sha256 of every other member), the manifest's tables
as JSON lines, vectors as safetensors. Equal indexes give equal archives. Nothing is ever unpacked to disk and
nothing in it is executed: names are only looked up in a fixed list, so there are no paths to escape by and no ratios
to explode.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import rag
from rag.config import PipelineConfig, build, to_facts
from rag.errors import CorruptError, InputError, MismatchError
from rag.index.codec import unpack_rows, unpack_sparse
from rag.index.facts import check_fingerprints, refuse_unfinished
from rag.index.folder import Index
from rag.index.manifest import Manifest
from rag.index.tables import CELLS, insert_into, map_errors
from rag.maintain.check import audit
from rag.types import Embeddings, Sparse

FORMAT = 1
HEAD = "index.json"
HEAD_BYTES = 1 << 24
TABLES = ("roots", "sources", "documents", "chunks")
PART = 4096  # vectors in one member
MEMBER = re.compile(r"(roots|sources|documents|chunks)\.jsonl|vectors-[0-9]{5}\.(keys\.jsonl|safetensors)")

Members = dict[str, dict[str, Any]]


def export_index(index: Index, target: Path) -> dict[str, int]:
    """Write the archive; the counts of what is in it. Raises IndexMissing, CorruptError, InputError (the file exists).

    Every row is compared with its checksum on the way.
    """
    if target.exists():
        raise InputError(f"{target}: exists already; name a new file.")
    new = target.with_name(f"{target.name}.part")
    with closing(index.read_manifest(whole=True)) as manifest, map_errors(manifest.path):
        refuse_unfinished(manifest.facts())
        manifest.db.execute("BEGIN")  # one version of everything, whoever writes meanwhile
        if wrong := next(audit(manifest.db), None):
            raise CorruptError(f"{manifest.path}: {wrong}. Run `rag check --repair`.")
        members: Members = {}
        try:
            with zipfile.ZipFile(new, "x", zipfile.ZIP_STORED) as archive:
                for table in TABLES:
                    with _member(archive, f"{table}.jsonl", members) as write:
                        for row in manifest.db.execute(
                            f"SELECT {', '.join(CELLS[table])}, crc FROM {table} ORDER BY rowid"
                        ):
                            write(_line(row))
                _write_vectors(manifest, archive, members)
                facts, counts = manifest.facts(), manifest.counts()
                head = {"format": FORMAT, "raghop": rag.__version__, "facts": facts, "counts": counts}
                archive.writestr(_info(HEAD), json.dumps({**head, "members": members}, indent=1, sort_keys=True))
            new.rename(target)
        finally:
            new.unlink(missing_ok=True)
    return counts


def read_facts(source: Path) -> dict[str, str]:
    """What the index in an archive notes about itself. Raises CorruptError, MismatchError."""
    with _open_archive(source) as archive:
        return dict(_read_head(archive, source)["facts"])


def import_index(index: Index, config: PipelineConfig, source: Path) -> dict[str, int]:
    """Make an index from an archive where there is none; the counts of what is in it.

    Raises InputError (there is an index, no such file), CorruptError (any byte differs from what was exported),
    MismatchError (another format, or made with other models or settings than the pipeline's).
    """
    stages = build(config)
    with _open_archive(source) as archive:
        head = _read_head(archive, source)
        check_fingerprints(head["facts"], stages.fingerprints)
        with index.edit_manifest() as manifest:
            if any(manifest.counts().values()):
                raise InputError(f"{index.path}: holds an index already; import into another folder.")
            with manifest.transaction():
                manifest.db.execute("PRAGMA defer_foreign_keys=ON")
                _read_vectors(manifest, archive, head["members"])
                for table in TABLES:
                    with map_errors(Path(f"{table}.jsonl")):
                        rows = _lines(archive, f"{table}.jsonl", head["members"])
                        manifest.db.executemany(insert_into(table), rows)
                manifest.set_facts({**head["facts"], **to_facts(config)})
                with map_errors(source):
                    wrong = next(audit(manifest.db), None)
                if wrong or manifest.counts() != head["counts"]:
                    raise CorruptError(f"{source}: {wrong or 'it does not hold what it says'}; nothing was imported.")
            index.publish(manifest, stages.store, fresh=True)
    return dict(head["counts"])


def _info(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, members: Members) -> Iterator[Callable[[bytes], None]]:
    """A function that writes into a member; its size and hash are noted at the end."""
    digest, size = hashlib.sha256(), 0
    with archive.open(_info(name), "w", force_zip64=True) as file:

        def write(data: bytes) -> None:
            nonlocal size
            digest.update(data)
            size += file.write(data)

        yield write
    members[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _line(row: Any) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _write_vectors(manifest: Manifest, archive: zipfile.ZipFile, members: Members) -> None:
    rows = manifest.db.execute("SELECT key, dense, sparse, tokens FROM vectors ORDER BY key")
    for number in range(100_000):
        part = rows.fetchmany(PART)
        if not part:
            return
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
        with _member(archive, f"vectors-{number:05}.keys.jsonl", members) as write:
            write(b"".join(_line(row[0]) for row in part))
        with _member(archive, f"vectors-{number:05}.safetensors", members) as write:
            write(save(tensors))


@contextmanager
def _open_archive(source: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, if it is one of ours by its members; what a library says of a bad one, as CorruptError."""
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
                if not stored or info.flag_bits & 1:
                    raise CorruptError(f"{source}: {info.filename!r} is compressed or encrypted; exports are neither.")
                if info.filename != HEAD and not MEMBER.fullmatch(info.filename):
                    raise CorruptError(f"{source}: {info.filename!r} does not belong into an export.")
            if len(set(archive.namelist())) != len(archive.namelist()):
                raise CorruptError(f"{source}: a member appears twice.")
            yield archive
    except FileNotFoundError as error:
        raise InputError(f"{source}: {error.strerror}.") from error
    except (zipfile.BadZipFile, SafetensorError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"{source}: not an export of raghop, or damaged: {error}. Nothing was imported.") from error


def _read_head(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    if archive.getinfo(HEAD).file_size > HEAD_BYTES:
        raise CorruptError(f"{source}: {HEAD} is larger than {HEAD_BYTES:,} bytes.")
    head: dict[str, Any] = json.loads(archive.read(HEAD))
    if head["format"] != FORMAT:
        raise MismatchError(f"{source}: format {head['format']}; this raghop reads {FORMAT}.")
    if {HEAD, *head["members"]} != set(archive.namelist()):
        raise CorruptError(f"{source}: its members are not those that {HEAD} lists.")
    return head


def _read(name: str, members: Mapping[str, Mapping[str, Any]], pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of a member; at its end they must have the hash that was noted."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != members[name]["sha256"]:
        raise CorruptError(f"{name}: its sha256 is not the one that was exported; nothing was imported.")


def _lines(archive: zipfile.ZipFile, name: str, members: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    with archive.open(name) as file:
        for line in _read(name, members, iter(file.readline, b"")):
            yield json.loads(line)


def _read_vectors(manifest: Manifest, archive: zipfile.ZipFile, members: Mapping[str, Mapping[str, Any]]) -> None:
    for name in sorted(n for n in members if n.endswith(".safetensors")):
        with archive.open(name) as file:
            tensors = load(b"".join(_read(name, members, iter(lambda: file.read(1 << 20), b""))))
        keys = list(_lines(archive, f"{name.removesuffix('.safetensors')}.keys.jsonl", members))
        if not all(np.isfinite(one).all() for one in tensors.values()):
            raise CorruptError(f"{name}: holds values that are not finite.")
        sparse = tokens = None
        if "sparse.sizes" in tensors:
            ends = np.cumsum(tensors["sparse.sizes"])[:-1]
            parts = (np.split(tensors[name], ends) for name in ("sparse.indices", "sparse.values"))
            sparse = list(map(Sparse, *parts))
        if "tokens.sizes" in tensors:
            tokens = np.split(tensors["tokens"], np.cumsum(tensors["tokens.sizes"])[:-1])
        embeddings = Embeddings(tensors.get("dense"), sparse, tokens)
        if any(rows is not None and len(rows) != len(keys) for rows in (embeddings.dense, sparse, tokens)):
            raise CorruptError(f"{name}: holds another number of vectors than keys.")
        manifest.put_vectors(keys, embeddings)
