"""What a row gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Outcome:
    """Faults injected, how many of them were survived, and in words each one that was not.

    `note` says what was measured besides (a share, a time, a ratio).
    """

    injected: int
    survived: int
    lost: list[str]
    note: str = ""


Row: TypeAlias = Callable[[int], Outcome]
