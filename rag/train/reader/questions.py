"""Labelled questions for the reader's training: where the answer stands in their passages, and what looks right.

A folder is one of `rag train hop`, with answers: a question has `answer` or `answers`, and, where sentences are known,
`supporting_facts` ([title, sentence number]); `context` names passages that distract, `question_decomposition` the
steps, each a question of its own. Where a folder has no `questions_dev`, a quarter of the titles with all their
questions are held out, elsewhere one question in eight: what is not read in training is what the confidence is fitted
on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from zlib import crc32

from rag.errors import InputError
from rag.text.sentences import sentence_spans
from rag.train.common.dataset import Row, gold, is_usable, read_rows
from rag.train.reader.distractors import LexicalIndex, content_words

QUESTIONS = ("questions_train.jsonl*", "questions.jsonl*", "v*_questions.jsonl*")
PASSAGES = ("corpus*.jsonl*", "v*_paragraphs.jsonl*")
SIMILAR, SIMILAR_TO_GOLD = 8, 3  # distractors: by the question's words, and by those of each gold passage
YES_NO = {"yes": 1, "no": 2}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReaderPassage:
    """A passage as read: `answer` is a span of its text, `evidence` those of its supporting sentences."""

    title: str
    text: str
    answer: Span | None = None
    evidence: tuple[Span, ...] = ()
    relevant: bool = False


@dataclass(frozen=True, slots=True)
class ReaderQuestion:
    """A question with its gold passages and its distractors, which look right and do not hold the answer.

    `answer_type` is 0 for a span or nothing, 1 for yes, 2 for no.
    """

    text: str
    gold: tuple[ReaderPassage, ...]
    distractors: tuple[ReaderPassage, ...]
    answer_type: int
    answerable: bool


@dataclass(frozen=True)
class ReaderDataset:
    """A folder's passages by pid, and its questions for training and for measuring."""

    name: str
    passages: Mapping[str, Row]
    train: tuple[Row, ...]
    held_out: tuple[Row, ...]

    @cached_property
    def lexical(self) -> LexicalIndex:
        """Its passages by their words, titles among them."""
        return LexicalIndex({pid: f"{row.get('title') or ''} {row['text']}" for pid, row in self.passages.items()})


def read(path: Path) -> ReaderDataset:
    """A folder's usable questions, each once. Raises InputError for a folder without any."""
    passages = {row["pid"]: row for row in read_rows(path, PASSAGES)}
    rows = [row for row in read_rows(path, QUESTIONS) if row.get("is_impossible") or answers(row)]
    questions = {row["id"]: row for row in rows if is_usable(row, passages)}
    if not questions:
        raise InputError(f"{path}: no question with an answer whose gold passages are all there.")
    has_dev = any(path.glob("questions_dev*"))

    def is_held_out(row: Row) -> bool:
        return crc32(row["id"].encode()) % 8 == 1 if has_dev else crc32(title(row, passages).encode()) % 4 == 1

    parts = {held_out: [r for r in questions.values() if is_held_out(r) == held_out] for held_out in (False, True)}
    return ReaderDataset(path.name, passages, tuple(parts[False]), tuple(parts[True]))


def title(row: Row, passages: Mapping[str, Row]) -> str:
    """The title of a question's first gold passage: the article it belongs to."""
    return str(passages[gold(row)[0]].get("title") or gold(row)[0])


def is_measured(row: Row) -> bool:
    """Whether a held-out question is kept to measure on; the others fit the confidence."""
    return crc32(row["id"].encode()) % 2 == 0


def answers(row: Row) -> list[str]:
    """What counts as right, shortest first."""
    right = [*row.get("answers", ()), *([row["answer"]] if "answer" in row else ())]
    return sorted(dict.fromkeys(str(answer).strip() for answer in right if str(answer).strip()), key=len)


def training_questions(dataset: ReaderDataset) -> list[ReaderQuestion]:
    """Every training question, and the steps of those that name theirs."""
    return [_question(one, dataset) for row in dataset.train for one in (row, *_steps(row))]


