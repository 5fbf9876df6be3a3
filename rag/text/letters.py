"""The letters of a picture with their boxes, packed small: what OCR saw on a page, as an index stores it.

Boxes are in 65,535ths of the page, column by column as differences, which compress to some four bytes a letter.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

Seen: TypeAlias = tuple[str, tuple[float, float, float, float]]  # a letter; left, top, right, bottom, as fractions
_GRID = 0xFFFF
_MOST = 64 << 20  # bytes of one page


def pack_letters(seen: Sequence[Seen]) -> bytes:
    """The letters as bytes, smaller than their JSON by a factor of ten."""
    edges = array("i")
    for side in zip(*(box for _, box in seen), strict=True):
        ends = [round(min(max(end, 0.0), 1.0) * _GRID) for end in side]
        edges.extend(b - a for a, b in zip([0, *ends], ends, strict=False))
    text = "\0".join(letter for letter, _ in seen).encode()
    return zlib.compress(len(text).to_bytes(4, "little") + text + _little(edges).tobytes(), 9)


def unpack_letters(data: bytes) -> list[Seen]:
    """The letters again, within one part in 65,535. Raises ValueError for bytes that are none."""
    try:
        raw = zlib.decompressobj().decompress(data, _MOST)
    except zlib.error as error:
        raise ValueError(f"no letters: {error}") from error
    end = 4 + int.from_bytes(raw[:4], "little")
    letters = raw[4:end].decode().split("\0") if end > 4 else []
    edges = array("i")
    edges.frombytes(raw[end:])
    edges = _little(edges)
    if len(edges) != 4 * len(letters):
        raise ValueError("no letters: not as many boxes")
    count = len(letters)
    sides = [[end / _GRID for end in accumulate(edges[side * count : (side + 1) * count])] for side in range(4)]
    return list(zip(letters, zip(*sides, strict=True), strict=True))


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
