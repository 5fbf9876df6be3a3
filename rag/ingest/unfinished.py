"""Ingests that did not come to their end: who asks the index is told that files may be missing, and what helps.

What an ingest is about is noted in the manifest before it changes anything, and struck out once all of it is published.
What this does not know: which files are missing; to look for them would take a scan.
"""

import shlex
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import PurePath

from rag.errors import RagError
from rag.index.codec import row_checksum
from rag.index.facts import name_rebuild
from rag.index.folder import Index
from rag.index.locks import is_held
from rag.index.manifest import Manifest
from rag.index.tables import add_table, insert_into, list_tables
from rag.ingest.sources import is_gone, is_inside, path_of, place_of

TABLE = "unfinished"
SHOWN = 5  # files and folders of a command


def note_begin(manifest: Manifest, names: Sequence[str]) -> None:
    """An ingest of these files and folders begins, inside a transaction."""
    add_table(manifest.db, TABLE)
    manifest.write(insert_into(TABLE, "OR IGNORE"), [(name, row_checksum(name)) for name in names])


def note_end(manifest: Manifest, roots: Sequence[str], base: str) -> None:
    """All there is at these paths is indexed, inside a transaction; what lies in them is, too."""
    tops = [place_of(root) for root in roots]
    names = _list_names(manifest)
    done = [name for name in names if any(is_inside(place_of(path_of(name, base)), top) for top in tops)]
    if done:
        manifest.write(f"DELETE FROM {TABLE} WHERE name = ?", [(name,) for name in done])


def describe_unfinished(index: Index, *, place: bool = True) -> str:
    """What to tell of an ingest that runs, or did not finish: with the command that finishes it.

    `place` says in which folder, and where a pipeline is, which is the operator's business. "" where there is none. An
    index that cannot be read says so elsewhere.
    """
    with suppress(RagError), closing(index.read_manifest()) as manifest:
        paths = {name: path_of(name, str(index.base)) for name in _list_names(manifest)}
        names = [name for name, path in paths.items() if not is_gone(path)]
        pipeline = name_rebuild(manifest.facts())
        if not names and not pipeline:
            return ""
        if is_held(index.path / "writer.lock"):
            return "This index is being written: files that are not done yet are missing, or as they were."
        words = ["rag", "ingest", *names] if names else ["rag", "upgrade"]
        if pipeline:
            words += ["--rebuild"] * bool(names) + ["--pipeline", pipeline if place else PurePath(pipeline).name]
            what = "A rebuild did not finish: the index answers as it did before"
        else:
            what = "The last ingest did not finish: files may be missing, or as they were"
        command = shlex.join(words) if len(names) <= SHOWN else "the same command"
        return f"{what}. Run `{command}`{f' in {index.base}' * place} to finish it."
    return ""


def _list_names(manifest: Manifest) -> list[str]:
    if TABLE not in list_tables(manifest.db):
        return []
    return [name for name, _ in manifest.rows(TABLE, "ORDER BY name")]