def _question(row: Row, dataset: ReaderDataset) -> ReaderQuestion:
    right = answers(row)
    passages = [_gold_passage(row, dataset.passages[pid], right) for pid in gold(row)]
    impossible = bool(row.get("is_impossible"))
    answer_type = YES_NO.get(right[0].lower().rstrip("."), 0) if right and len(passages) > 1 else 0
    if impossible:
        passages = [ReaderPassage(passage.title, passage.text) for passage in passages]
    elif answer_type:
        passages = [replace(passage, answer=None) for passage in passages]
    elif len(passages) > 1:  # the answer is where it is named first of all, or else where a chain ends
        with_answer = [n for n, passage in enumerate(passages) if passage.answer]
        named = [n for n in with_answer if any(answer.lower() in passages[n].title.lower() for answer in right)]
        last = (named or with_answer or [-1])[-1]
        passages = [p if n == last else replace(p, answer=None) for n, p in enumerate(passages)]
    answerable = not impossible and (answer_type > 0 or any(passage.answer for passage in passages))
    distractors = _distractors(row, dataset, right)
    return ReaderQuestion(str(row["question"]), tuple(passages), distractors, answer_type, answerable)


def _steps(row: Row) -> Iterator[Row]:
    """The steps of a question, each with the answers of those it names (`#1`) in their place."""
    parts = row.get("question_decomposition") or ()
    for part in parts:
        question = str(part["question"])
        for n, earlier in enumerate(parts, 1):
            question = question.replace(f"#{n}", str(earlier["answer"]))
        if part.get("gold"):
            yield {"question": question, "answer": part["answer"], "gold": [part["gold"]]}


def _gold_passage(row: Row, passage: Row, right: Sequence[str]) -> ReaderPassage:
    """A gold passage with the answer's best place in it: in a supporting sentence, among the question's words."""
    text = str(passage["text"])
    sentences = _sentences(passage)
    numbers = [n for name, n in row.get("supporting_facts") or () if name == passage.get("title")]
    evidence = [sentences[n] for n in numbers if n < len(sentences)]
    answer = _answer_span(str(row["question"]), text, sentences, evidence, right)
    if answer and not evidence:
        evidence = [span for span in sentences if span[0] <= answer[0] < span[1]]
    return ReaderPassage(str(passage.get("title") or ""), text, answer, tuple(evidence), relevant=True)


def _answer_span(
    question: str, text: str, sentences: Sequence[Span], evidence: Sequence[Span], right: Sequence[str]
) -> Span | None:
    """Of the answers that occur the middle one by length, at the occurrence that fits the question best."""
    occurrences = [spans for answer in right if (spans := _occurrences(text, answer))]
    if not occurrences:
        return None
    words = content_words(question)

    def fit(span: Span) -> tuple[bool, int, int]:
        around = next((s for s in sentences if s[0] <= span[0] < s[1]), span)
        return around in evidence, len(words & content_words(text[around[0] : around[1]])), -span[0]

    return max(occurrences[(len(occurrences) - 1) // 2], key=fit)


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


def _distractors(row: Row, dataset: ReaderDataset, right: Sequence[str]) -> tuple[ReaderPassage, ...]:
    """Passages that look right and hold no answer: those that the row names, and the best by words."""
    golds = gold(row)
    pids = [pid for pid in row.get("context") or () if pid in dataset.passages]
    pids += dataset.lexical.best(str(row["question"]), SIMILAR)
    if len(golds) > 1:  # what a search goes on to from there
        texts = [str(dataset.passages[pid]["text"]) for pid in golds]
        pids += [pid for text in texts for pid in dataset.lexical.best(text, SIMILAR_TO_GOLD)]
    rows = [dataset.passages[pid] for pid in dict.fromkeys(pids) if pid not in golds]
    without = [row for row in rows if not any(_occurrences(str(row["text"]), answer) for answer in right)]
    return tuple(ReaderPassage(str(row.get("title") or ""), str(row["text"])) for row in without)
