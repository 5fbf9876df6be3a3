"""Vectors that an index has already, for one that is made anew with other sparse vectors by the same embedder.

Dense vectors and those of tokens depend on the embedder and on what it reads of a chunk; words are counted again in a
hundredth of the time. What is not found here is embedded as ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from rag.config import Stages
from rag.index.manifest import Manifest
from rag.ingest.alone import is_alone
from rag.ingest.rows import check_rows
from rag.ingest.vectorize import Keys, keys_of
from rag.stages import JointEmbedder
from rag.types import Chunked, Embeddings


@dataclass(frozen=True, slots=True)
class EarlierVectors:
    """Those of a manifest that were made as `before` says, the fingerprints of an index."""

    manifest: Manifest
    stages: Stages
    before: Mapping[str, str]

    @classmethod
    def find(cls, manifest: Manifest, stages: Stages) -> "EarlierVectors | None":
        """Those of the index as it is; None where another embedder made them, or where nothing differs."""
        facts = manifest.facts()
        names = {kind: f"fingerprint.{kind}" for kind in ("embed", "sparse")}
        before = {kind: facts[name] for kind, name in names.items() if name in facts}
        now = {kind: value for kind, value in stages.fingerprints.items() if kind in names}
        return cls(manifest, stages, before) if before.get("embed") == now["embed"] and before != now else None

    def reuse(self, batch: Sequence[Chunked], keys: Keys) -> None:
        """Store vectors for chunks of a batch with these keys that have none, out of those there are of their texts."""
        earlier = keys_of(replace(self.stages, fingerprints=self.before), batch)
        old = dict(zip(chain.from_iterable(keys), chain.from_iterable(earlier), strict=True))
        missing = old.keys() - self.manifest.known_keys(old)
        names, stored = self.manifest.vectors([old[key] for key in missing])
        row = {name: i for i, name in enumerate(names)}
        found = {
            key: replace(item, chunks=(chunk,))
            for item, own in zip(batch, keys, strict=True)
            for chunk, key in zip(item.chunks, own, strict=True)
            if key in missing and old[key] in row
        }
        if not found:
            return
        rows, embedder = [row[old[key]] for key in found], self.stages.embedder
        try:
            vectors = Embeddings(
                dense=None if stored.dense is None else stored.dense[rows],
                tokens=None if stored.tokens is None else [stored.tokens[i] for i in rows],
            )
            if isinstance(embedder, JointEmbedder):
                vectors = replace(vectors, sparse=embedder.sparse.embed_chunks([*found.values()]).sparse)
            check_rows(vectors, len(found), embedder.dim, embedder.representations)
        except Exception as error:
            if not is_alone(error):
                raise
            return  # one of them cannot be embedded: which, is found where each is
        with self.manifest.transaction():
            self.manifest.put_vectors([*found], vectors)
