"""Chunkers: where a document is cut."""
