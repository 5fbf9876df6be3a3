"""What a parser takes and gives: plain records that cross a pipe as JSON.

Parsers run in a child process that must start fast, so nothing here (or in `formats/`) imports `rag.types`, which loads
numpy: a record becomes a `rag.types.Document` in the parent, in `files.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rag.types import Values

Span: TypeAlias = tuple[int, int, str, str]  # start, end, kind, label: the fields of rag.types.Section


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """What parsers obey. `max_bytes` bounds a file and also what it unpacks to; an empty field name means the usual."""

    max_bytes: int = 64 << 20
    text_field: str = ""
    title_field: str = ""
    id_field: str = ""
    ocr: str = "never"  # or "auto", "always": which pages need it
    scan: bool = False  # whether to run it on them: it takes more time and memory than parsing
    ocr_model: str = ""  # path of a network that reads another script; "" is the one that comes with the extra


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """One document to be. `key` tells the records of one file apart; it is empty when the file is one document."""

    text: str
    title: str = ""
    spans: tuple[Span, ...] = ()
    meta: Mapping[str, Values] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The records of a file and, in words for its owner, what was lost on the way and what else is to know.

    `scans` are how many pages OCR could read, `letters` what it saw on those it read (page, packed letters).
    """

    records: tuple[ParsedRecord, ...]
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scans: int = 0
    letters: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ParseOutcome:
    """What became of a file: the fields of rag.types.Loaded, before documents are built.

    `scans` and `letters` are as in `Parsed`, the letters in base 64.
    """

    status: str
    reason: str = ""
    sha256: str = ""
    records: tuple[ParsedRecord, ...] = ()
    scans: int = 0
    letters: tuple[tuple[int, str], ...] = ()


class RefusalError(Exception):
    """A parser's finding that there is nothing to index, with the reason in words for the file's owner."""

    def __init__(self, reason: str, status: str = "failed", *, scans: int = 0) -> None:
        super().__init__(reason)
        self.scans = scans
        self.reason = reason
        self.status = status
