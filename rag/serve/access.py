"""Who asks, and what they may see and do."""

from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Receive, Scope, Send

from rag.types import Filter

Role = Literal["reader", "writer", "admin"]
ROLES: tuple[Role, ...] = ("reader", "writer", "admin")  # each may do what those before it may


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `groups` are those whose documents they may see; None: all documents."""

    name: str
    role: Role
    groups: frozenset[str] | None = None

    @property
    def within(self) -> Filter | None:
        """What every search and every read of theirs is narrowed by."""
        return None

    def may(self, role: Role) -> bool:
        """Whether they may do what needs this role."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = Principal("local", "admin")  # the user of a server that only this machine reaches


class KnowPrincipal:
    """Sets `request.state.principal` of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["principal"] = LOCAL
        await self.app(scope, receive, send)
