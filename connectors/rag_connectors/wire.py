"""What crosses the pipe to a worker: JSON after its length in four bytes. Data only; nothing received is ever run."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from typing import Any

from rag.text.values import from_json
from rag_connectors.parsed import ParsedRecord, ParseOutcome

HEADER = struct.Struct(">I")
OUT_OF_MEMORY = HEADER.pack(0)  # an empty frame, the worker's last


def pack(message: Any) -> bytes:
    """A frame."""
    body = json.dumps(message).encode()  # ASCII: file names may hold bytes that are no UTF-8
    return HEADER.pack(len(body)) + body


def pack_outcome(outcome: ParseOutcome) -> bytes:
    """An outcome as a frame."""
    return pack(asdict(outcome))


def outcome_from(body: bytes) -> ParseOutcome:
    """The outcome in a frame's body."""
    fields = json.loads(body)
    records = tuple(
        ParsedRecord(**{**record, "spans": tuple(map(tuple, record["spans"])), "meta": from_json(record["meta"])})
        for record in fields.pop("records")
    )
    return ParseOutcome(**fields, records=records)
