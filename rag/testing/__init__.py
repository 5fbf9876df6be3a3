"""Conformance tests for plug-ins: what the docstrings of `rag.stages` promise, as pytest classes to inherit.

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(path=str(tmp_path / "index"), dim=self.dim)

Each class asks for one fixture, which its docstring names: a component as a pipeline would build it. Passing says that
the contract holds, not that the answers are good; that is what the evaluation is for. Needs pytest.
"""

from rag.testing.documents import ChunkerConformance, ConnectorConformance, EmbedderConformance
from rag.testing.executor import ExecutorConformance
from rag.testing.questions import GeneratorConformance, HopperConformance, RerankerConformance, RetrieverConformance
from rag.testing.samples import NAMES, NASTY, make_chain, make_chunks, make_hits, make_vectors, ordered_ids
from rag.testing.store import StoreConformance

__all__ = [
    "NAMES",
    "NASTY",
    "ChunkerConformance",
    "ConnectorConformance",
    "EmbedderConformance",
    "ExecutorConformance",
    "GeneratorConformance",
    "HopperConformance",
    "RerankerConformance",
    "RetrieverConformance",
    "StoreConformance",
    "make_chain",
    "make_chunks",
    "make_hits",
    "make_vectors",
    "ordered_ids",
]
