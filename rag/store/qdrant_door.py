"""The connection to a Qdrant server: requests are tried again where that can help, and errors say what to do.

All that is sent this way may be sent twice: points are told apart by their ids, and who makes or switches something
looks first whether it is done.
"""

import os
import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from rag.errors import ConfigError, MismatchError, RagError, StoreError, UnavailableError

KEY_ENV = "QDRANT_API_KEY"
MINIMUM = (1, 19)  # of the server: counts how rare a word is among the chunks that a reader may see
PASSING = frozenset({408, 429, 500, 502, 503, 504})
OF_THE_DATA = frozenset({400, 413, 422})  # what was sent is at fault; other data may be taken
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a request is sent again, doubled each time
ADVICE = {
    401: "the key is missing or wrong: set the environment variable that `api_key_env` names",
    403: "the key does not allow this: set the environment variable that `api_key_env` names",
    404: "there is no such collection: check `collection`, or run `rag ingest` to build it",
    413: "the request is too large for this server: write smaller batches",
}

T = TypeVar("T")


class QdrantDoor:
    """A server, or with an empty `url` the client's imitation of one; `place` is what errors call it."""

    def __init__(self, place: str, url: str, key_env: str, timeout: int, retries: int, trust_env: bool) -> None:
        self.place, self._url, self._key_env, self._timeout = place, url, key_env, timeout
        self._retries, self._trust_env = retries, trust_env
        self._client: QdrantClient | None = None

    def call(self, do: Callable[[QdrantClient], T]) -> T:
        """What the client gives. Raises StoreError where it refuses what was sent, UnavailableError, ConfigError.

        Raises MismatchError for a server that is too old.
        """
        attempt = 0
        while True:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
            try:
                return do(self._open())
            except UnexpectedResponse as error:
                failure, passes = self._refusal(error), error.status_code in PASSING
            except ResourceExhaustedResponse as error:
                failure = self._error(f"the server is busy ({self._hide(error)}); try again later")
                passes, pause = True, float(error.retry_after_s)
            except ValueError as error:  # the client says so of a reply that is no JSON
                failure, passes = self._error(f"the server sent what is no reply ({self._hide(error)})"), True
                failure.__cause__ = error
            except (QdrantException, ApiException) as error:
                failure, passes = self._away(error), True
                failure.__cause__ = error
            attempt += 1
            if not passes or attempt > self._retries or pause > LONGEST_PAUSE:
                raise failure
            time.sleep(pause)

    def change(self, do: Callable[[QdrantClient], models.UpdateResult]) -> None:
        """Have something changed, to the end: what the server only put into its queue is asked for again."""
        for attempt in range(self._retries + 1):
            result = self.call(do)
            if result.status == models.UpdateStatus.COMPLETED:
                return
            time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))
        raise self._error(f"the server did not finish a write in time (it says {result.status}); is `timeout` enough?")

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> QdrantClient:
        if self._client is None:
            client = self._connect()
            try:
                if self._url:
                    self._check_version(client.info().version)
            except BaseException:
                client.close()
                raise
            self._client = client
        return self._client

    def _connect(self) -> QdrantClient:
        if not self._url:
            return QdrantClient(":memory:")
        key = self._key
        if self._key_env not in ("", KEY_ENV) and not key:
            raise ConfigError(f"store qdrant: the environment variable {self._key_env} (`api_key_env`) is not set")
        try:
            return QdrantClient(
                url=self._url,
                api_key=key,
                timeout=self._timeout,
                check_compatibility=False,
                trust_env=self._trust_env,
            )
        except ValueError as error:
            raise ConfigError(f"store qdrant: `url` {self._url!r} is no URL ({error})") from error

    def _check_version(self, version: str) -> None:
        try:
            found = tuple(int(part) for part in version.split(".")[:2])
        except ValueError:
            return  # one that somebody built for themselves
        if found < MINIMUM:
            least = ".".join(map(str, MINIMUM))
            raise MismatchError(f"{self.place}: the server is version {version}; raghop needs {least} or newer")

    @property
    def _key(self) -> str | None:
        return os.environ.get(self._key_env) or None

    def _hide(self, error: Exception) -> str:
        """What a library says, in one line and without the key."""
        said = " ".join(str(error).split())[:500]
        return said.replace(self._key, "***") if self._key else said

    def _error(self, what: str) -> RagError:
        return UnavailableError(f"{self.place}: {what}")

    def _refusal(self, error: UnexpectedResponse) -> RagError:
        kind = StoreError if error.status_code in OF_THE_DATA else UnavailableError
        advice = ADVICE.get(error.status_code or 0, self._hide(error))
        return kind(f"{self.place}: status {error.status_code}: {advice}")

    def _away(self, error: Exception) -> RagError:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLError):
            cause = cause.__cause__ or cause.__context__ or getattr(cause, "source", None)
        if cause is not None or "SSL" in str(error):
            return self._error(
                f"no safe connection ({self._hide(error)}). Does `url` say http or https as the server does? A "
                "certificate of your own is named by SSL_CERT_FILE, with `trust_env: true`."
            )
        return self._error(
            f"out of reach ({self._hide(error)}). Is the server running, is `url` right, is `timeout` enough?"
        )
