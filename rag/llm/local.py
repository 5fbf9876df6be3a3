"""Language models that run on this computer: which servers listen on their usual ports, and which models they have.

Only the loopback address is asked, only when the user says so, all ports at once, each for a second at most and for the
list of its models alone. What it does not do: find out whether a model can chat, or whose server it is.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import httpx

from rag.errors import ConfigError, GeneratorError
from rag.llm import sse
from rag.llm.deadline import cut_after

PORTS: Mapping[int, str] = {11434: "Ollama", 8080: "llama.cpp", 8000: "vLLM", 1234: "LM Studio"}
PATIENCE = 1.0  # seconds for a server
START = "`ollama serve` with a model pulled, `llama-server -m MODEL.gguf`, `vllm serve MODEL`, or LM Studio's server"


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server's `name` and `url`, and the names of its models."""

    name: str
    url: str
    models: tuple[str, ...]


def find_servers(ports: Mapping[int, str] | None = None) -> list[LocalServer]:
    """The servers that listen, in the order of the ports; one that lists no models is none."""
    given = PORTS if ports is None else ports
    with ThreadPoolExecutor(len(given)) as pool:
        found = pool.map(_ask, given.values(), (f"http://127.0.0.1:{port}/v1" for port in given))
        return [server for server in found if server.models]


def choose(servers: Sequence[LocalServer], model: str | None) -> tuple[LocalServer, str]:
    """The only model there is, or the one of that name with the first server that has it.

    Raises GeneratorError where there is no server, ConfigError with what there is where the choice is the user's.
    """
    if not servers:
        looked = ", ".join(f"{name} at {port}" for port, name in PORTS.items())
        raise GeneratorError(
            f"--llm auto: no language model's server on this computer (looked for {looked}). Start one: {START}. Or "
            "name it: --llm URL --model NAME."
        )
    fitting = [(server, name) for server in servers for name in server.models if model in (None, name)]
    if fitting and (model or len(fitting) == 1):
        return fitting[0]
    there = "".join(f"\n  {server.name} ({server.url}): {', '.join(server.models)}" for server in servers)
    problem = f"no model {model!r}" if model else f"{len(fitting)} models"
    raise ConfigError(f"--llm auto: {problem} on this computer; choose with --model NAME. There are:{there}")


def _ask(name: str, url: str) -> LocalServer:
    """What a server says; without models where it is none, or says it too slowly or in another way."""
    models: tuple[str, ...] = ()
    with suppress(httpx.HTTPError, ValueError), cut_after(PATIENCE) as cutoff:
        with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
            request = client.build_request("GET", f"{url}/models")
            request.extensions["trace"] = cutoff.trace
            response = client.send(request, stream=True)
            try:
                listed = sse.parse(sse.read_body(response.iter_bytes())).get("data")
            finally:
                response.close()
        entries = listed if isinstance(listed, list) else []
        ids = (entry.get("id") for entry in entries if isinstance(entry, dict))
        models = tuple(dict.fromkeys(id for id in ids if isinstance(id, str)))
    return LocalServer(name, url, models)
