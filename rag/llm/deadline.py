"""An end to a call that no timeout of a single read can give.

A server that sends a byte now and then is never silent, and while its headers trickle in there is nothing to look at
between two reads. So a timer shuts the call's connections down, and whatever waits for them gets an error or an end.
What it does not do: name resolution, which has the operating system's own limits.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

LATER = 0.01  # seconds after its time that a call is cut, so that the clock then says why


class Cutoff:
    """The connections of one call; `trace` is httpx's request extension of that name."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember a connection: a duplicate, since TLS takes the first one over."""
        if event.endswith("connect_tcp.complete"):
            self._sockets.append(info["return_value"].get_extra_info("socket").dup())

    def cut(self) -> None:
        """Shut every connection down, for this and all other duplicates."""
        for connection in self._sockets:
            with suppress(OSError):  # it is closed already
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._sockets:
            connection.close()


@contextmanager
def cut_after(seconds: float) -> Iterator[Cutoff]:
    """Within the block, connections made with the cutoff's `trace` end after so many seconds."""
    cutoff = Cutoff()
    timer = Timer(seconds + LATER, cutoff.cut)
    timer.daemon = True
    timer.start()
    try:
        yield cutoff
    finally:
        timer.cancel()
        timer.join()
        cutoff.close()
