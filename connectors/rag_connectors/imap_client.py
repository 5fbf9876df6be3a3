"""One mail server by IMAP: lists folders and mails, fetches mails. Reads only; what was cut is tried again, slowly."""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from rag.errors import InputError
from rag_connectors.staging import FetchError

T = TypeVar("T")
_WAITS = (1.0, 4.0, 16.0)  # seconds before the next try
_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?:NIL|"(?:\\.|[^"\\])*") (?P<name>.+)', re.DOTALL)
_FACTS = re.compile(rb"\bUID (\d+)|\bRFC822\.SIZE (\d+)|\bFLAGS \(([^)]*)\)")
_SHIFTED = re.compile(r"&([^-]*)-")  # modified UTF-7, RFC 3501 5.1.3
_BEYOND = re.compile(r"[^\x20-\x7e]+|&")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Of a mailbox: `site` is the root without a folder."""

    site: str
    host: str
    port: int
    user: str
    folder: str
    tls: bool

    @classmethod
    def of(cls, root: str) -> Address:
        """Raises InputError for what is no such address."""
        try:
            parts = urlsplit(root)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
            raise InputError(f"{root}: not the address of a mailbox, such as imaps://me@mail.example.org/INBOX.")
        tls = parts.scheme == "imaps"
        folder = unquote(parts.path.strip("/"))
        site = f"{parts.scheme}://{parts.netloc}"
        return cls(site, parts.hostname, port or (993 if tls else 143), unquote(parts.username), folder, tls)


class Mailbox:
    """A server with a login. Raises InputError where that does not work."""

    def __init__(self, address: Address, password: str, *, patience: float, pause: float) -> None:
        self.address = address
        self._password, self._patience, self._pause = password, patience, pause
        self._open = ("", "")  # folder and validity
        self._server = self._connect()

    def close(self) -> None:
        with suppress(imaplib.IMAP4.error, OSError):
            self._server.logout()
        with suppress(OSError):  # a connection that was cut is still open here
            self._server.shutdown()

    def folders(self) -> list[str]:
        """The folders at and below that of the address. Raises InputError where there is none."""
        lines = self._again(lambda: self._ask("LIST", '""', "*"))
        found = []
        for line in lines:
            match = _LIST.match(b"".join(line) if isinstance(line, tuple) else line or b"")
            if match and rb"\noselect" not in match["flags"].lower() and rb"\nonexistent" not in match["flags"].lower():
                found.append(_from_wire(match["name"]))
        own = self.address.folder
        below = [name for name in found if not own or name == own or name.startswith((f"{own}/", f"{own}."))]
        if not below:
            raise InputError(f"{self.address.site}/{own}: no such folder. There are: {', '.join(sorted(found)[:20])}.")
        return sorted(below)

    def list_mails(self, folder: str) -> tuple[str, list[tuple[int, int]]]:
        """The folder's validity and, of each mail, number and size. Raises FetchError where it cannot be opened."""
        return self._again(lambda: self._list(folder))

    def fetch(self, folder: str, validity: str, number: str) -> bytes:
        """A mail's bytes. Raises FetchError."""
        time.sleep(self._pause)

        def get() -> bytes:
            if self._open[0] != folder:
                self._select(folder)
            if self._open[1] != validity:
                raise FetchError("the server numbered the folder anew: run the ingest again")
            for part in self._ask("UID", "FETCH", number, "(BODY.PEEK[])"):
                if isinstance(part, tuple):
                    data: bytes = part[1]
                    return data
            raise FetchError("it is not there any more: run the ingest again")

        return self._again(get)

    def _list(self, folder: str) -> tuple[str, list[tuple[int, int]]]:
        count = self._select(folder)
        mails = []
        for line in self._ask("UID", "FETCH", "1:*", "(UID FLAGS RFC822.SIZE)") if count else ():
            text = (
                b"".join(part for part in line if isinstance(part, bytes)) if isinstance(line, tuple) else line or b""
            )
            uid = size = flags = b""
            for found in _FACTS.finditer(text):
                uid, size, flags = found[1] or uid, found[2] or size, found[3] or flags
            if uid and rb"\deleted" not in flags.lower():
                mails.append((int(uid), int(size or 0)))
        return self._open[1], mails

    def _select(self, folder: str) -> int:
        """Opens a folder for reading; gives how many mails it has."""
        self._open = ("", "")
        count = int(self._ask("SELECT", _to_wire(folder))[0] or 0)
        said = self._server.untagged_responses
        validity: list[Any] = said.get("UIDVALIDITY") or self._server.response("UIDVALIDITY")[1]
        self._open = (folder, (validity[-1] or b"0").decode())
        return count

    def _ask(self, command: str, *arguments: str) -> list[Any]:
        """The lines of an answer. Raises FetchError where the server says no."""
        server = self._server
        data: Any
        if command == "SELECT":
            kind, data = server.select(arguments[0], readonly=True)
        elif command == "LIST":
            kind, data = server.list(*arguments)
        else:
            kind, data = server.uid(arguments[0], *arguments[1:])
        if kind != "OK":
            said = b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
            raise FetchError(f"the server says: {said or kind}")
        return list(data)

    def _again(self, ask: Callable[[], T]) -> T:
        """What is asked; over a new connection where the old one was cut, and later where the server wants a rest."""
        for wait in (*_WAITS, None):
            try:
                return ask()
            except (imaplib.IMAP4.abort, OSError, EOFError) as error:
                if wait is None:
                    raise FetchError(f"the connection was cut: {_words(error)}; run the ingest again") from error
            except imaplib.IMAP4.error as error:
                raise FetchError(f"the server says: {error}") from error
            except FetchError as error:
                if wait is None or not re.search(
                    r"\[?(?:UNAVAILABLE|INUSE|LIMIT|THROTTLED)|too many", str(error), re.I
                ):
                    raise
            time.sleep(wait)
            with suppress(OSError):
                self._server.shutdown()
            with suppress(InputError):  # the next try says it
                self._server, self._open = self._connect(), ("", "")
        raise AssertionError

    def _connect(self) -> imaplib.IMAP4:
        address = self.address
        where, advice = f"{address.site}", ""
        try:
            context = ssl.create_default_context()
            if address.tls:
                server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                    address.host, address.port, ssl_context=context, timeout=self._patience
                )
            else:
                server = imaplib.IMAP4(address.host, address.port, timeout=self._patience)
                if "STARTTLS" in server.capabilities:
                    server.starttls(context)
                elif address.host not in _LOOPBACK:
                    server.shutdown()
                    raise InputError(f"{where}: the server offers no encryption. Use imaps://, or ask who runs it.")
        except ssl.SSLCertVerificationError as error:
            advice = "If you trust it, let SSL_CERT_FILE name a file with its authority's certificate"
            raise InputError(f"{where}: its certificate is not trusted: {error.verify_message}. {advice}.") from error
        except ssl.SSLError as error:
            raise InputError(
                f"{where}: no TLS on port {address.port}: {error.reason}. Try imap:// or its port."
            ) from error
        except socket.gaierror as error:
            raise InputError(f"{where}: there is no host {address.host}. See whether the address is right.") from error
        except (OSError, EOFError, imaplib.IMAP4.error) as error:
            advice = "See whether host and port are right and the network there (connector.patience)"
            raise InputError(f"{where}: the server does not answer: {_words(error)}. {advice}.") from error
        try:
            server.login(address.user, self._password)
        except imaplib.IMAP4.error as error:
            server.shutdown()
            said = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
            advice = (
                "See user and password (connector.password_env); some servers want a password made for this program"
            )
            raise InputError(f"{where}: the server refuses the login: {said}. {advice}.") from error
        except OSError as error:
            raise InputError(f"{where}: the server cut the connection at the login: {_words(error)}.") from error
        return server


def _words(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".rstrip()


def _from_wire(name: bytes) -> str:
    """A folder's name as people write it: it comes plain, quoted, or behind its length."""
    text = re.sub(rb"^\{\d+\}(?:\r\n)?", b"", name).decode("utf-8", "replace")
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return _SHIFTED.sub(lambda match: _shifted(match[1]), text)


def _shifted(code: str) -> str:
    if not code:
        return "&"
    padded = code.replace(",", "/") + "=" * (-len(code) % 4)
    return base64.b64decode(padded).decode("utf-16-be", "replace")


def _to_wire(folder: str) -> str:
    """A folder's name as IMAP has it, quoted."""

    def shift(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        code = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{code}-"

    text = _BEYOND.sub(shift, folder)
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
