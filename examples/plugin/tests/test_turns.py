"""The chunker keeps what a chunker promises, and cuts at speakers."""

from __future__ import annotations

import pytest
from raghop_turns import TurnChunker

from rag import Document
from rag.testing import ChunkerConformance


class TestTurnChunker(ChunkerConformance):
    @pytest.fixture
    def chunker(self) -> TurnChunker:
        return TurnChunker()


def test_every_turn_is_a_chunk() -> None:
    text = "Meeting of 3 May\n\nHarbour master: The crane is back.\nIt was tested.\n\nEngineer: Since when?\n"
    [chunked] = TurnChunker(shortest=20).chunk([Document("d", "minutes.txt", text)])
    assert [chunk.text for chunk in chunked.chunks] == [
        "Harbour master: The crane is back.\nIt was tested.",
        "Engineer: Since when?",
    ]
