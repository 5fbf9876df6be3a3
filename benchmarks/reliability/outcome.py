"""What a row gives back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

PART = 0  # which part of a row is run; each draws other faults


def draws(seed: int) -> random.Random:
    """Where a row draws its faults from: for each seed and part others."""
    return random.Random(seed + 1000 * PART)


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
