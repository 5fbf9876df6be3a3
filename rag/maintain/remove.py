"""Take sources out of an index: `delete` so that they are not found, `purge` so that nothing of their text is left.

A source whose file is still there is remembered as left out, or the next ingest of its folder would bring it back; to
name the file itself takes it back. `purge` writes manifest and vector index anew without the text and removes the old
ones. What the disk keeps of files that were removed is the file system's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rag import cache
from rag.config import PipelineConfig, build
from rag.errors import InputError, LockedError
from rag.index.facts import refuse_unfinished
from rag.index.folder import Index
from rag.index.generations import collect
from rag.index.locks import Wait
from rag.index.manifest import Manifest
from rag.ingest.sources import EXCLUDED, is_gone, path_of
from rag.stages import LocalStore
from rag.types import Source


@dataclass(frozen=True, slots=True)
class Removal:
    """Names of what was taken out; `excluded` of it is still on disk; `copies` hold the same text and stay.

    `notes` of language models are gone from the cache.
    """

    names: list[str]
    excluded: list[str]
    copies: list[str]
    notes: int = 0


def delete(
    index: Index, config: PipelineConfig, names: Sequence[str], *, purge: bool = False, wait: Wait | None = None
) -> Removal:
    """Take out the sources of these names, as `rag status` shows them and `rag.maintain.select` finds them.

    Raises InputError for a name that no source has, LockedError unless it is to `wait` for another writer. With `purge`
    also when another process still reads an older generation: the text is gone from all files but that one's.
    """
    index.must_exist()
    notes, stages = 0, build(config)
    with index.edit_manifest(wait=wait) as manifest:
        refuse_unfinished(manifest.facts())
        if purge:
            manifest.db.execute("PRAGMA secure_delete=ON")
        names = sorted(set(names))
        if unknown := sorted(set(names) - set(manifest.sources())):
            raise InputError(
                f"{unknown[0]}: no indexed file has this name; `rag status` lists them. Nothing was removed."
            )
        copies = _find_copies(manifest, names)
        excluded = [name for name in names if not is_gone(path_of(name, str(index.base)))]
        with manifest.transaction():
            for name in names:
                manifest.replace_documents(name, [], [])
                if purge or name in excluded:
                    source = Source(name, name, (0, 0, 0, 0))
                    manifest.put_source(source, sha256="", parser="", status=EXCLUDED, reason="left out on request")
                else:
                    manifest.drop_sources([name])
            manifest.drop_unused_vectors()
        index.publish(manifest, stages.store, fresh=purge)
        if purge:
            if isinstance(stages.store, LocalStore) and (in_use := collect(index.path, index.live_number() or 0)):
                raise LockedError(
                    f"{index.path / 'generations' / str(in_use[0])}: another process still reads this older version, "
                    "which holds the text. Run the same command again when it is done."
                )
            with manifest.transaction():
                manifest.drop_sources(name for name in names if name not in excluded)
            manifest.vacuum()
            for path in index.path.glob("chats.sqlite*"):  # what was answered may hold the text
                path.unlink()
            notes = cache.clear(cache.NOTES)  # any may speak of the text: they are kept by what was asked
    return Removal(names, excluded, copies, notes)


def _find_copies(manifest: Manifest, names: Sequence[str]) -> list[str]:
    """Other sources that hold a document with the same text."""
    documents, own = manifest.db.execute("SELECT digest, source FROM documents").fetchall(), set(names)
    digests = {digest for digest, source in documents if source in own}
    return sorted({source for digest, source in documents if digest in digests} - own)
