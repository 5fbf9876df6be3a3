"""What a request may be: from where, how large, how slow, how often.

The names a server answers to are known, so that no other site can lead a browser here under a name of its own (DNS
rebinding); pages of other sites are refused, and no header allows them. Bodies have a size and a pace.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.serve.access import LOCAL, Principal, is_local
from rag.serve.replies import Refusal, refuse
from rag.serve.settings import ServerSettings

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
BODY = 1 << 20  # bytes of a request that uploads nothing
PATIENCE, PACE = 20.0, 16_384  # seconds for a body, and the bytes of it that give one second more
DRAIN = 2.0  # seconds for what is too large to arrive
UNREAD = 60.0  # seconds until a client must have read what it was sent
PRINCIPALS = 10_000  # that are counted
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


def host_names(settings: ServerSettings) -> frozenset[str]:
    """The names by which a server may be asked, without ports."""
    named = {split_host(one)[0] for one in settings.hosts}
    url = {urlsplit(settings.url).hostname or ""} if settings.url else set()
    return frozenset({settings.host.casefold(), *LOCAL_NAMES, *named, *url} - {""})


def split_host(host: str) -> tuple[str, str]:
    """Name and port of a Host header."""
    name, port = (host, "") if host.endswith("]") or ":" not in host else host.rsplit(":", 1)
    return name.strip("[]").casefold().removesuffix("."), port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class CheckOrigin:
    """Refuses requests under other names than the server's, and those that pages of other sites make."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self._names = host_names(settings)
        self._any_address = not is_local(settings.host)  # a name can be led here by others, an address cannot
        self._own = urlsplit(settings.url).netloc.casefold()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._check(scope, Headers(scope=scope))):
            await refuse(refusal, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> Refusal | None:
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        name, port = split_host(host)
        known = name in self._names or (self._any_address and _is_address(name))
        if not known or (port and not port.isdecimal()) or any(c in host for c in "/\\@?#"):
            hint = "The setting `hosts` names those by which it may be asked."
            return Refusal(421, f"This server is not called {name[:100]!r}.", hint)
        origins = headers.getlist("origin")
        if any(urlsplit(one).netloc.casefold() not in {host.casefold(), self._own} - {""} for one in origins):
            return Refusal(403, "Pages of other sites may not ask this server.")
        is_visit = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not is_visit:
            return Refusal(403, "Pages of other sites may not ask this server.")
        return None


class LimitBodies:
    """Ends what is too large or too slow, and gives every reply the headers by which a browser keeps it harmless."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self._upload = settings.max_upload_mb << 20

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        uploads = scope["path"] == "/v1/jobs" and headers.get("content-type", "").startswith("multipart/")
        most = self._upload if uploads else BODY
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > most:
            await _drain(receive)
            await refuse(_too_large(most), scope, receive, send)
            return
        size, ends = 0, monotonic() + PATIENCE
        done = "content-length" not in headers and "transfer-encoding" not in headers

        async def take() -> Message:
            nonlocal size, ends, done
            if done:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, ends - monotonic())):
                    message = await receive()
            except TimeoutError as error:
                raise Refusal(408, "The request came too slowly.") from error
            size += len(message.get("body", b""))
            ends += len(message.get("body", b"")) / PACE
            done = not message.get("more_body", False)
            if size > most:
                await _drain(receive)
                raise _too_large(most)
            return message

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own]
                message = {**message, "headers": [*message["headers"], *more]}
            async with asyncio.timeout(UNREAD):
                await send(message)

        await self.app(scope, take, give)


async def _drain(receive: Receive) -> None:
    """Throw a body away, for as long as that takes little: a client that still writes may never see the reply."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN):
            while (await receive()).get("more_body", False):
                pass


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"The request is larger than {most >> 20} MB.", headers={"Connection": "close"})


class LimitRates:
    """Lets the owner of a token ask so often a minute, and in bursts of a tenth of that."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self._rate = settings.rate / 60
        self._most = max(1.0, settings.rate / 10)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when that was so

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        if scope["type"] == "http" and principal and principal is not LOCAL and (wait := self._take(principal.name)):
            headers = {"Retry-After": str(int(wait) + 1)}
            await refuse(Refusal(429, "You ask too often.", "Wait a little.", headers), scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _take(self, name: str) -> float:
        """One request of what a principal has left; how many seconds it must wait for that."""
        now = monotonic()
        left, then = self._left.pop(name, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        self._left[name] = (left - 1, now) if left >= 1 else (left, now)
        while len(self._left) > PRINCIPALS:
            self._left.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self._rate
