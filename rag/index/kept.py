"""Generations that can be come back to: what made them, and the vectors they had, which no longer belong to any chunk.

The chunks of an index are those of one pipeline. Of what an upgrade replaces, these are kept on request: its facts, and
of every document's text the keys of its vectors, which then stay in the manifest. To make that index again takes
chunking and no model. A document that is changed or taken out takes its own along: nothing of a text is
kept longer than the text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rag.errors import MismatchError
from rag.index.codec import row_checksum
from rag.index.facts import REBUILDING
from rag.index.manifest import Manifest
from rag.index.tables import add_table, insert_into, list_tables, map_errors

TABLES = ("kept_generations", "kept_vectors")


@dataclass(frozen=True, slots=True)
class KeptGeneration:
    """Its number, the facts of its index, and how many vectors of it are there."""

    number: int
    facts: Mapping[str, str]
    vectors: int


def list_kept(manifest: Manifest) -> dict[int, KeptGeneration]:
    """Every kept generation by its number. Raises CorruptError."""
    with map_errors(manifest.path):
        if not set(TABLES) <= set(list_tables(manifest.db)):
            return {}
        rows = manifest.db.execute("SELECT number, count(*) FROM kept_vectors GROUP BY number")
        counts: dict[int, int] = dict(rows.fetchall())
        return {
            number: KeptGeneration(number, json.loads(facts), counts.get(number, 0))
            for number, facts, _ in manifest.rows("kept_generations", "ORDER BY number")
        }


def find_kept(manifest: Manifest, facts: Mapping[str, str]) -> KeptGeneration | None:
    """The kept generation that was made with these facts."""
    own = {name: value for name, value in facts.items() if name != REBUILDING}
    return next((one for one in list_kept(manifest).values() if one.facts == own), None)


def keep_generation(manifest: Manifest, live: int | None) -> None:
    """Keep the index as it is, inside a transaction; its number is that of the `live` generation, if that is free.

    Raises MismatchError where a rebuild has begun to change it.
    """
    if REBUILDING in manifest.facts():
        raise MismatchError(
            "a rebuild was begun without --keep: what was before it is no longer whole. Leave out --keep."
        )
    known = list_kept(manifest)
    for table in TABLES:
        add_table(manifest.db, table)
    number = live if live is not None and live not in known else 1 + max([live or 0, *known])
    facts = json.dumps(manifest.facts(), sort_keys=True)
    manifest.write(insert_into("kept_generations"), [(number, facts, row_checksum(number, facts))])
    manifest.write(
        "INSERT INTO kept_vectors (number, digest, key, crc) SELECT DISTINCT ?1, digest, key, crc(?1, digest, key) "
        "FROM chunks JOIN documents ON documents.id = doc_id",
        [(number,)],
    )


def release(manifest: Manifest, number: int) -> None:
    """Keep this generation no longer, inside a transaction; `Manifest.drop_unused_vectors` drops what only it had."""
    for table in TABLES:
        manifest.write(f"DELETE FROM {table} WHERE number = ?", [(number,)])
