"""Do the terms of a statement stand where the evidence has them, or where it has a rival?

A term is displaced when the words on both of its sides agree for longer with those around a rival than with those
around the same term: "from 1998 to 1990" against "from 1990 to 1998", "opens at noon" against "closes at noon". Numbers
nearby count as alike, for they may be exchanged too. It takes both sides, so that a shortened or turned sentence
passes. What it does not do: see through a paraphrase of both sides.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from rag.answer.terms import Term

FAR = 8  # terms compared on each side
ALIKE = 3  # of them at least that agree where the evidence has the term nowhere

Rival = Callable[[Term, Term], bool]  # whether the second, found in the evidence, could stand where the first does


def find_displaced(statement: Sequence[Term], evidence: Sequence[Sequence[Term]], rival: Rival) -> Iterator[Term]:
    """The rivals of the evidence that stand where the statement has something else."""
    shape = give_shape(statement)
    shapes = [give_shape(part) for part in evidence]
    for i, term in enumerate(statement):
        before = after = 0
        rivals = []
        for part, there in zip(evidence, shapes, strict=True):
            for j, other in enumerate(part):
                if (same := other.key == term.key) or rival(term, other):
                    agree = agreement(shape, i, there, j)
                    if same:
                        before, after = max(before, agree[0]), max(after, agree[1])
                    else:
                        rivals.append((other, agree))
        least = 0 if before else ALIKE
        yield from (other for other, (b, a) in rivals if b > before and a > after and b + a >= least)


def has_wrong_unit(statement: Sequence[Term], evidence: Sequence[Sequence[Term]]) -> bool:
    """Whether a number of the statement has another unit than in all of the evidence that gives it one."""
    held = {pair for part in evidence for pair in _quantities(part)}
    return any(pair not in held and any(pair[0] == n for n, _ in held) for pair in _quantities(statement))


def _quantities(terms: Sequence[Term]) -> Iterator[tuple[str, str]]:
    """Numbers with their units: both have it in "10 to 20 km", one word may stand between."""
    for i, term in enumerate(terms):
        if term.kind == "number":
            behind = [other for other in terms[i + 1 : i + 5] if other.kind != "number"][:2]
            unit = next((other for other in behind if other.kind == "unit"), None)
            if unit:
                yield term.key, unit.key


def give_shape(terms: Sequence[Term]) -> list[str]:
    """The roots of terms between two marks, any number as #."""
    return ["^", *("#" if term.kind == "number" else term.root for term in terms), "$"]


def agreement(one: Sequence[str], i: int, other: Sequence[str], j: int) -> tuple[int, int]:
    """For how many terms, on the left and on the right, two shapes agree around term i of one and j of the other."""
    left = _common(one[max(0, i + 1 - FAR) : i + 1][::-1], other[max(0, j + 1 - FAR) : j + 1][::-1])
    return left, _common(one[i + 2 : i + 2 + FAR], other[j + 2 : j + 2 + FAR])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences share from their start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
