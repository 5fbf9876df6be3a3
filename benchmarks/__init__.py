"""Measurements anyone can repeat: `python -m benchmarks.ingest`, `python -m benchmarks.query`."""
