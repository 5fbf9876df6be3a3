"""Training of a whole embedder, question and document side, and merging of what was trained."""
