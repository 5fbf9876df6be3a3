"""Two-hop questions: a name in a question is replaced by what another document says about it.

"How long is the warranty of the Lumen K2?" and, elsewhere, "The core router in rack B2 is a Lumen K2" make "How long is
the warranty of the core router in rack B2?". Who answers it has to find the second sentence to know what is asked
about, then the first. A name is described by a sentence that says what it is, by one that ends in it, or by a row of a
table that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rag.text.mentions import normalise
from rag_evals.make.clause import clause
from rag_evals.make.draft import Draft, Support, words
from rag_evals.make.material import Row, SourceSentence, names
from rag_evals.make.single import VAGUE, named
from rag_evals.make.table import relation, subject

_LONGEST = 14  # words of a description
_EACH = 3  # descriptions tried for a name
_WHAT = re.compile(r"(?:an?|the) (?P<what>[a-z][^,;:(]+)")
_LISTED = re.compile(r"[,;:(].*\b(?:and|or) ")  # what is cut off was the rest of a list
_PASSIVE = re.compile(r"(?:\w+ed|built|made|run|kept|held|sold|known|sent|done)\b")
_FOLLOWS = re.compile(
    r"[?,;:)]| (?:is|are|was|were|has|can|must|may|by|in|at|on|from|with|to|for|of|and|or|called|have|[a-z]+ed)\b"
)
_ENDS = re.compile(r"(?P<pre>[^,;:]*?)(?:\b(?P<prep>by|in|at|on|from|with|to|for) )?(?:(?:an?|the) )?$")


@dataclass(frozen=True, slots=True)
class Description:
    """What stands for a name (`key`), and the sentence or row that says so."""

    key: str
    text: str
    support: Support


def descriptions(
    sentences: Iterable[SourceSentence], rows: Iterable[Row], known: frozenset[str], kinds: Mapping[str, str]
) -> dict[str, list[Description]]:
    """By key, what could stand for each name; a description that fits two names is left out."""
    found: dict[str, Description | None] = {}
    for item in (*_of_sentences(sentences, known, kinds), *_of_rows(rows, known)):
        same = found.get(item.text)
        found[item.text] = item if item.text not in found or (same and same.key == item.key) else None
    by_key: dict[str, list[Description]] = {}
    for kept in found.values():
        if kept and _usable(kept):
            by_key.setdefault(kept.key, []).append(kept)
    return by_key


def _usable(found: Description) -> bool:
    said = words(found.text)
    return (
        3 <= len(said) <= _LONGEST
        and not set(words(found.key)) <= set(said)
        and said[1] not in VAGUE  # "the object that ..." does not stand for a name
        and not {"than", "her", "his", "its", "their", "your"} & set(said)
    )


def bridged(draft: Draft, known: frozenset[str], by_key: Mapping[str, list[Description]]) -> Iterator[Draft]:
    """The two-hop questions that a single-hop one becomes."""
    (support,) = draft.supports
    start = draft.question.index("”") if draft.question.startswith("According to “") else 0
    for name in names(draft.question, known):
        if name.start < start or re.fullmatch(r"Which (?:[\w-]+ )?", draft.question[: name.start]):
            continue  # in the title that was added, or part of what is asked for
        for found in by_key.get(name.key, [])[:_EACH]:
            if found.support.chunk.source != support.chunk.source and _FOLLOWS.match(draft.question, name.end):
                before = re.sub(r"\b(?:[Tt]he|[Aa]n?) $", "", draft.question[: name.start])
                question = f"{before}{found.text}{draft.question[name.end :]}"
                yield Draft(question, draft.answer, f"{draft.form}, bridged", (found.support, support))


def _of_sentences(
    sentences: Iterable[SourceSentence], known: frozenset[str], kinds: Mapping[str, str]
) -> Iterator[Description]:
    for sentence in sentences:
        if (parts := clause(sentence.text)) is None:
            continue
        support = Support(sentence.quote, sentence.chunk)
        key = normalise(parts.subject)
        if key in known and named(parts.subject):
            if parts.verb in ("is", "was") and (found := _WHAT.match(parts.rest)):
                if not _LISTED.match(parts.rest, found.end()):
                    yield Description(key, f"the {found['what'].strip()}", support)
            elif key in kinds and parts.verb not in ("are", "were", "have") and not re.search("[,;:]", parts.rest):
                yield Description(key, f"the {kinds[key]} that {parts.verb} {parts.rest}", support)
        for name in names(parts.rest, known):
            after = parts.rest[name.end :]
            ends = _ENDS.fullmatch(parts.rest[: name.start])
            if not ends or (after and after[0] not in ",;:") or name.key == key:
                continue
            if ends["prep"] is None and parts.verb in ("is", "was") and not ends["pre"].strip():
                yield Description(name.key, parts.inner, support)
            elif name.key in kinds and _relates(parts.verb, ends):
                link = f"{ends['prep']} which" if ends["prep"] else "that"
                said = " ".join(f"{parts.inner} {parts.verb} {ends['pre']}".split())
                yield Description(name.key, f"the {kinds[name.key]} {link} {said}", support)


def _relates(verb: str, ends: re.Match[str]) -> bool:
    """Whether what stands between verb and name can be turned round: "is sailed with NAME", "operates NAME"."""
    if verb in ("is", "are", "was", "were"):
        return ends["prep"] is not None and _PASSIVE.match(ends["pre"]) is not None
    return not ends["pre"].strip()


def _of_rows(rows: Iterable[Row], known: frozenset[str]) -> Iterator[Description]:
    for row in rows:
        about = subject(row)
        for field, other in row.fields[1:] if about else ():
            said = relation(field, str(about))
            if said and (key := normalise(other)) in known and named(other):
                yield Description(key, said, Support(row.quote, row.chunk))
