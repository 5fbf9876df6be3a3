"""A pipeline on a dataset: index it, ask every question, write down what came of it.

Records lie in the cache under everything they depend on (questions, content, pipeline, code), so that a killed run
resumes and a finished one is not asked again. Times are of single questions, one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from rag import Answer, Hit
from rag.cli.terminal import peak_memory
from rag_evals.datasets import Dataset, Passage, Question
from rag_evals.gold import name_of, ranking, sentences_at
from rag_evals.indexing import code_digest, content_digest, cost, digest, index_dataset
from rag_evals.records import AnswerRecord, QuestionRecord, append_to, read
from rag_evals.tree import prune

REACH = 3  # chunks asked for per passage wanted: a passage may come as several chunks

Progress = Callable[[int, int], None]  # questions done, of how many
Indexing = Callable[[str, int, int], None]  # phase of ingest, done, of how many


class AskablePipeline(Protocol):
    """The part of a pipeline that is evaluated."""

    def explore(self, question: str, *, k: int) -> tuple[list[Hit], list[Hit]]: ...

    def ask(self, question: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Run:
    """What a pipeline did on a dataset; `records[i]` belongs to `questions[i]`. `memory` is the process's peak, MiB.

    `ingest` is what the index took when it was built: chunks, seconds, MiB on disk. `gold` are the passages of a
    corpus that are gold, by id: what was not found can be shown too.
    """

    dataset: str
    pipeline: str
    questions: tuple[Question, ...]
    records: tuple[QuestionRecord, ...]
    index_seconds: float
    memory: int
    ingest: Mapping[str, float] = field(default_factory=dict)
    gold: Mapping[str, Passage] = field(default_factory=dict)


def run(
    dataset: Dataset,
    name: str,
    *,
    k: int,
    answers: bool | int,
    cache: Path,
    fresh: bool = False,
    progress: Progress = lambda done, total: None,
    indexing: Indexing | None = None,
) -> Run:
    """Index the dataset for the pipeline, ask its questions, or go on with what an earlier run has of them.

    `k` is the deepest cut-off that will be measured; `answers` may be a number of questions that are answered too,
    evenly spread; `fresh` forgets earlier records. Raises what the pipeline raises.
    """
    started = time.perf_counter()
    pipeline, folder = index_dataset(dataset, name, cache, progress=indexing)
    index_seconds = time.perf_counter() - started
    with closing(pipeline):
        key = digest(
            [question.facts for question in dataset.questions],
            content_digest(dataset),
            [pipeline.config.stages, asdict(pipeline.config.settings), pipeline.stages.fingerprints],
            [k, answers, code_digest()],
        )
        path = folder / "records" / f"{key}.jsonl"
        if fresh:
            path.unlink(missing_ok=True)
        records = ask(dataset, pipeline, path, k=k, answers=answers, progress=progress)
    memory = peak_memory() >> 20  # MiB
    gold_ids = {pid for question in dataset.questions for pid in question.gold}
    gold = {passage.pid: passage for passage in dataset.corpus if passage.pid in gold_ids}
    return Run(dataset.name, name, dataset.questions, records, index_seconds, memory, cost(folder), gold)


def ask(
    dataset: Dataset, pipeline: AskablePipeline, path: Path, *, k: int, answers: bool | int, progress: Progress
) -> tuple[QuestionRecord, ...]:
    """A record for every question, in order; those already in the file at `path` are not asked again."""
    done = read(path)
    facts = any(question.supporting_facts for question in dataset.questions)
    sentences = {p.pid: p for p in dataset.corpus if p.sentences} if answers and facts else {}
    answered = spread(len(dataset.questions), answers)
    with append_to(path) as append:
        for number, question in enumerate(dataset.questions):
            progress(number, len(dataset.questions))
            if question.id not in done:
                say = number in answered
                done[question.id] = record = _record(question, pipeline, dataset.documents, k, say, sentences)
                append(record)
    progress(len(dataset.questions), len(dataset.questions))
    return tuple(done[question.id] for question in dataset.questions)


def spread(n: int, wanted: bool | int) -> frozenset[int]:
    """Which of n questions are answered: all, none, or so many at equal distances."""
    count = n if wanted is True else min(int(wanted), n)
    return frozenset(i * n // count for i in range(count))


def _record(
    question: Question,
    pipeline: AskablePipeline,
    documents: Sequence[str],
    k: int,
    answers: bool,
    sentences: Mapping[str, Passage],
) -> QuestionRecord:
    started = time.perf_counter()
    hits, tree = pipeline.explore(question.question, k=REACH * k)
    seconds = time.perf_counter() - started
    found = ranking(question, hits, documents)
    answer = _ask(question.question, pipeline, documents, sentences) if answers else None
    return QuestionRecord(
        question.id, tuple(found), tuple(found.values()), seconds, answer, prune(question, hits, tree, documents)
    )


def _ask(
    question: str, pipeline: AskablePipeline, documents: Sequence[str], sentences: Mapping[str, Passage]
) -> AnswerRecord:
    started = time.perf_counter()
    answer = pipeline.ask(question)
    seconds = time.perf_counter() - started
    hits = {hit.chunk.id: hit for hit in answer.hits}
    spans: list[str] = []
    cited: list[tuple[int, str]] = []
    facts: dict[tuple[str, int], None] = {}
    for quoted in answer.citations:
        hit = hits.get(quoted.chunk_id)
        name = name_of(hit, documents) if hit else quoted.source
        cited.append((quoted.marker, name))
        spans.append(hit.chunk.text[quoted.start - hit.chunk.start : quoted.end - hit.chunk.start] if hit else "")
        if hit and (passage := sentences.get(name)):
            facts.update(((passage.title, n), None) for n in sentences_at(passage, quoted.start, quoted.end))
    statements = tuple(
        (statement.text, tuple(c.quote for c in answer.citations if c.marker in statement.citations))
        for statement in answer.statements
        if statement.text in answer.text
    )
    return AnswerRecord(
        text=answer.text,
        level=answer.level,
        confidence=_confidence(answer),
        statements=statements,
        quotes=tuple(quoted.quote for quoted in answer.citations),
        spans=tuple(spans),
        facts=tuple(facts),
        seconds=seconds,
        usage=dict(answer.usage),
        cited=tuple(cited),
        short=answer.short,
    )


def _confidence(answer: Answer) -> float:
    """The answer's own, or the first hit's score where the generator gives none."""
    if answer.confidence is not None:
        return answer.confidence
    return float(answer.hits[0].score) if answer.hits else 0.0
