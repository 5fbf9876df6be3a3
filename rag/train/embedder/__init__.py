"""Training of an embedder for late chunking."""
