"""Whether a server stops, and what it has to finish first."""

from collections.abc import Iterator
from contextlib import contextmanager


class Drain:
    """How many requests run, and whether new ones are refused."""

    def __init__(self) -> None:
        self.running = 0
        self.stopping = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Around a request that is finished before the server ends. Of one thread."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
