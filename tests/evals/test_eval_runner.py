"""The runner: records, resuming, and what is made of hits and answers. The pipeline is a scripted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rag import Answer, Chunk, Citation, Hit, Statement
from rag_evals import records
from rag_evals.datasets import Dataset, Passage, Question
from rag_evals.gold import name_of, ranking, sentences_at
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import ask

SENTENCES = ("Halden makes routers.", "It sits in Norvik.")
TEXT = " ".join(SENTENCES)


def hit(pid: str, *, text: str = TEXT, hop: int = 0, score: float = 1.0, start: int = 0) -> Hit:
    chunk = Chunk(f"c-{pid}-{start}", pid, text, start, start + len(text), "corpus/part-00000.jsonl", meta={"id": pid})
    return Hit(chunk, score, hop)


@dataclass
class Scripted:
    """Finds the same for every question, answers with a citation, and fails when told to."""

    hits: Sequence[Hit]
    fail_at: int = -1
    abstain: bool = False
    asked: list[str] = field(default_factory=list)

    def explore(self, question: str, *, k: int) -> tuple[list[Hit], list[Hit]]:
        if len(self.asked) == self.fail_at:
            raise KeyboardInterrupt
        self.asked.append(question)
        return list(self.hits)[:k], list(self.hits)

    def ask(self, question: str) -> Answer:
        if self.abstain:
            return Answer(question, "", hits=tuple(self.hits))
        first = self.hits[0].chunk
        start = TEXT.index("It sits")
        cited = Citation(1, first.id, first.source, start, start + 18, TEXT[start : start + 18], "part-00000")
        statements = (Statement("It sits in Norvik.", (1,), "supported"), Statement("Dropped.", (), "unsupported"))
        return Answer(question, "It sits in Norvik. [1]", statements, (cited,), tuple(self.hits), usage={"calls": 2})


def dataset(n: int = 4) -> Dataset:
    facts = (("Halden", 1),)
    questions = tuple(
        Question(f"q{i}", f"Question {i}?", ("Norvik",), ("p1", "p2"), supporting_facts=facts) for i in range(n)
    )
    return Dataset("toy", questions, (Passage("p1", "Halden", TEXT, SENTENCES), Passage("p2", "", "Other.")))


def run(data: Dataset, pipeline: Scripted, path: Path, *, answers: bool = True) -> tuple[QuestionRecord, ...]:
    return ask(data, pipeline, path, k=5, answers=answers, progress=lambda done, total: None)


def facts_only(found: Sequence[QuestionRecord]) -> list[tuple[object, ...]]:
    """Records without their times."""
    return [(r.id, r.ranking, r.hops, r.answer and (r.answer.text, r.answer.quotes, r.answer.facts)) for r in found]


def test_a_record_holds_what_was_found_and_said(tmp_path: Path) -> None:
    pipeline = Scripted([hit("p1", score=0.7), hit("p1", start=50), hit("p2", hop=1)])
    record, *_ = run(dataset(), pipeline, tmp_path / "r.jsonl")
    assert record.found == {"p1": 0, "p2": 1}
    assert record.answer is not None
    assert record.answer.statements == (("It sits in Norvik.", ("It sits in Norvik.",)),)
    assert record.answer.quotes == record.answer.spans == ("It sits in Norvik.",)
    assert record.answer.facts == (("Halden", 1),)
    assert (record.answer.confidence, record.answer.usage) == (0.7, {"calls": 2})


def test_without_answers_nothing_is_asked_for(tmp_path: Path) -> None:
    found = run(dataset(), Scripted([hit("p1")]), tmp_path / "r.jsonl", answers=False)
    assert [record.answer for record in found] == [None] * 4


def test_a_killed_run_goes_on_with_the_same_records(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    hits = [hit("p1"), hit("p2", hop=1)]
    with pytest.raises(KeyboardInterrupt):
        run(dataset(), Scripted(hits, fail_at=2), path)
    with path.open("ab") as file:
        file.write(b'{"id": "q2", "rank')  # the line at which the process died
    again = Scripted(hits)
    found = run(dataset(), again, path)
    assert again.asked == ["Question 2?", "Question 3?"]
    assert facts_only(found) == facts_only(run(dataset(), Scripted(hits), tmp_path / "fresh.jsonl"))
    assert list(records.read(path)) == ["q0", "q1", "q2", "q3"]


def test_a_finished_run_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = run(dataset(), Scripted([hit("p1")]), path)
    never = Scripted([], fail_at=0)
    assert run(dataset(), never, path) == first


def test_records_survive_the_file(tmp_path: Path) -> None:
    said = AnswerRecord("t", "answer", 0.5, (("s", ("q",)),), ("q",), ("q",), (("A", 1),), 0.1, {"calls": 1})
    kept = QuestionRecord("q\u2028é", ("a", "b"), (0, 1), 0.25, said)
    with records.append_to(tmp_path / "sub" / "r.jsonl") as append:
        append(kept)
    assert records.read(tmp_path / "sub" / "r.jsonl") == {kept.id: kept}
    (tmp_path / "bad.jsonl").write_bytes(b'[]\n{"id": 1}\nnull\n\xff\n')
    assert records.read(tmp_path / "bad.jsonl") == {}
    assert records.read(tmp_path / "absent.jsonl") == {}


def test_a_hit_is_named_by_passage_file_or_quote(tmp_path: Path) -> None:
    question = Question("q", "?", gold=("It sits  in Norvik.", "a/b.md"), quotes=("It sits  in Norvik.",))
    inside = Hit(Chunk("c", "d", "Well. It sits\nin Norvik.", 0, 24, str(tmp_path.resolve() / "a" / "b.md")), 1.0, 1)
    assert name_of(inside, [str(tmp_path)]) == "a/b.md"
    assert ranking(question, [inside], [str(tmp_path)]) == {"It sits  in Norvik.": 1, "a/b.md": 1}
    assert name_of(hit("p9"), []) == "p9"


def test_a_span_names_the_sentences_it_touches() -> None:
    passage = Passage("p", "t", TEXT, SENTENCES)
    assert sentences_at(passage, 0, 5) == [0]
    assert sentences_at(passage, 10, 25) == [0, 1]
    assert sentences_at(passage, len(SENTENCES[0]), len(SENTENCES[0]) + 1) == []
    assert sentences_at(Passage("p", "t", "else", SENTENCES), 0, 4) == []
