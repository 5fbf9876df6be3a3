"""Training examples for the reader from labelled questions: what it reads, and what it should find there.

A folder is one of `rag train hop`, with answers: a question has `answer` or `answers`, and, where sentences are known,
`supporting_facts` ([title, sentence number]); `context` names passages that distract, `question_decomposition` the
steps, each a question of its own. Questions without an answer (`is_impossible`) are read with their own passage. A
question is read with a passage alone (one that holds the answer, one that only leads to it, or one that merely looks
right) and with several at once, as the reader does: all it needs among others, or some of it missing; some are then
asked of something else (`altered`), which the passages do not answer. Where a folder has no `questions_dev`, a quarter
of the titles with all their questions are held out, elsewhere one question in eight: what is not read in training is
what the confidence is fitted on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from rag.errors import InputError
from rag.sentences import sentence_spans
from rag.train.data import CORPORA, load
from rag.train.lexical import Lexical, content
from rag.words import NAMED, Token, tokens

QUESTIONS = ("questions_train.jsonl*", "questions.jsonl*", "v*_questions.jsonl*")
PASSAGES = (*CORPORA, "v20_paragraphs.jsonl*")
SHARES = {  # of the questions
    "alone": 0.7,
    "leading": 0.4,
    "wrong": 0.4,
    "impossible": 0.8,
    "whole": 0.8,
    "missing": 0.5,
    "altered": 0.3,
}
NEAR, AFTER = 8, 3  # passages that look right: by the question's words, and by those of each gold passage
MOST = 5  # passages of a group
YES_NO = {"yes": 1, "no": 2}

Row = Mapping[str, Any]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A passage as read: `answer` is a span of its text, `facts` those of its supporting sentences."""

    title: str
    text: str
    answer: Span | None = None
    facts: tuple[Span, ...] = ()
    relevant: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with a passage or several; `kind` is 0 for a span or nothing, 1 for yes, 2 for no.

    `whole` says of several whether they hold all that the answer needs.
    """

    question: str
    parts: tuple[Part, ...]
    kind: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its gold passages, and with some that look right and do not hold the answer."""

    question: str
    golds: tuple[Part, ...]
    near: tuple[Part, ...]
    kind: int
    answerable: bool


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's passages by pid, and its questions for training and for measuring."""

    name: str
    passages: Mapping[str, Row]
    train: tuple[Row, ...]
    held_out: tuple[Row, ...]


def read(path: Path) -> Folder:
    """A folder's questions, each once, those usable. Raises InputError for a folder without any."""
    passages = {row["pid"]: row for row in _rows(path, PASSAGES)}
    asked = {row["id"]: row for row in _rows(path, QUESTIONS) if _usable(row, passages)}
    if not asked:
        raise InputError(f"{path}: no question with an answer whose gold passages are all there.")
    whole = any(path.glob("questions_dev*"))
    held = {
        id
        for id, row in asked.items()
        if (crc32(id.encode()) % 8 == 1 if whole else crc32(title(row, passages).encode()) % 4 == 1)
    }
    rows = asked.values()
    return Folder(
        path.name, passages, tuple(r for r in rows if r["id"] not in held), tuple(r for r in rows if r["id"] in held)
    )


def title(row: Row, passages: Mapping[str, Row]) -> str:
    """The title of a question's first gold passage: the article it belongs to."""
    return str(passages[gold(row)[0]].get("title") or gold(row)[0])


def measured(row: Row) -> bool:
    """Whether a held-out question is kept to measure on; the others fit the confidence."""
    return crc32(row["id"].encode()) % 2 == 0


def gold(row: Row) -> tuple[str, ...]:
    """A question's gold pids, of an impossible one the passage it was asked about."""
    return tuple(dict.fromkeys(row["gold"] if row.get("gold") else [row["pid"]]))


def answers(row: Row) -> list[str]:
    """What counts as right, shortest first."""
    found = [*row.get("answers", ()), *([row["answer"]] if "answer" in row else ())]
    return sorted(dict.fromkeys(str(answer).strip() for answer in found if str(answer).strip()), key=len)


def asked(folder: Folder) -> list[Asked]:
    """Every training question of a folder, and the steps of those that name theirs."""
    lexical = Lexical({pid: f"{row.get('title') or ''} {row['text']}" for pid, row in folder.passages.items()})
    rows = [one for row in folder.train for one in (row, *_steps(row))]
    return [_asked(row, folder, lexical) for row in rows]


