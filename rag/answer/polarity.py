"""Is something said that the evidence denies, or denied that the evidence says?

A denial belongs to the first content word behind it, and passes over adverbs. Where a word of the statement stands
among the same words as one of the evidence, both must be denied, or neither. Two denials in a row say nothing; one that
only changed its place in a sentence (no keeper lived, a keeper did not live) contradicts nothing. What it does not do:
tell how far a denial reaches in a longer sentence, or what a verb implies.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from rag.answer.places import ALIKE, agreement, give_shape
from rag.answer.roots import find_root
from rag.answer.terms import Term

_NO_DENIAL = frozenset({"only", "more", "until"})  # behind a "not" or "no"
_QUANTITIES = frozenset({"all", "most"})  # turns that can be denied
_LEADING = frozenset(map(find_root, (  # verbs that lead to another one: not allowed to run
    "allow authorize believe continue choose decide entitle expect hope intend know manage mean oblige permit plan "
    "require say suppose think try want"
).split()))  # fmt: skip
NEAR = 3  # terms within which a denial may have changed its place


@dataclass(frozen=True, slots=True)
class Denials:
    """The terms of a text that are no negation, and the places of those that are denied."""

    terms: tuple[Term, ...]
    denied: frozenset[int]

    @property
    def denied_roots(self) -> frozenset[str]:
        """Roots of what is denied wherever it stands."""
        said = {term.root for i, term in enumerate(self.terms) if i not in self.denied}
        return frozenset(self.terms[i].root for i in self.denied) - said


def find_denials(part: Sequence[Term]) -> Denials:
    """What a text denies: in "not only" and "no. 5" nothing."""
    terms, denied, pending = list[Term](), set[int](), ""
    for term in part:
        if term.kind == "not":
            pending = "" if pending else term.key
            continue
        if term.key in _NO_DENIAL or (pending == "no" and term.kind == "number"):
            pending = ""
        elif pending and (term.kind != "turn" or term.key in _QUANTITIES):
            denied.add(len(terms))
            if not term.key.endswith("ly"):
                pending = ""
        terms.append(term)
    return Denials(tuple(terms), frozenset(denied))


def negates(statement: Sequence[Term], evidence: Sequence[Sequence[Term]]) -> bool:
    """Whether a word is denied on one side only: in the statement, or where the evidence has it among the same words.

    Of several places in the evidence those count whose surroundings are most like the statement's. Where the evidence
    denies nothing at all, a denial of one of its words needs no such surroundings.
    """
    claim, parts = find_denials(statement), [find_denials(part) for part in evidence]
    if claim.denied:
        claim = _pass_on(claim, {term.root for part in parts for term in part.terms})
    else:
        said = {term.root for term in claim.terms}
        parts = [_pass_on(part, said) for part in parts]
    shape, shapes = give_shape(claim.terms), [give_shape(part.terms) for part in parts]
    for i, term in enumerate(claim.terms):
        alike = [
            (sum(agreement(shape, i, there, j)), part, j)
            for part, there in zip(parts, shapes, strict=True)
            for j, other in enumerate(part.terms)
            if other.root == term.root
        ]
        most = max((agree for agree, _, _ in alike), default=0)
        alone = i in claim.denied and not any(part.denied for part in parts)
        if (most >= ALIKE - 1 or (alone and alike)) and all(
            _differ(claim, i, part, j) for agree, part, j in alike if agree == most
        ):
            return True
    return False


def _pass_on(part: Denials, others: Container[str]) -> Denials:
    """Where a leading verb is denied that the other side lacks, the verb that it leads to is denied, too."""
    led = {i + 1 for i in part.denied if part.terms[i].root in _LEADING and part.terms[i].root not in others}
    return replace(part, denied=part.denied | led)


def _differ(claim: Denials, i: int, part: Denials, j: int) -> bool:
    """Whether one of two equal terms is denied, and that denial is not found beside the other one."""
    if (i in claim.denied) == (j in part.denied):
        return False
    denying, other, at = (claim, part, j) if i in claim.denied else (part, claim, i)
    near = {other.terms[k].root for k in other.denied if abs(k - at) <= NEAR}
    said = {term.root for term in denying.terms} - denying.denied_roots
    return not near & said
