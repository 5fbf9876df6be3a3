"""Training examples for the reader from labelled questions: what it reads, and what it should find there.

A folder is one of `rag train hop`, with answers: a question has `answer` or `answers`, and, where sentences are known,
`supporting_facts` ([title, sentence number]); `context` names passages that distract. Questions without an answer
(`is_impossible`) are read with their own passage. A question is read with a passage alone (one that holds the answer,
one that only leads to it, or one that merely looks right) and with two passages at once, as the reader does; some are
then asked of something else (`altered`), which the passages do not answer. Where a folder has no `questions_dev`, a
quarter of the titles with all their questions are held out, elsewhere one question in eight: what is not read in
training is what the confidence is fitted on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
SHARES = {
    "pair": 0.3,
    "distractor": 0.35,
    "impossible": 0.8,
    "missing": 0.3,
    "bridge": 0.4,
    "single": 0.4,
    "altered": 0.3,
}
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
    """A question with one or two passages; `kind` is 0 for a span or nothing, 1 for yes, 2 for no."""

    question: str
    parts: tuple[Part, ...]
    kind: int = 0


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


def readings(folder: Folder, rng: np.random.Generator, shares: Mapping[str, float] = SHARES) -> Iterator[Reading]:
    """The readings of one epoch over a folder's training questions; `shares` says how many of each kind."""
    lexical = Lexical({pid: f"{row.get('title') or ''} {row['text']}" for pid, row in folder.passages.items()})
    for row in folder.train:
        yield from _of_question(row, folder, lexical, rng, shares)


def _of_question(
    row: Row, folder: Folder, lexical: Lexical, rng: np.random.Generator, shares: Mapping[str, float]
) -> Iterator[Reading]:
    question, right = str(row["question"]), answers(row)
    golds = [_part(row, folder.passages[pid], right) for pid in gold(row)]
    chance = {name: rng.random() < share for name, share in shares.items()}

    def other() -> Part | None:
        return _distractor(row, folder, lexical, right, rng)

    if row.get("is_impossible"):
        part = Part(golds[0].title, golds[0].text)
        if chance["impossible"]:
            yield Reading(question, (part,))
    elif len(golds) == 1:
        if golds[0].answer is None:
            return
        wrong = other()
        yield Reading(question, _mixed([golds[0], *([wrong] if chance["pair"] and wrong else [])], rng))
        if chance["distractor"] and wrong:
            yield Reading(question, (wrong,))
        if chance["altered"] and (other_question := altered(question, golds[0], rng)):
            yield Reading(other_question, (Part(golds[0].title, golds[0].text),))
    else:
        kind = YES_NO.get(right[0].lower().rstrip("."), 0) if right else 0
        holders = [part for part in golds if part.answer]
        if kind or "comparison" in str(row.get("type")):
            compared = [part for part in golds if len(golds) == 2 or part.title.lower() not in question.lower()]
            for _ in range(2 if kind else 1):
                if len(compared) == 2:
                    yield Reading(question, _mixed(compared, rng), kind)
            return
        if not holders:
            return
        holder = holders[-1]
        leading = [part for part in golds if part is not holder]
        wrong = other()
        yield Reading(question, (holder,) if chance["single"] else _mixed([leading[-1], holder], rng))
        blank = Part(leading[-1].title, leading[-1].text, None, leading[-1].facts, relevant=True)
        if chance["bridge"] and leading[-1].answer is None:
            yield Reading(question, (blank,))
        if wrong and chance["distractor"]:
            yield Reading(question, (wrong,))
        if chance["altered"] and (other_question := altered(question, leading[-1], rng)):
            parts = [Part(part.title, part.text) for part in (leading[-1], holder)]
            yield Reading(other_question, _mixed(parts, rng))
        if wrong and chance["missing"] and leading[-1].answer is None:
            yield Reading(question, _mixed([blank, wrong], rng))


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


def _distractor(
    row: Row, folder: Folder, lexical: Lexical, right: Sequence[str], rng: np.random.Generator
) -> Part | None:
    """A passage that looks right and holds no answer: one that the row names, or one of the best by words."""
    near = row.get("context") or ()
    near = [pid for pid in near if pid in folder.passages] or lexical.best(str(row["question"]), 8)
    fitting = [pid for pid in near if pid not in gold(row)]
    for pid in rng.permutation(np.array(fitting, dtype=object)):
        passage = folder.passages[pid]
        if not any(_occurrences(str(passage["text"]), answer) for answer in right):
            return Part(str(passage.get("title") or ""), str(passage["text"]))
    return None


def _mixed(parts: Sequence[Part], rng: np.random.Generator) -> tuple[Part, ...]:
    return tuple(parts[i] for i in rng.permutation(len(parts)))


def _usable(row: Row, passages: Mapping[str, Row]) -> bool:
    if row.get("shares_gold_with_eval") or row.get("answerable") is False:
        return False
    return bool(row.get("is_impossible") or answers(row)) and all(pid in passages for pid in gold(row))


def _rows(folder: Path, patterns: Sequence[str]) -> list[Row]:
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    if not found:
        raise InputError(f"{folder}: no file named {' or '.join(patterns)}; see `rag train reader --help`.")
    return [row for path in dict.fromkeys(found) for row in load(path)]
