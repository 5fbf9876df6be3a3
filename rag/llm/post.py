"""JSON to the server of a model and back: what an embedder and a reranker by HTTP share.

A request is tried again, with growing pauses or the server's Retry-After, on failures that pass: 408, 429, 5xx, no
connection, a connection that broke, since asking twice changes nothing. A call ends by `timeout` with its retries. The
key comes from an environment variable and goes to this server alone: redirects are refused, a proxy takes `trust_env`.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from rag.errors import ConfigError, EndpointError
from rag.llm.deadline import cut_after
from rag.text.urls import holds_secret

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
REFUSED = frozenset({400, 413, 422})  # what it says of the texts it was given
FIRST_PAUSE = 0.5  # seconds before the first retry, doubled each time
LONGEST_PAUSE = 60.0
CONNECT = 10.0  # seconds to reach the server
MOST = 256 << 20  # bytes of a reply
TOO_MUCH = "Are the texts too many or too long? Lower `batch`, or cut smaller chunks; check `model`."
HINTS = {
    400: TOO_MUCH,
    401: "Set the environment variable {env} to a valid key.",
    403: "The key in the environment variable {env} may not use this model.",
    404: "Check `base_url`, `api` and `model`.",
    413: TOO_MUCH,
    422: TOO_MUCH,
    429: "It limits requests: try again later, or set `per_minute`.",
}
MOVED = "It sends requests elsewhere: write the address that it means into `base_url`."
FAILS = "Its own log says why; try again when it is well."
TLS = {  # what OpenSSL says, and what it means
    "WRONG_VERSION_NUMBER": "It does not speak TLS: write http:// in `base_url`, or the port that speaks it.",
    "CERTIFICATE_VERIFY_FAILED": (
        "Its certificate is not of an authority known here: name the authority's file in the environment variable "
        "SSL_CERT_FILE and set `trust_env: true`."
    ),
}


def read_key(key_env: str) -> str:
    """The key that an environment variable holds; "" for none."""
    return os.environ.get(key_env, "").strip()


def make_headers(stage: str, key_env: str) -> dict[str, str]:
    """What a request to a model's server says of itself. Raises ConfigError for a key that cannot be sent."""
    key = read_key(key_env)
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{stage}: the environment variable {key_env} holds characters no key has.")
    return {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {})


class RefusedInput(Exception):
    """The server does not take these texts; others it may. `server` is how a message calls it."""

    def __init__(self, said: str, server: str) -> None:
        super().__init__(said)
        self.server = server

    def as_error(self) -> EndpointError:
        """For texts that cannot be left out."""
        return EndpointError(f"{self.server} {self}")


@dataclass(frozen=True, slots=True)
class ModelServer:
    """The server of a stage. `per_minute` is how many requests it takes in a minute at most; 0: any number."""

    stage: str
    url: str
    key_env: str
    timeout: float
    retries: int
    per_minute: int
    trust_env: bool
    _pace: "Pace" = field(default_factory=lambda: Pace(), compare=False)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What it replies, as JSON. Raises RefusedInput, EndpointError, ConfigError."""
        deadline = time.monotonic() + self.timeout
        attempt = 0
        while True:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
            self._pace.wait(self.per_minute, deadline)
            try:
                status, headers, text = self._send(path, body, deadline)
            except httpx.HTTPError as error:
                failure = self._error(_say(error, self.timeout, deadline))
                if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects | httpx.DecodingError):
                    raise failure from error
            else:
                if status == 200:
                    return self._parse(text)
                hint = _hint(status).format(env=self.key_env)
                said = f"answered HTTP {status}. {_sentence(_words(text))}{hint}".rstrip()
                if status in REFUSED:
                    raise RefusedInput(self._hide(said), f"{self.stage}: {self.url}")
                failure = self._error(said)
                if status not in PASSING:
                    raise failure
                pause = _retry_after(headers, pause)
            attempt += 1
            if attempt > self.retries or time.monotonic() + pause > deadline:
                raise failure
            time.sleep(pause)

    def _send(self, path: str, body: Mapping[str, Any], deadline: float) -> tuple[int, httpx.Headers, bytes]:
        left = max(0.001, deadline - time.monotonic())
        wait = httpx.Timeout(left, connect=min(left, CONNECT))
        headers = make_headers(self.stage, self.key_env)
        with (
            cut_after(left) as cutoff,
            httpx.Client(headers=headers, timeout=wait, trust_env=self.trust_env) as client,
        ):
            request = client.build_request("POST", f"{self.url.rstrip('/')}{path}", json=body)
            request.extensions["trace"] = cutoff.trace
            response = client.send(request, stream=True)
            try:
                text = b""
                for block in response.iter_bytes():
                    text += block
                    if len(text) > MOST:
                        raise self._error(f"sent more than {MOST >> 20} MB.")
            finally:
                response.close()
            if time.monotonic() > deadline:  # its end may be the cutoff's
                raise httpx.ReadTimeout("late")
            return response.status_code, response.headers, text

    def _parse(self, text: bytes) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._error(f"sent what is no JSON ({error}). Is `base_url` that of its API?") from error

    def refuse(self, what: str) -> EndpointError:
        """The error for a reply that cannot be used."""
        return self._error(f"sent a reply that cannot be used: {what}")

    def _error(self, what: str) -> EndpointError:
        return EndpointError(self._hide(f"{self.stage}: {self.url} {what}"))

    def _hide(self, text: str) -> str:
        return text.replace(key, "***") if (key := read_key(self.key_env)) else text


class Pace:
    """Lets requests go so many a minute, whichever threads send them."""

    def __init__(self) -> None:
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self, per_minute: int, deadline: float) -> None:
        """Return when the next may go; at the deadline at the latest."""
        if not per_minute:
            return
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)
            self._next = at + 60 / per_minute
        time.sleep(max(0.0, min(at, deadline) - now))


def check_url(stage: str, url: str, key_env: str) -> None:
    """Raises ConfigError for what is no address of a server, or holds a secret."""
    if holds_secret(url):
        raise ConfigError(f"{stage}: base_url holds credentials or a query; put the key into {key_env} instead.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{stage}: base_url {url!r} is no URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"{stage}: base_url must be like http://localhost:8080/v1 (http or https only).")


def _say(error: httpx.HTTPError, timeout: float, deadline: float) -> str:
    if time.monotonic() >= deadline or isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return f"took longer than {timeout:g} s in all: set a longer `timeout`, or look after the server."
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        hint = next((hint for word, hint in TLS.items() if word in str(error)), "Is the server running?")
        return f"is out of reach: {_sentence(str(error))}{hint}"
    return f"broke off: {_sentence(str(error))}Try again; does it speak https?"


def _sentence(said: str) -> str:
    """With what ends a sentence and parts it from the next one; "" for nothing."""
    return f"{said}{'' if said.endswith(('.', '!', '?')) else '.'} " if said else ""


def _hint(status: int) -> str:
    """What to do about a status."""
    return HINTS.get(status, MOVED if 300 <= status < 400 else FAILS if status >= 500 else "")


def _words(text: bytes) -> str:
    """What an error's body says, in a line."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = text.decode("utf-8", "replace")
    while isinstance(data, dict):
        data = next((data[key] for key in ("error", "message", "detail") if data.get(key)), str(data))
    return " ".join(str(data).split())[:300]


def _retry_after(headers: httpx.Headers, otherwise: float) -> float:
    """Seconds the server asks to wait, given as a number or a date."""
    value = headers.get("retry-after", "")
    try:
        if value.isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return otherwise
