"""A mail server on this machine that speaks as much IMAP as reading needs, and fails on request."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread


@dataclass
class Mails:
    """Mails by folder (as it is on the wire) and number, with flags; what was asked; what is to go wrong."""

    port: int = 0
    folders: dict[str, dict[int, tuple[str, bytes]]] = field(default_factory=dict)
    validity: int = 7
    shut: str = ""  # a folder that cannot be opened
    cuts: int = 0  # how many more fetches end with a cut connection
    silent: bool = False  # never answers
    asked: list[str] = field(default_factory=list)


@contextmanager
def imap_server(password: str, context: ssl.SSLContext | None = None) -> Iterator[Mails]:
    """A server for the user `ana`."""
    mails, ended = Mails(), Event()

    class Handler(StreamRequestHandler):
        def setup(self) -> None:
            if context:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            self.request.close()

        def handle(self) -> None:
            if mails.silent:
                ended.wait(20)
                return
            self._say("* OK ready")
            folder: dict[int, tuple[str, bytes]] = {}
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                tag, command, *rest = line.split(" ", 2)
                words = rest[0] if rest else ""
                mails.asked.append(f"{command} {words}" if command != "LOGIN" else command)
                if command == "CAPABILITY":
                    self._say("* CAPABILITY IMAP4rev1")
                elif command == "LOGIN" and words != f'ana "{password}"':
                    self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong password")
                    continue
                elif command == "LIST":
                    self._say(r'* LIST (\Noselect \HasChildren) "/" "Archive"')
                    for name in mails.folders:
                        self._say(rf'* LIST (\HasNoChildren) "/" "{name}"')
                elif command == "EXAMINE":
                    name = words.strip('"')
                    if name == mails.shut or name not in mails.folders:
                        self._say(f"{tag} NO [NONEXISTENT] it cannot be opened")
                        continue
                    folder = mails.folders[name]
                    self._say(f"* {len(folder)} EXISTS")
                    self._say(f"* OK [UIDVALIDITY {mails.validity}] numbers")
                elif words.startswith("FETCH 1:*"):
                    for n, (number, (flags, data)) in enumerate(folder.items(), 1):
                        self._say(f"* {n} FETCH (UID {number} FLAGS ({flags}) RFC822.SIZE {len(data)})")
                elif match := re.fullmatch(r"FETCH (\d+) \(BODY\.PEEK\[\]\)", words):
                    if mails.cuts:
                        mails.cuts -= 1
                        return
                    if int(match[1]) in folder:
                        data = folder[int(match[1])][1]
                        self.wfile.write(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (int(match[1]), len(data), data))
                elif command == "LOGOUT":
                    self._say("* BYE")
                    self._say(f"{tag} OK")
                    return
                self._say(f"{tag} OK done")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Server(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *args: object) -> None:
            """A client that does not trust the server hangs up: nothing to print."""

    with Server(("127.0.0.1", 0), Handler) as server:
        mails.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield mails
        finally:
            ended.set()
            with suppress(OSError):
                server.shutdown()
            thread.join()
