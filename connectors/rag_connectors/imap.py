"""The `imap` connector: mails on a mail server, by folders.

A root is `imaps://user@host/Folder`; without a folder all are read. A mail is known by its number in the folder, which
never changes: flags do not count, and moving a mail makes it another one. Nothing is marked as read. Plain `imap://` is
encrypted by STARTTLS; on this machine alone it may go without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from rag.errors import InputError
from rag.stages import component
from rag.types import Source
from rag_connectors.elsewhere import Elsewhere
from rag_connectors.imap_client import Address, Mailbox
from rag_connectors.staging import Fetched, FetchError, need_variable, refuse_password


@component
class Imap(Elsewhere):
    """Mails on a server. Patterns see the names of folders; mails marked as deleted are left out.

    Example: `connector: {use: imap, password_env: MAIL_PASSWORD, exclude: [Junk]}`
    and `rag ingest imaps://me@mail.example.org/INBOX --pipeline mine.yaml`.
    """

    password_env: Annotated[str, Field(description="Environment variable with the password.")] = "IMAP_PASSWORD"
    per_second: Annotated[float, Field(gt=0, le=100, description="Mails that are fetched in a second, at most.")] = 20.0
    patience: Annotated[float, Field(gt=0, description="Seconds that the server may take for an answer.")] = 30.0

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every mail of the folders, by numbers and sizes alone.

        Raises ConfigError without a password, InputError for a server that cannot be reached, refuses the login or has
        no such folder. A folder that cannot be opened is given with the reason.
        """
        with closing(self._mailbox(root)) as mailbox:
            for folder in mailbox.folders():
                if not self._takes(folder):
                    continue
                name = f"{mailbox.address.site}/{quote(folder, safe='/')}"
                try:
                    validity, mails = mailbox.list_mails(folder)
                except FetchError as error:
                    yield Source(name, name, (0, 0, 0, 0), f"{error}; what was indexed of it is kept")
                    continue
                for number, size in mails:
                    place = "\n".join((root, folder, validity, str(number)))
                    yield Source(f"{name}/{validity}-{number}", place, (size, 0, 0, 0))

    @contextmanager
    def _fetcher(self) -> Iterator[Callable[[Source], Fetched]]:
        """Mails over one connection for each server; one that was cut is made again."""
        open_ones: dict[str, Mailbox] = {}

        def fetch(source: Source) -> Fetched:
            root, *rest = source.path.split("\n")
            if len(rest) != 3:
                raise FetchError(f"{source.path}: no place on a mail server")
            folder, validity, number = rest
            if source.stamp[0] > self.max_mb << 20:
                size = f"{source.stamp[0] / (1 << 20):.1f} MB"
                raise FetchError(f"too large: {size}, the limit is {self.max_mb} MB (connector.max_mb)", "skipped")
            try:
                if root not in open_ones:
                    open_ones[root] = self._mailbox(root)
                data = open_ones[root].fetch(folder, validity, number)
            except InputError as error:
                raise FetchError(str(error)) from error
            site = open_ones[root].address.site
            url = f"{site}/{quote(folder, safe='/')};UIDVALIDITY={validity}/;UID={number}"  # RFC 5092
            return Fetched(data, f"{source.name}.eml", {"url": url, "folder": folder})

        try:
            yield fetch
        finally:
            for mailbox in open_ones.values():
                mailbox.close()

    def _mailbox(self, root: str) -> Mailbox:
        refuse_password(root, "connector.password_env names its variable")
        address = Address.of(root)
        password = need_variable("password_env", self.password_env)
        return Mailbox(address, password, patience=self.patience, pause=1 / self.per_second)
