"""The options of the store `qdrant`, and which of them go together."""

from typing import Annotated, Literal

from pydantic import Field

from rag.errors import ConfigError
from rag.stages import component
from rag.store.qdrant_door import KEY_ENV
from rag.text.urls import holds_secret


@component
class QdrantOptions:
    """Raises ConfigError for a URL with a secret, and for options that do not go together."""

    url: Annotated[str, Field(description="Where the server is.")] = "http://localhost:6333"
    collection: Annotated[str, Field(description="Name under which it is read; one for each index.")] = "rag"
    api_key_env: Annotated[str, Field(description="The environment variable that holds the API key, if any.")] = KEY_ENV
    timeout: Annotated[int, Field(ge=1, description="Seconds until a request has failed.")] = 30
    retries: Annotated[int, Field(ge=0, description="How often a request is tried again after a passing failure.")] = 4
    parallel: Annotated[int, Field(ge=1, description="Requests at once while it is filled.")] = 4
    shards: Annotated[int, Field(ge=0, description="Shards of a new collection; 0: as the server does it.")] = 0
    replicas: Annotated[int, Field(ge=1, description="Copies of each shard of a new collection.")] = 1
    write_consistency: Annotated[int, Field(ge=1, description="Copies that must have a write before it counts.")] = 1
    read_consistency: Annotated[
        Literal["one", "majority", "quorum", "all"], Field(description="How many copies are asked, and must agree.")
    ] = "one"
    on_disk: Annotated[bool, Field(description="Keep the full vectors of a new collection on disk.")] = False
    quantize: Annotated[
        Literal["none", "int8", "binary"],
        Field(description="Search short dense vectors, compare the best by full ones."),
    ] = "none"
    hnsw_links: Annotated[int, Field(ge=0, description="Links of a vector in a new graph; 0: no graph, exact.")] = 16
    hnsw_build: Annotated[int, Field(ge=4, description="Vectors looked at for each link of a new graph.")] = 100
    hnsw_search: Annotated[int, Field(ge=0, description="Vectors looked at in a search; 0: as when it was built.")] = 0
    exact: Annotated[bool, Field(description="Compare every vector: slower, and no hit is missed.")] = False
    tenants: Annotated[
        Literal["none", "access", "source"], Field(description="Keep chunks of one group, or source, together on disk.")
    ] = "none"
    trust_env: Annotated[
        bool, Field(description="Use the environment's proxy and certificates; a proxy of http reads all, the key too.")
    ] = False
    in_memory: Annotated[bool, Field(description="Use no server: keep all in this process, for tests.")] = False
    dim: int = 0
    sparse: bool = True
    idf: bool = True
    tokens: bool = False
    token_dim: int = 0
    readonly: bool = False
    generation: str = ""

    def __post_init__(self) -> None:
        if holds_secret(self.url):
            raise ConfigError(f"store: url holds credentials or a query; put the key into {self.api_key_env} instead.")
        if self.write_consistency > self.replicas:
            raise ConfigError(
                f"store: write_consistency {self.write_consistency} is more than replicas {self.replicas}."
            )
