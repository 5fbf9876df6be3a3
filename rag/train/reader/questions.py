"""Labelled questions for the reader's training: where the answer stands in their passages, and what looks right.

A folder is one of `rag train hop`, with answers: a question has `answer` or `answers`, and, where sentences are known,
`supporting_facts` ([title, sentence number]); `context` names passages that distract, `question_decomposition` the
steps, each a question of its own. Where a folder has no `questions_dev`, a quarter of the titles with all their
questions are held out, elsewhere one question in eight: what is not read in training is what the confidence is fitted
on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from rag.errors import InputError
from rag.text.sentences import sentence_spans
from rag.train.common.dataset import CORPORA, load
from rag.train.reader.distractors import Lexical, content

QUESTIONS = ("questions_train.jsonl*", "questions.jsonl*", "v*_questions.jsonl*")
PASSAGES = (*CORPORA, "v20_paragraphs.jsonl*")
NEAR, AFTER = 8, 3  # passages that look right: by the question's words, and by those of each gold passage
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
class ReaderQuestion:
    """A question with its gold passages, and with some that look right and do not hold the answer."""

    question: str
    golds: tuple[Part, ...]
    near: tuple[Part, ...]
    kind: int
    answerable: bool


@dataclass(frozen=True)
class Folder:
    """A folder's passages by pid, and its questions for training and for measuring."""

    name: str
    passages: Mapping[str, Row]
    train: tuple[Row, ...]
    held_out: tuple[Row, ...]

    @cached_property
    def lexical(self) -> Lexical:
        """Its passages by their words, titles among them."""
        return Lexical({pid: f"{row.get('title') or ''} {row['text']}" for pid, row in self.passages.items()})


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


def asked(folder: Folder) -> list[ReaderQuestion]:
    """Every training question of a folder, and the steps of those that name theirs."""
    rows = [one for row in folder.train for one in (row, *_steps(row))]
    return [_asked(row, folder) for row in rows]


def _asked(row: Row, folder: Folder) -> ReaderQuestion:
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
    return ReaderQuestion(question, tuple(golds), _near(row, folder, right), kind, answerable)


def _steps(row: Row) -> Iterator[Row]:
    """The steps of a question, each with the answers of those it names (`#1`) in their place."""
    parts = row.get("question_decomposition") or ()
    for part in parts:
        question = str(part["question"])
        for n, earlier in enumerate(parts, 1):
            question = question.replace(f"#{n}", str(earlier["answer"]))
        if part.get("gold"):
            yield {"question": question, "answer": part["answer"], "gold": [part["gold"]]}


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


def _near(row: Row, folder: Folder, right: Sequence[str]) -> tuple[Part, ...]:
    """Passages that look right and hold no answer: those that the row names, and the best by words."""
    golds = gold(row)
    found = [pid for pid in row.get("context") or () if pid in folder.passages]
    found += folder.lexical.best(str(row["question"]), NEAR)
    if len(golds) > 1:  # what a search goes on to from there
        found += [pid for one in golds for pid in folder.lexical.best(str(folder.passages[one]["text"]), AFTER)]
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
