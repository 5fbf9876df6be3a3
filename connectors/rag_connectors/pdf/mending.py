"""Runs of words as people see them: torn words whole, spaced letters a word, cut at wide gaps and jumps of the line."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from itertools import chain, pairwise

from rag_connectors.pdf.boxes import RIGHT_TO_LEFT, Word, joined

WIDE = 0.9  # gap, in heights of a word, that parts cells and columns rather than words
SPACE = 0.12  # a gap that people see
_TOUCHING = 0.04
_SPACED = 0.7  # the widest between spaced letters of one word
_TORN = 1.8  # letters of a usual piece of a torn word
_NARROW = 0.24  # between such pieces: words are further apart
_LEVEL = 0.05  # of a word's height, between words on one line
_BLANK = 0.35  # the widest between such words
_SAME = 0.15  # of a word's height, between two that are printed in one place
_CLOSING = ",.;:)]}!?%’”»"


def mended(runs: Sequence[list[Word]], *, leftwards: bool) -> list[list[Word]]:
    """The runs with torn words whole, cut where a wide gap is or the line jumps; `leftwards`: some may run so."""
    gap = _gap_of_any if leftwards else _gap
    if not leftwards:
        gaps = [[(b[0] - a[2]) / (a[5] if a[5] > b[5] else b[5]) for a, b in pairwise(run)] for run in runs]
    else:
        gaps = [list(map(gap, run, run[1:])) for run in runs]
    sizes = sorted(chain.from_iterable(gaps))
    tells = len(sizes) > 3 and sizes[len(sizes) * 9 // 10] > SPACE  # else the widths of the font are wrong
    found: list[list[Word]] = []
    for run, distances in zip(runs, gaps, strict=True):
        if distances and SPACE <= min(distances) and max(distances) <= WIDE and not _jumps(run):
            found.append(run)
            continue
        whole = [run[0]]
        for own, distance in zip(run[1:], distances, strict=True):
            before = whole[-1]
            if abs(distance) > WIDE or abs(own.top + own.bottom - before.top - before.bottom) > before.height:
                found.append(whole)
                whole = [own]
            elif tells and abs(distance) < (SPACE if own.text[0] in _CLOSING else _TOUCHING):
                whole[-1] = joined([before, own], "")
            else:
                whole.append(own)
        found.append(whole)
    return [_unspaced(run, gap) for run in found]


def _gap(a: Word, b: Word) -> float:
    """The white space between two words of a run, in heights; negative where they do not follow each other."""
    return (b.left - a.right) / (a.height if a.height > b.height else b.height)


def _gap_of_any(a: Word, b: Word) -> float:
    """The same on a page that has words written from right to left."""
    leftwards = b.left < a.left and RIGHT_TO_LEFT.search(a.text + b.text)
    return _gap(b, a) if leftwards else _gap(a, b)


def _jumps(run: Sequence[Word]) -> bool:
    """Whether a word stands higher or lower than the one before it."""
    return any(abs(b[1] + b[3] - a[1] - a[3]) > a[5] for a, b in pairwise(run))


def once(runs: Sequence[list[Word]]) -> list[list[Word]]:
    """The runs without words that are printed a second time in their place, to look bold; runs that go on are one."""
    farthest = _SAME * max((one.height for run in runs for one in run), default=0.0)
    places: dict[str, list[Word]] = {}  # from left to right
    kept: list[list[Word]] = []
    for run in runs:
        kept.append([])
        for one in run:
            alike = places.get(one.text)
            if alike is None:
                places[one.text] = [one]
                kept[-1].append(one)
            elif not _is_covered(one, alike, farthest):
                insort(alike, one)
                kept[-1].append(one)
    whole: list[list[Word]] = []
    for run in filter(None, kept):
        if whole and _goes_on(whole[-1], run[0]):
            whole[-1] += run
        else:
            whole.append(run)
    return whole


def _goes_on(run: Sequence[Word], other: Word) -> bool:
    """Whether a letter touches the one before it on its line: PDFium ends a line where each letter is placed alone.

    Behind letters that touch, a blank may follow.
    """
    one = run[-1]
    same = _LEVEL * one.height
    level = abs(one.top - other.top) < same and abs(one.bottom - other.bottom) < same
    farthest = _BLANK * one.height if len(run) > 1 else same
    return level and len(one.text) < 3 and len(other.text) < 3 and -same < other.left - one.right < farthest


def _is_covered(one: Word, alike: Sequence[Word], farthest: float) -> bool:
    """Whether one of the words that are `alike`, sorted, stands in the same place, which none `farthest` away does."""
    left, top = one[0], one[1]
    at = bisect_left(alike, (left - farthest,))
    while at < len(alike) and alike[at][0] - left < farthest:
        near = _SAME * alike[at][5]
        if abs(alike[at][0] - left) < near and abs(alike[at][1] - top) < near:
            return True
        at += 1
    return False


def _unspaced(run: list[Word], gap: Callable[[Word, Word], float]) -> list[Word]:
    """The run with its spaced letters as words, if it has hardly anything else, or pieces of words."""
    if len(run) < 4 or sum(len(one[4]) for one in run) > _TORN * len(run):
        return run
    letters = [one for one in run if one.text.isalpha()]
    if len(letters) < 0.8 * len(run):
        return run
    gaps = list(map(gap, run, run[1:]))
    least = min(gaps)
    between = least * 1.6 if max(gaps) > least * 1.6 else _SPACED
    torn = any(len(one.text) > 1 for one in run)
    if least < 0 or between > (_NARROW if torn else _SPACED) or (torn and between == _SPACED):
        return run
    words = [[run[0]]]
    for one, distance in zip(run[1:], gaps, strict=True):
        if distance > between:
            words.append([])
        words[-1].append(one)
    return [joined(spaced, "") for spaced in words]
