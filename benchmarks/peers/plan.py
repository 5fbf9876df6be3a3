"""Who is measured, and what each of them installs. `torch` is the CPU build, so that no CUDA comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
TORCH = "torch==2.13.0+cpu"
QDRANT = "qdrant-client"


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed into a virtual environment, and the packages whose versions are told."""

    packages: tuple[str, ...]
    told: tuple[str, ...]


ENVIRONMENTS = {
    "raghop": Environment((str(CHECKOUT),), ("raghop", "onnxruntime", "qdrant-edge-py")),
    "txtai": Environment((TORCH, "txtai"), ("txtai", "faiss-cpu", "transformers")),
    "haystack": Environment(
        (TORCH, "haystack-ai", "qdrant-haystack", "sentence-transformers-haystack"),
        ("haystack-ai", "qdrant-haystack", "sentence-transformers-haystack", QDRANT),
    ),
    "langchain": Environment(
        (
            TORCH, "langchain", "langchain-classic", "langchain-huggingface", "langchain-qdrant",
            "langchain-text-splitters", "sentence-transformers", "sqlalchemy[asyncio]",
        ),
        ("langchain", "langchain-classic", "langchain-qdrant", "langchain-huggingface", QDRANT),
    ),
    "llamaindex": Environment(
        (
            TORCH, "llama-index-core", "llama-index-embeddings-huggingface", "llama-index-vector-stores-qdrant",
            "llama-index-readers-file",
        ),
        ("llama-index-core", "llama-index-vector-stores-qdrant", "llama-index-embeddings-huggingface", QDRANT),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """A peer with one way to search: its environment, the class that knows it, `by` what, and how it is called."""

    title: str
    environment: str
    module: str
    cls: str
    by: str


VARIANTS = {
    "raghop-dense": Variant("raghop, dense", "raghop", "with_raghop", "Raghop", "dense"),
    "txtai-dense": Variant("txtai, dense", "txtai", "with_txtai", "Txtai", "dense"),
    "haystack": Variant("Haystack, Qdrant", "haystack", "with_haystack", "Haystack", "dense"),
    "langchain": Variant("LangChain, Qdrant", "langchain", "with_langchain", "LangChain", "dense"),
    "llamaindex": Variant("LlamaIndex, Qdrant", "llamaindex", "with_llamaindex", "LlamaIndex", "dense"),
    "raghop-hybrid": Variant("raghop, hybrid (`direct`)", "raghop", "with_raghop", "Raghop", "hybrid"),
    "txtai-hybrid": Variant("txtai, hybrid", "txtai", "with_txtai", "Txtai", "hybrid"),
}
OURS = {"dense": "raghop-dense", "hybrid": "raghop-hybrid"}  # with whom those who search alike are compared
