"""What each peer does, and what is done for all of them alike. Imported in environments without raghop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

CHARACTERS, OVERLAP = 1000, 100  # of a chunk, for peers that count characters
WORDS, WORDS_OVERLAP = 200, 20  # the same, for one that counts words
TOKENS, TOKENS_OVERLAP = 250, 25  # the same, for one that counts tokens
LEDGER = "ledger.json"


class Peer(Protocol):
    """One way to search a folder of text files. `index` is a folder of its own, which exists."""

    def build(self, docs: Path, index: Path) -> None:
        """Ingest every *.txt of `docs` into an empty `index`."""

    def update(self, docs: Path, index: Path) -> None:
        """Bring `index` in line with `docs`, of which some files have changed."""

    def open(self, index: Path) -> None:
        """Make ready to search."""

    def search(self, question: str, k: int) -> Sequence[str]:
        """The names of the files of the best `k` chunks, best first; a name may come twice."""


def files(docs: Path) -> list[Path]:
    """The files, in the order of their names."""
    return sorted(docs.glob("*.txt"))


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_ledger(docs: Path, index: Path) -> None:
    """Remember what was ingested: for peers that do not know themselves which files have changed."""
    (index / LEDGER).write_text(json.dumps({path.name: digest(path) for path in files(docs)}))


def changed(docs: Path, index: Path) -> list[Path]:
    """The files that are not as the ledger has them."""
    known = json.loads((index / LEDGER).read_text())
    return [path for path in files(docs) if known.get(path.name) != digest(path)]


def unique(names: Iterable[str]) -> list[str]:
    """Each name once, in the order of their first."""
    return list(dict.fromkeys(names))
