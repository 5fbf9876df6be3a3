"""Documents in: from sources on a disk to rows in a manifest and a published vector index."""

from rag.ingest.run import ingest

__all__ = ["ingest"]
