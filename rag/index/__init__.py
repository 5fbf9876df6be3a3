"""What an index is: a folder `.rag/` with a manifest, the truth, and generations of a vector index made from it."""