def readings(
    questions: Sequence[Asked], rng: np.random.Generator, shares: Mapping[str, float] = SHARES
) -> Iterator[Reading]:
    """The readings of one epoch, drawn anew each time; `shares` says of how many questions each kind is made."""
    for one in questions:
        chance = {name: rng.random() < share for name, share in shares.items()}
        yield from (_several if len(one.golds) > 1 else _single)(one, chance, rng)


def _single(one: Asked, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[Reading]:
    """A question that one passage answers, or seems to."""
    (part,) = one.golds
    if chance["alone"] or not one.near:
        yield Reading(one.question, one.golds)
    if chance["wrong"] and one.near:
        yield Reading(one.question, (_one(one.near, rng),))
    if chance["whole"] and one.near:
        yield Reading(one.question, _group(one.golds, one.near, rng), whole=one.answerable)
    if chance["missing"] and one.answerable and len(one.near) > 1:
        yield Reading(one.question, _group((), one.near, rng))
    if chance["altered"] and one.answerable and (question := altered(one.question, part, rng)):
        unread = (Part(part.title, part.text),)
        yield Reading(question, unread if rng.random() < 0.5 else _group(unread, one.near, rng))


def _several(one: Asked, chance: Mapping[str, bool], rng: np.random.Generator) -> Iterator[Reading]:
    """A question that needs all its passages."""
    holders = [part for part in one.golds if part.answer]
    leading = [part for part in one.golds if not part.answer]
    if chance["alone"] and holders and not one.kind:
        yield Reading(one.question, (_one(holders, rng),))
    if chance["leading"] and leading:
        yield Reading(one.question, (_one(leading, rng),))
    if chance["wrong"] and one.near:
        yield Reading(one.question, (_one(one.near, rng),))
    for _ in range(2 if one.kind else int(chance["whole"])):
        yield Reading(one.question, _group(one.golds, one.near, rng), one.kind, whole=True)
    if chance["missing"]:
        lost = int(rng.integers(len(one.golds)))
        left = [part for n, part in enumerate(one.golds) if n != lost]
        yield Reading(one.question, _group(left, one.near, rng))
    if chance["altered"] and (question := altered(one.question, _one(one.golds, rng), rng)):
        unread = [Part(part.title, part.text) for part in one.golds]
        yield Reading(question, _group(unread, one.near, rng))


def _one(parts: Sequence[Part], rng: np.random.Generator) -> Part:
    return parts[int(rng.integers(len(parts)))]


def _group(golds: Sequence[Part], near: Sequence[Part], rng: np.random.Generator) -> tuple[Part, ...]:
    """Some passages and a random number of others, in random order."""
    room = min(len(near), max(0, MOST - len(golds)))
    least = min(room, max(0, 2 - len(golds)))
    others = rng.permutation(len(near))[: int(rng.integers(least, room + 1))]
    parts = [*golds, *(near[i] for i in others)]
    return tuple(parts[i] for i in rng.permutation(len(parts)))


def _asked(row: Row, folder: Folder, lexical: Lexical) -> Asked:
    question, right = str(row["question"]), answers(row)
    golds = [_part(row, folder.passages[pid], right) for pid in gold(row)]
    impossible = bool(row.get("is_impossible"))
    kind = YES_NO.get(right[0].lower().rstrip("."), 0) if right and len(golds) > 1 else 0
    if impossible:
        golds = [Part(part.title, part.text) for part in golds]
    elif kind:
        golds = [replace(part, answer=None) for part in golds]
    elif len(golds) > 1:  # the answer is where it is named first of all, or else where a chain ends
        holders = [n for n, part in enumerate(golds) if part.answer]
        named = [n for n in holders if any(answer.lower() in golds[n].title.lower() for answer in right)]
        holder = (named or holders or [-1])[-1]
        golds = [part if n == holder else replace(part, answer=None) for n, part in enumerate(golds)]
    answerable = not impossible and (kind > 0 or any(part.answer for part in golds))
    return Asked(question, tuple(golds), _near(row, folder, lexical, right), kind, answerable)


def _steps(row: Row) -> Iterator[Row]:
    """The steps of a question, each with the answers of those it names (`#1`) in their place."""
    parts = row.get("question_decomposition") or ()
    for part in parts:
        question = str(part["question"])
        for n, earlier in enumerate(parts, 1):
            question = question.replace(f"#{n}", str(earlier["answer"]))
        if part.get("gold"):
            yield {"question": question, "answer": part["answer"], "gold": [part["gold"]]}


def altered(question: str, part: Part, rng: np.random.Generator) -> str:
    """The question with one of its names or numbers exchanged for another of the passage's; "" where there is none.

    What the passage says of the one it mostly does not say of the other: an unanswerable question that looks right, as
    people wrote them for SQuAD 2.0 (arXiv 1806.03822).
    """
    held = {token.stem for token in tokens(f"{part.title} {part.text}")}
    asked = [token for token in tokens(question) if token.kind in NAMED]
    replaced = [token for token in asked if token.stem in held]
    if not replaced:
        return ""
    one = replaced[int(rng.integers(len(replaced)))]
    known = {token.stem for token in tokens(question)}
    answer = part.text[slice(*part.answer)] if part.answer else ""
    known |= {token.stem for token in tokens(answer)}
    others = [token.text for token in tokens(part.text) if _alike(token, one) and token.stem not in known]
    if not others:
        return ""
    new = others[int(rng.integers(len(others)))]
    return re.sub(rf"(?<!\w){re.escape(one.text)}(?!\w)", lambda _: new, question, count=1)


def _alike(a: Token, b: Token) -> bool:
    """Whether two names, or two numbers as long, could stand in each other's place."""
    number = b.kind == "number"
    return a.kind == b.kind and (not number or (a.text[0].isdigit(), len(a.text)) == (b.text[0].isdigit(), len(b.text)))


def _part(row: Row, passage: Row, right: Sequence[str]) -> Part:
    """A gold passage with the answer's best place in it: in a supporting sentence, among the question's words."""
    text = str(passage["text"])
    sentences = _sentences(passage)
    named = [n for name, n in row.get("supporting_facts") or () if name == passage.get("title")]
    facts = [sentences[n] for n in named if n < len(sentences)]
    found = _place(str(row["question"]), text, sentences, facts, right)
    if found and not facts:
        facts = [span for span in sentences if span[0] <= found[0] < span[1]]
    return Part(str(passage.get("title") or ""), text, found, tuple(facts), relevant=True)


def _place(
    question: str, text: str, sentences: Sequence[Span], facts: Sequence[Span], right: Sequence[str]
) -> Span | None:
    """Of the answers that occur the middle one by length, at the occurrence that fits the question best."""
    occurring = [found for answer in right if (found := _occurrences(text, answer))]
    if not occurring:
        return None
    asked = content(question)

    def fit(span: Span) -> tuple[bool, int, int]:
        around = next((s for s in sentences if s[0] <= span[0] < s[1]), span)
        return around in facts, len(asked & content(text[around[0] : around[1]])), -span[0]

    return max(occurring[(len(occurring) - 1) // 2], key=fit)


def _occurrences(text: str, answer: str) -> list[Span]:
    pattern = rf"(?<!\w){re.escape(answer)}(?!\w)"
    return [m.span() for m in re.finditer(pattern, text)] or [m.span() for m in re.finditer(pattern, text, re.I)]


def _sentences(passage: Row) -> list[Span]:
    """Spans of a passage's own sentences, in order, or by rules where it brings none."""
    if not passage.get("sentences"):
        return sentence_spans(str(passage["text"]))
    spans, done = [], 0
    for sentence in passage["sentences"]:
        start = str(passage["text"]).find(sentence, done)
        done = max(done, start) + len(sentence)
        spans.append((done - len(sentence), done))
    return spans


def _near(row: Row, folder: Folder, lexical: Lexical, right: Sequence[str]) -> tuple[Part, ...]:
    """Passages that look right and hold no answer: those that the row names, and the best by words."""
    golds = gold(row)
    found = [pid for pid in row.get("context") or () if pid in folder.passages]
    found += lexical.best(str(row["question"]), NEAR)
    if len(golds) > 1:  # what a search goes on to from there
        found += [pid for one in golds for pid in lexical.best(str(folder.passages[one]["text"]), AFTER)]
    passages = [folder.passages[pid] for pid in dict.fromkeys(found) if pid not in golds]
    without = (row for row in passages if not any(_occurrences(str(row["text"]), answer) for answer in right))
    return tuple(Part(str(row.get("title") or ""), str(row["text"])) for row in without)


def _usable(row: Row, passages: Mapping[str, Row]) -> bool:
    if row.get("shares_gold_with_eval") or row.get("answerable") is False:
        return False
    return bool(row.get("is_impossible") or answers(row)) and all(pid in passages for pid in gold(row))


def _rows(folder: Path, patterns: Sequence[str]) -> list[Row]:
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise InputError(f"{folder}: no file named {' or '.join(patterns)}; see `rag train reader --help`.")
    return [row for path in dict.fromkeys(found) for row in load(path)]
