"""How a server stops: what runs is finished, what comes is refused, and it ends in time.

After SIGTERM or Ctrl-C every new request gets 503 with Retry-After, until those that run are done or `grace` seconds
are over. A second signal ends it at once. A question that cannot be ended even then is left when the process ends.
"""

import logging
import os
import socket
import threading
import time
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from rag.errors import InputError
from rag.serve.drain import Drain
from rag.serve.logs import note
from rag.serve.patience import PatientProtocol

KEEP_ALIVE = 30  # seconds; clients keep idle connections for 5 or 15, and must not send into one that is being closed
LAST = 5.0  # seconds after that, for streams to end and for models to be let go


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address, before anything is loaded. Raises InputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"{host}:{port}: {error.strerror or error}. If another server runs there, choose another port with --port, "
            "or 0 for any free one."
        ) from error


class Server(uvicorn.Server):
    """Serves an application of `make_app`; `run` returns when it was told to stop."""

    def __init__(self, app: Starlette, *, host: str, port: int, grace: float) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=PatientProtocol,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(LAST),
        )
        super().__init__(config)
        self._drain: Drain = app.state.pools.drain
        self._grace, self._deadline = grace, 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops it, the second ends it."""
        if self._drain.stopping:
            self.should_exit = self.force_exit = True
            return
        self._drain.stopping = True
        self._deadline = time.monotonic() + self._grace
        end = threading.Timer(self._grace + 2 * LAST, os._exit, [1])
        end.daemon = True
        end.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is open. By force, nothing is waited for, and what is cut off logs no traces of it."""
        if self.force_exit:
            note("ended at once", unfinished=self._drain.running)
            logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is over."""
        if self._drain.stopping and not self.should_exit:
            if counter % 10 == 0 or not self._drain.running:
                note("stopping", running=self._drain.running, hint="a second Ctrl-C or SIGTERM ends it at once")
            self.should_exit = not self._drain.running or time.monotonic() > self._deadline
        return await super().on_tick(counter)
