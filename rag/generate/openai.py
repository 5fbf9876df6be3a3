"""Answers from a language model behind any OpenAI-compatible endpoint: Ollama, llama.cpp, vLLM, or a hosted one.

Nothing is contacted unless `base_url` and `model` are named. The key comes from the environment alone and goes to
that endpoint alone (redirects are refused, a proxy takes `trust_env`); it is in no message and no repr. A request is
tried again, with growing pauses or the server's Retry-After, only on failures that pass (429, 5xx, no connection) and
only before the first piece of text. Whatever the server does, a call ends: by the total or the idle timeout, or by
`max_tokens`. With `search` it may look up more before it answers (`rag.generate.agent`). What it does not do: images,
sampling options beyond temperature. Protocol: OpenAI's chat completions.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.request import getproxies_environment

import httpx
from pydantic import Field

from rag.errors import ConfigError, GeneratorError
from rag.generate import statements
from rag.generate.agent import explore
from rag.llm import sse
from rag.llm.deadline import Cutoff, cut_after
from rag.llm.post import make_headers, read_key
from rag.llm.prompts import MARKED, build, meter_reply, read_reply, read_whole
from rag.llm.token_count import counter
from rag.stages import Finder, component
from rag.text.urls import holds_secret
from rag.types import Hit

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504, 529})
UNKNOWN_OPTION = frozenset({400, 422, 501})
HINTS = {
    401: "Set the environment variable {env} to a valid key.",
    403: "The key in the environment variable {env} may not use this model.",
    404: "Check `base_url` (it usually ends in /v1) and `model`.",
    429: "The endpoint limits requests: try again later.",
}
OPTIONAL = (("response_format",), ("tools", "tool_choice"))  # what a server may refuse, and is then asked without
FIRST_PAUSE = 0.5  # seconds before the first retry, doubled each time
CONNECT = 10.0  # seconds to reach the endpoint
MAX_ERROR_BYTES = 4096  # bytes read of an error's body
CHARS_PER_TOKEN = 16  # at most; beyond that many the server has ignored max_tokens


@component
class OpenAIGenerator:
    """Asks a language model behind an OpenAI-compatible endpoint; one that refuses `structured` or tools, without."""

    base_url: Annotated[str, Field(description="The endpoint, to which /chat/completions is added.")]
    model: Annotated[str, Field(description="The model's name at the endpoint.")]
    api_key_env: Annotated[str, Field(description="The environment variable that holds the key.")] = "OPENAI_API_KEY"
    timeout: Annotated[float, Field(gt=0, description="Most seconds of a whole call with its retries.")] = 120.0
    idle: Annotated[float, Field(gt=0, description="Most seconds between two pieces of a reply.")] = 60.0
    retries: Annotated[int, Field(ge=0, description="How often a request is tried again after a passing failure.")] = 2
    max_tokens: Annotated[int, Field(ge=1, description="Most tokens of an answer.")] = 512
    temperature: Annotated[float, Field(ge=0, description="0 takes the likeliest token each time.")] = 0.0
    context: Annotated[int, Field(ge=1, description="The model's window in tokens, for prompt and answer.")] = 8192
    structured: Annotated[bool, Field(description="Ask for JSON, where small models cite; shown when whole.")] = False
    search: Annotated[
        int,
        Field(ge=0, description="How often the model may search or hop by itself, in all; 0: no tools are offered."),
    ] = 0
    trust_env: Annotated[
        bool, Field(description="Use the environment's proxy and certificates; a proxy of http reads all, the key too.")
    ] = False

    def __post_init__(self) -> None:
        if holds_secret(self.base_url):
            raise ConfigError(
                f"generate: base_url holds credentials or a query; put the key into {self.api_key_env} instead."
            )
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"generate: base_url {self.base_url!r} is no URL: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError("generate: base_url must be like http://localhost:11434/v1 (http or https only).")

    def stream(self, question: str, hits: Sequence[Hit]) -> Generator[str, None, Mapping[str, int]]:
        """The model's answer as it comes; nothing where it abstains. Raises GeneratorError and ConfigError."""
        count = counter()
        task = statements.TASK if self.structured else MARKED
        prompt = build(question, hits, budget=self.context - self.max_tokens, count=count, task=task)
        if not self.structured:
            return (yield from meter_reply(prompt, self.reply(prompt.messages), count))
        reply = meter_reply(prompt, self._pieces(prompt.messages, {"response_format": statements.FORMAT}), count)
        text, usage = read_whole(reply)
        yield from read_reply([statements.add_markers(text)])
        return usage

    def explore(self, question: str, finder: Finder) -> Generator[str, None, Mapping[str, int]]:
        """As `stream`; the model may search and hop up to `search` times before it answers."""
        deadline = time.monotonic() + self.timeout
        form = {"response_format": statements.FORMAT} if self.structured else {}

        def ask(
            messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], calls: list[sse.ToolCall]
        ) -> Iterator[str]:
            return self._pieces(messages, {**form, **options}, calls, deadline=deadline)

        return explore(
            question,
            finder,
            ask,
            calls=self.search,
            budget=self.context - self.max_tokens,
            count=counter(),
            task=statements.TASK if self.structured else MARKED,
            read=statements.read if self.structured else read_reply,
        )

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """What the model says to these messages, in pieces. Raises GeneratorError and ConfigError."""
        return self._pieces(messages, {})

    def _pieces(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        calls: list[sse.ToolCall] | None = None,
        *,
        deadline: float | None = None,
    ) -> Iterator[str]:
        deadline = deadline or time.monotonic() + self.timeout
        idle = min(self.idle, self.timeout)
        text = ""
        wait = httpx.Timeout(idle, connect=min(idle, CONNECT))
        with cut_after(max(0.0, deadline - time.monotonic())) as cutoff, self._client(wait) as client:
            response = self._open(client, messages, options, deadline, cutoff)
            kind, blocks = response.headers.get("content-type", ""), self._blocks(response, deadline)
            try:
                for piece in sse.pieces(kind, blocks, calls):
                    yield piece
                    text += piece
                    if len(text) > CHARS_PER_TOKEN * self.max_tokens:
                        return
            except ValueError as error:
                raise self._error(f"sent an answer that cannot be used: {error}") from error
            finally:
                response.close()
        if not text.strip() and not calls:
            raise self._error("answered with nothing; `max_tokens` may be too few for its reasoning.")

    def _client(self, wait: httpx.Timeout) -> httpx.Client:
        return httpx.Client(headers=make_headers("generate", self.api_key_env), timeout=wait, trust_env=self.trust_env)

    def _open(
        self,
        client: httpx.Client,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        deadline: float,
        cutoff: Cutoff,
    ) -> httpx.Response:
        """A response with status 200, its body unread; without `options` where the server refuses one after another."""
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            "stream": True,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            **options,
        }
        optional = [names for names in OPTIONAL if names[0] in options]
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        attempt = 0
        while True:
            wait = FIRST_PAUSE * 2**attempt
            request = client.build_request("POST", url, json=body)
            request.extensions["trace"] = cutoff.trace
            try:
                response = client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = self._error(f"is out of reach: {error}. {self._hint()}")
            except httpx.HTTPError as error:
                raise self._broken(error, deadline) from error
            else:
                if response.status_code == 200:
                    return response
                failure = self._read_refusal(response, deadline)
                unknown = response.status_code in UNKNOWN_OPTION or "tools" in str(failure)  # llama.cpp says 500
                if unknown and optional:
                    for name in optional.pop(0):
                        body.pop(name)
                    continue
                if response.status_code not in TRANSIENT:
                    raise failure
                wait = _retry_after(response, wait)
            attempt += 1
            if attempt > self.retries or time.monotonic() + wait > deadline:
                raise failure
            time.sleep(wait)

    def _hint(self) -> str:
        if getproxies_environment() and not self.trust_env:
            return "Is the server running? The proxy of the environment is not used without `trust_env: true`."
        return "Is the server running?"

    def _read_refusal(self, response: httpx.Response, deadline: float) -> GeneratorError:
        """What a status other than 200 means, with the server's own words."""
        body = b""
        for block in self._blocks(response, deadline):
            body += block
            if len(body) > MAX_ERROR_BYTES:
                break
        response.close()
        try:
            words = sse.error_message(sse.parse(body))
        except ValueError:
            words = sse.error_message({"error": body.decode("utf-8", "replace")})
        hint = HINTS.get(response.status_code, "").format(env=self.api_key_env)
        return self._error(f"answered HTTP {response.status_code}. {words} {hint}".rstrip())

    def _blocks(self, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        """The body as it comes, within the total time."""
        try:
            for block in response.iter_bytes():
                yield block
                if time.monotonic() > deadline:
                    break
        except httpx.HTTPError as error:
            raise self._broken(error, deadline) from error
        if time.monotonic() > deadline:  # also where the end is the cutoff's
            raise self._late()

    def _broken(self, error: httpx.HTTPError, deadline: float) -> GeneratorError:
        if time.monotonic() > deadline:
            return self._late()
        if isinstance(error, httpx.TimeoutException):
            return self._error(f"sent nothing for {self.idle:g} s (`idle`).")
        return self._error(f"broke off: {error}")

    def _late(self) -> GeneratorError:
        return self._error(f"took longer than {self.timeout:g} s in all (`timeout`).")

    def _error(self, what: str) -> GeneratorError:
        message = f"{self.base_url} (model {self.model}) {what}"
        return GeneratorError(message.replace(key, "***") if (key := read_key(self.api_key_env)) else message)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    """Seconds the server asks to wait, given as a number or a date."""
    value = response.headers.get("retry-after", "")
    try:
        if value.isdecimal():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return otherwise
