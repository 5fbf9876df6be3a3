"""Source code by its words: identifiers, constants, and a function with what stands above it as one chunk."""

from __future__ import annotations

from pathlib import Path

from rag import Pipeline

CODE = '''"""A pool of connections."""

import threading

DEFAULT_POOLSIZE = 10
IDLE_SECONDS = 300.0


class Pool:
    """Hands out connections, and takes them back. Threads may share one, which is what the lock is for."""

    def __init__(self, size=DEFAULT_POOLSIZE):
        self.size = size
        self.lock = threading.Lock()

    # Waits while all are in use.
    @retried(times=3)
    def acquireConnection(self, timeout):
        with self.lock:
            return self.idle.pop() if self.idle else self.openAnother(timeout)

    def release(self, connection):
        """Puts a connection back, or closes it where the pool is full already and nobody waits for one."""
        with self.lock:
            self.idle.append(connection)


def closeAll(pool):
    """Ends every connection of a pool, those in use as well, and forgets about them."""
    for connection in pool.idle:
        connection.close()
'''


def test_code_is_found_by_the_words_of_its_identifiers(notes: Path) -> None:
    (notes / "docs" / "pool.py").write_text(CODE)
    text = (notes / "tiny.yaml").read_text()
    (notes / "tiny.yaml").write_text(text.replace("by: hybrid", "by: sparse"))
    with Pipeline.load("tiny.yaml") as pipeline:
        pipeline.ingest(["docs"])
        for question, beginning in {
            "What is the default pool size?": "DEFAULT_POOLSIZE = 10",
            "how do I acquire a connection": "def acquireConnection",
            "close all": "def closeAll",
            "idle seconds": "IDLE_SECONDS = 300.0",
        }.items():
            found = pipeline.search(question, k=2)
            assert any(beginning in hit.chunk.text for hit in found), question
        [acquire] = [hit.chunk for hit in pipeline.search("acquireConnection", k=1)]
    assert acquire.text.startswith("# Waits while all are in use.\n    @retried") and "def release" not in acquire.text
    assert acquire.context.endswith("Pool > acquireConnection")
