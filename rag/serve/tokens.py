"""Tokens: who may use a server, kept in a file that holds no token, only what one can be known by.

A token is 256 random bits, shown once, when it is made. The file has its SHA-256: of so many random bits no slower
digest is needed, and none leads back to them. A server reads the file again whenever it changes, so that a token is
good or revoked at once.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import CorruptError, InputError
from rag.index.disk import replace_file
from rag.index.locks import hold_lock
from rag.serve.access import ROLES, Principal, Role
from rag.text.access import EVERYONE, read_groups

NAME = "tokens.json"
PREFIX = "rag_"
LONGEST = 200  # characters of what may be a token
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who has a token: `groups` are those whose documents they may see, None: all documents. `made` is a date."""

    name: str
    role: Role
    groups: tuple[str, ...] | None
    sha256: str
    made: str

    @property
    def principal(self) -> Principal:
        """Whom a server takes its owner for."""
        return Principal(self.name, self.role, None if self.groups is None else frozenset(self.groups))


def digest_of(token: str) -> str:
    """What a token is known by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class TokenFile:
    """The tokens of a server, by the place of their file; one that is not there holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, ...] | None = None
        self._tokens: dict[str, AccessToken] = {}

    def read(self) -> Mapping[str, AccessToken]:
        """The tokens by their digest. Raises CorruptError."""
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp != self._stamp:
                rows = json.loads(self.path.read_bytes())
                self._tokens = {token.sha256: token for token in map(_to_token, rows)}
                self._stamp = stamp
        except FileNotFoundError:
            self._tokens, self._stamp = {}, None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._stamp = None
            raise CorruptError(
                f"{self.path}: holds no tokens. Remove it, and make new ones by `rag token make`."
            ) from error
        return self._tokens

    def find(self, token: str) -> Principal | None:
        """Whose token this is. Raises CorruptError."""
        found = self.read().get(digest_of(token)) if token.startswith(PREFIX) and len(token) <= LONGEST else None
        return found.principal if found else None

    def make(self, name: str, role: str, groups: str | None) -> str:
        """A new token, shown this once. `groups` have commas between them. Raises InputError, LockedError."""
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is no name of a token: small letters, digits and . _ - make one, at most 64.")
        if role not in ROLES:
            raise InputError(f"{role!r} is no role. Roles are: {', '.join(ROLES)}.")
        if role == "admin" and groups is not None:
            raise InputError("an admin sees all documents: leave the groups out, or give another role.")
        try:
            read = None if groups is None else tuple(one for one in read_groups(groups) if one != EVERYONE)
        except ValueError as error:
            raise InputError(f"groups: {error}.") from error
        token = PREFIX + secrets.token_urlsafe(32)
        made = AccessToken(name, _to_role(role), read, digest_of(token), datetime.now(UTC).date().isoformat())
        with self._edit() as tokens:
            if any(other.name == name for other in tokens):
                raise InputError(f"there is a token called {name!r}. Revoke it first, or take another name.")
            tokens.append(made)
        return token

    def revoke(self, name: str) -> None:
        """End a token. Raises InputError for a name that none has, LockedError."""
        with self._edit() as tokens:
            left = [token for token in tokens if token.name != name]
            if len(left) == len(tokens):
                raise InputError(f"no token is called {name!r}. `rag token list` names them.")
            tokens[:] = left

    @contextmanager
    def _edit(self) -> Iterator[list[AccessToken]]:
        """The tokens, written when they are changed; one process at a time."""
        with hold_lock(self.path.with_suffix(".lock")):
            tokens = list(self.read().values())
            yield tokens
            rows = [asdict(token) for token in tokens]
            replace_file(self.path, json.dumps(rows, indent=1, ensure_ascii=False).encode())


def _to_token(row: Mapping[str, object]) -> AccessToken:
    """Raises ValueError, TypeError or KeyError for what was not written here."""
    groups = row["groups"]
    if groups is not None and not (isinstance(groups, list) and all(isinstance(one, str) for one in groups)):
        raise ValueError("groups")
    own = None if groups is None else tuple(map(str, groups))
    sha256 = str(row["sha256"])
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("sha256")
    return AccessToken(str(row["name"]), _to_role(str(row["role"])), own, sha256, str(row["made"]))


def _to_role(role: str) -> Role:
    for one in ROLES:
        if one == role:
            return one
    raise ValueError(f"{role!r} is no role")
