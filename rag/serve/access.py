"""Who asks, and what they may see and do.

A server without tokens takes whoever reaches it for the user who runs it: so it listens to this machine alone. Once
there are tokens, every request needs one, also after the last is revoked.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Literal

from rag.index.visible import within_groups
from rag.types import Filter

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from rag.serve.tokens import TokenFile

Role = Literal["reader", "writer", "admin"]
ROLES: tuple[Role, ...] = ("reader", "writer", "admin")  # each may do what those before it may
GUESSES, PAUSE = 10, 60.0  # wrong tokens of an address, until it must wait so many seconds
ADDRESSES = 10_000  # that are remembered


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `groups` are those whose documents they may see; None: all documents."""

    name: str
    role: Role
    groups: frozenset[str] | None = None

    @property
    def within(self) -> Filter | None:
        """What every search and every read of theirs is narrowed by."""
        return within_groups(self.groups)

    def may(self, role: Role) -> bool:
        """Whether they may do what needs this role."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = Principal("local", "admin")  # the user of a server that only this machine reaches


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens at this address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class _Guesser:
    """An address that sent wrong tokens, and the right ones that it sent: those go on while it must wait."""

    wrong: int = 0
    since: float = 0.0
    right: set[str] = field(default_factory=set)


class KnowPrincipal:
    """Sets `request.state.principal` of every request: None where a token is needed and none was sent.

    A wrong token is refused; an address that sends many must wait before another one is looked at.
    """

    def __init__(self, app: "ASGIApp", tokens: "TokenFile") -> None:
        self.app, self._tokens = app, tokens
        self._needed = False
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            from rag.serve.replies import refuse

            address = str((scope.get("client") or ("",))[0])
            try:
                principal = self.know(address, dict(scope["headers"]))
            except Exception as error:
                await refuse(error, scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)

    def know(self, address: str, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Whose request this is. Raises Refusal, CorruptError."""
        from rag.serve.replies import Refusal

        self._needed |= bool(self._tokens.read())
        if not self._needed:
            return LOCAL
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.casefold() != "bearer":
            return None
        token, guesser = token.strip(), self._guesser(address)
        left = guesser.since + PAUSE - monotonic()
        if guesser.wrong >= GUESSES and left > 0 and token not in guesser.right:
            wait = {"Retry-After": str(int(left) + 1)}
            raise Refusal(429, "Too many wrong tokens came from your address.", "Wait, then send the right one.", wait)
        if principal := self._tokens.find(token):
            guesser.right.add(token)
            return principal
        guesser.right.discard(token)  # it was revoked
        guesser.wrong = 1 if left <= 0 else guesser.wrong + 1
        guesser.since = monotonic()
        known = {"WWW-Authenticate": "Bearer"}
        raise Refusal(401, "This token is not known here.", "`rag token list` names those there are.", known)

    def _guesser(self, address: str) -> _Guesser:
        guesser = self._guessers.setdefault(address, _Guesser())
        self._guessers.move_to_end(address)
        while len(self._guessers) > ADDRESSES:
            self._guessers.popitem(last=False)
        return guesser
