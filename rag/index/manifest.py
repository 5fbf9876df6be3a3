"""The manifest: one SQLite file that is the truth about an index; the vector index is derived from it.

source -> document -> chunk -> vectors, with content hashes and a status for every source. It holds no engine and knows
no stage; `rag.index.folder` owns the folder, `rag.index.database` the file, `rag.index.tables` the tables. Vectors are
stored once per content key, so a renamed file, a copy or an interrupted run never pays for them again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.errors import CorruptError
from rag.index.chunk_list import ChunkList
from rag.index.codec import Cell, chunk_checksum, pack_embeddings, row_checksum, unpack_embeddings
from rag.index.database import AMONG, Database
from rag.index.tables import REPAIR, add_table, insert_into, list_tables, map_errors, row_to_chunk, row_to_document
from rag.text.access import FIELD
from rag.types import Chunk, Chunked, Document, Embeddings, Source


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What the manifest knows of a source. `documents` and `chunks` are counts."""

    name: str
    stamp: tuple[int, ...]
    sha256: str
    parser: str
    status: str
    reason: str
    documents: int
    chunks: int


class Manifest(Database):
    """What is known of an index. Every method raises what `Database` says."""

    _chunks: tuple[tuple[int, int], ChunkList] | None = None  # as they were last read
    _elsewhere = 0  # rows changed by statements that can touch no chunk

    def write(self, statement: str, rows: Iterable[Sequence[Cell]]) -> int:
        """See `Database.write`."""
        before = self.changes
        written = super().write(statement, rows)
        if not any(table in statement for table in ("chunks", "documents", "sources")):  # the latter delete the former
            self._elsewhere += self.changes - before
        return written

    def facts(self) -> dict[str, str]:
        """Everything noted about the index as a whole."""
        return {name: value for name, value, _ in self.rows("facts", "ORDER BY name")}

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Replace all facts."""
        self.write("DELETE FROM facts", [()])
        self.write("INSERT INTO facts (name, value, crc) VALUES (?1, ?2, crc(?1, ?2))", facts.items())

    def roots(self) -> list[str]:
        """What was ever ingested: files and folders, relative to the index where they lie beside it."""
        return [name for name, _ in self.rows("roots", "ORDER BY name")]

    def add_roots(self, roots: Iterable[str]) -> None:
        """Remember these."""
        self.write("INSERT OR IGNORE INTO roots (name, crc) VALUES (?1, crc(?1))", [(r,) for r in roots])

    def sources(self) -> dict[str, SourceRow]:
        """Every source by name."""
        with map_errors(self.path):
            rows = self.rows("sources", "ORDER BY name")
            return {row[0]: SourceRow(row[0], tuple(json.loads(row[1])), *row[2:-1]) for row in rows}

    def put_source(self, source: Source, *, sha256: str, parser: str, status: str, reason: str) -> None:
        """Add or update a source's own row; its documents stay."""
        crc = "excluded.name, excluded.stamp, excluded.sha256, excluded.parser, excluded.status, excluded.reason"
        self.write(
            "INSERT INTO sources (name, stamp, sha256, parser, status, reason, documents, chunks, crc) VALUES "
            "(?1, ?2, ?3, ?4, ?5, ?6, 0, 0, crc(?1, ?2, ?3, ?4, ?5, ?6, 0, 0)) ON CONFLICT (name) DO UPDATE SET "
            "stamp = excluded.stamp, sha256 = excluded.sha256, parser = excluded.parser, status = excluded.status, "
            f"reason = excluded.reason, crc = crc({crc}, documents, chunks)",
            [(source.name, json.dumps(source.stamp), sha256, parser, status, reason)],
        )

    def update_stamps(self, sources: Iterable[Source]) -> None:
        """Note new stamps of sources whose content is unchanged."""
        self.write(
            "UPDATE sources SET stamp = ?2, crc = crc(name, ?2, sha256, parser, status, reason, documents, chunks) "
            "WHERE name = ?1",
            [(source.name, json.dumps(source.stamp)) for source in sources],
        )

    def drop_sources(self, names: Iterable[str]) -> None:
        """Remove sources with their documents and chunks."""
        self.write("DELETE FROM sources WHERE name = ?", [(name,) for name in names])

    def replace_documents(self, source: str, batch: Sequence[Chunked], keys: Sequence[Sequence[str]]) -> None:
        """A source's documents and chunks from now on; `keys[i][j]` names the vectors of chunk j of document i."""
        self.write("DELETE FROM documents WHERE source = ?", [(source,)])
        self.write(
            "INSERT INTO documents (id, source, digest, title, text, sections, meta, crc) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, crc(?1, ?2, ?3, ?4, ?5, ?6, ?7))",
            [
                (
                    d.id, d.source, d.digest, d.title, d.text,
                    json.dumps([(s.start, s.end, s.kind, s.label) for s in d.sections]), json.dumps(dict(d.meta)),
                )
                for d in (chunked.document for chunked in batch)
            ],
        )  # fmt: skip
        cells = [
            (chunked.document, (c.id, c.doc_id, c.start, c.end, c.context, json.dumps(c.about), key))
            for chunked, row in zip(batch, keys, strict=True)
            for c, key in zip(chunked.chunks, row, strict=True)
        ]
        rows = [(*row, chunk_checksum(row_to_chunk(row, document), row[-1])) for document, row in cells]
        self.write(insert_into("chunks"), rows)
        self.write(
            "UPDATE sources SET documents = ?2, chunks = ?3, crc = crc(name, stamp, sha256, parser, status, reason, "
            "?2, ?3) WHERE name = ?1",
            [(source, len(batch), len(rows))],
        )

    def documents(self, source: str) -> list[Document]:
        """The documents of a source, in the order they were loaded."""
        return self.select_documents("source = ?", [source])

    def select_documents(self, condition: str, values: Sequence[str]) -> list[Document]:
        """The documents for which a condition in SQL holds, in the order they were loaded."""
        with map_errors(self.path):
            rows = self.rows("documents", f"WHERE {condition} ORDER BY rowid", values)
            return [row_to_document(row[:-1]) for row in rows]

    def set_access(self, source: str, groups: Sequence[str]) -> None:
        """The groups that may read all documents of a source, from now on; chunks and vectors stay."""
        documents = [replace(one, meta={**one.meta, FIELD: tuple(groups)}) for one in self.documents(source)]
        batch, keys = [], []
        for document in documents:
            with map_errors(self.path):
                rows = self.rows("chunks", "WHERE doc_id = ? ORDER BY rowid", [document.id])
                batch.append(Chunked(document, tuple(row_to_chunk(row[:-1], document) for row in rows)))
                keys.append([row[6] for row in rows])
        self.replace_documents(source, batch, keys)

    def chunk_list(self) -> ChunkList:
        """What the vector index must hold, no more, no less; read anew where anything was written since."""
        with map_errors(self.path):
            others = self.db.execute("PRAGMA data_version").fetchone()[0]
            state = (self.changes - self._elsewhere, others)
            if self._chunks and self._chunks[0] == state:
                return self._chunks[1]
            rows = self.db.execute("SELECT id, crc FROM chunks ORDER BY rowid")
            chunks = ChunkList(dict(rows.fetchall()))
            self._chunks = None if self.db.in_transaction else (state, chunks)  # what is undone counts as a change
            return chunks

    def chunk_ids(self) -> list[str]:
        """Every chunk id, documents together."""
        return list(self.chunk_list().checksums)

    def chunk_keys(self, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """The vectors' key and the checksum of those of these chunks that exist."""
        with map_errors(self.path):
            return {row[0]: (row[6], row[-1]) for row in self._among("chunks", "id", ids)}

    def chunks_over(self, document: str, start: int, end: int) -> list[str]:
        """The ids of a document's chunks that overlap a span of its text, in text order."""
        with map_errors(self.path):
            rows = self.db.execute(
                "SELECT id FROM chunks WHERE doc_id = ? AND start < ? AND stop > ? ORDER BY start",
                [document, end, start],
            )
            return [str(id) for (id,) in rows]

    def counts(self) -> dict[str, int]:
        """Numbers of sources, documents, chunks and vectors."""
        tables = ("sources", "documents", "chunks", "vectors")
        with map_errors(self.path):
            return {t: int(self.db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) for t in tables}

    def chunks(self, ids: Sequence[str]) -> tuple[list[Chunk], Embeddings]:
        """These chunks with their vectors."""
        with map_errors(self.path):
            found = {row[0]: row for row in self._among("chunks", "id", ids)}
            owners = self._among("documents", "id", {row[1] for row in found.values()})
            documents = {row[0]: row_to_document(row[:-1]) for row in owners}
            vectors = {row[0]: row for row in self._among("vectors", "key", {row[6] for row in found.values()})}
            chunks, keyed = [], []
            for row in (found[i] for i in ids if i in found):
                chunk = row_to_chunk(row[:-1], documents[row[1]])
                if chunk_checksum(chunk, row[6]) != row[-1]:
                    raise CorruptError(f"{self.path}: a stored chunk of {chunk.source} fails its checksum. {REPAIR}")
                chunks.append(chunk)
                keyed.append(vectors[row[6]])
            return chunks, unpack_embeddings(keyed)

    def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that have stored vectors."""
        rows = self.db.execute(f"SELECT key FROM vectors WHERE key {AMONG}", [json.dumps(list(keys))])
        return {key for (key,) in rows}

    def vectors(self, keys: Iterable[str]) -> tuple[list[str], Embeddings]:
        """Those of `keys` that have stored vectors, each once, and these."""
        with map_errors(self.path):
            rows = self._among("vectors", "key", keys)
            return [row[0] for row in rows], unpack_embeddings(rows)

    def put_vectors(self, keys: Sequence[str], embeddings: Embeddings) -> None:
        """Store one row per key."""
        self.write(insert_into("vectors", "OR REPLACE"), pack_embeddings(keys, embeddings))

    def put_letters(self, sha256: str, letters: Sequence[tuple[int, bytes]]) -> None:
        """What OCR saw on the pages of the file with these bytes; nothing is noted where it saw nothing."""
        if letters:
            add_table(self.db, "letters")
            self.write("DELETE FROM letters WHERE sha256 = ?", [(sha256,)])
            rows = [(sha256, page, packed) for page, packed in letters]
            self.write(insert_into("letters"), [(*row, row_checksum(*row)) for row in rows])

    def letters(self, sha256: str, page: int) -> bytes:
        """What OCR saw on a page; b"" where that is not stored: an older index, or one that was repaired."""
        if "letters" not in list_tables(self.db):
            return b""
        with map_errors(self.path):
            rows = self.rows("letters", "WHERE sha256 = ? AND page = ?", [sha256, str(page)])
            return bytes(rows[0][2]) if rows else b""

    def drop_unused_vectors(self) -> int:
        """Drop vectors that neither a chunk uses nor a kept generation has of a text that is there; how many."""
        used = "SELECT key FROM chunks"
        if "letters" in list_tables(self.db):
            self.write("DELETE FROM letters WHERE sha256 NOT IN (SELECT sha256 FROM sources)", [()])
        if "kept_vectors" in list_tables(self.db):
            self.write("DELETE FROM kept_vectors WHERE digest NOT IN (SELECT digest FROM documents)", [()])
            used += " UNION SELECT key FROM kept_vectors"
        unused = f"SELECT rowid FROM vectors WHERE key NOT IN ({used})"  # out of two indexes, no row is read
        return self.write(f"DELETE FROM vectors WHERE rowid IN ({unused})", [()])

    def clear(self) -> None:
        """Drop everything."""
        for table in list_tables(self.db):
            self.write(f"DELETE FROM {table}", [()])
