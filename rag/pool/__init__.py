"""Questions of many at once to one index: `Pool`, and the newest generation that it asks."""

from rag.pool.pool import QUEUE, Pool

__all__ = ["QUEUE", "Pool"]
