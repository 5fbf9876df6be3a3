"""Questions that a language model writes for passages: which are kept, and what a stopped run leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rag.errors import InputError
from rag.pipeline import Pipeline
from rag.train.pairs.examples import read
from rag.train.write import run
from rag.train.write.run import WriteReport, write_questions

PARTS = ("Sevan", "Morwen", "Orrin", "Tamsin", "Ulva", "Perrin")


class Writer:
    """Asks for the part that a passage names, or says what a test wants."""

    model = "writer"

    def __init__(self, reply: str = '<think>a part</think>\n"When was the {} pump serviced?"') -> None:
        self.said, self.shown = reply, list[str]()

    def stream(self, question: str, hits: object) -> Iterator[str]:
        yield from ()

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        passage = messages[-1]["content"]
        self.shown.append(passage)
        yield self.said.format(next(part for part in PARTS if part in passage))


@pytest.fixture
def pipe(notes: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setattr(run, "FOUND", 1)
    (notes / "pumps").mkdir()
    for part in PARTS:
        text = f"The {part} pump was serviced in the spring by two people from the yard, who found no fault.\n"
        (notes / "pumps" / f"{part}.txt").write_text(text)
    pipeline = Pipeline.load("tiny.yaml")
    pipeline.ingest(["pumps"])
    return pipeline


def write(pipe: Pipeline, model: Writer, out: Path, *, most: int = 100) -> WriteReport:
    return write_questions(pipe.index, pipe.stages.embedder, model, out, most=most, seed=0, say=lambda text: None)


def test_what_is_written_is_what_trainings_read(pipe: Pipeline, tmp_path: Path) -> None:
    writer = Writer()
    assert write(pipe, writer, tmp_path / "out") == WriteReport(6, 6)
    assert all(one.startswith("<passage>\n") and one.endswith("\n</passage>") for one in writer.shown)
    found = read([tmp_path / "out"], ["labelled"], most=None, seed=0)
    pairs = {text: found.passages[golds[0]] for text, golds in zip(found.questions, found.golds, strict=True)}
    assert {q for q in pairs} <= {f"When was the {part} pump serviced?" for part in PARTS} and len(pairs) > 1
    assert all(q.split()[3] in passage for q, passage in pairs.items())


@pytest.mark.parametrize("reply", ["What happened in the spring?", "The {} pump.", "Sure!\nWhen was {} serviced?", ""])
def test_a_question_of_any_passage_and_what_is_no_question_are_left_out(
    reply: str, pipe: Pipeline, tmp_path: Path
) -> None:
    report = write(pipe, Writer(reply), tmp_path / "out")
    assert report.shown == 6 and report.kept <= (reply.startswith("What"))  # one passage is the nearest to any question


def test_a_stopped_run_goes_on(pipe: Pipeline, tmp_path: Path) -> None:
    out, first = tmp_path / "out", Writer()
    write(pipe, first, out, most=3)
    with (out / "questions_train.jsonl").open("a") as file:
        file.write('{"id": "half a')
    second = Writer()
    assert write(pipe, second, out) == WriteReport(6, 6)
    assert len(second.shown) == 3 and not set(first.shown) & set(second.shown)
    rows = [json.loads(line) for line in (out / "questions_train.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows) == 6
    (out / "corpus.jsonl").write_text("")
    with pytest.raises(InputError, match="passages of another index"):
        write(pipe, second, out)


class Reviser(Writer):
    """Writes a question of any pump, and a good one where it is told what that finds."""

    def reply(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        self.shown.append(messages[-1]["content"])
        if len(messages) == 2:
            yield "Who found no fault in the spring?"
            return
        passage = messages[1]["content"]
        yield f"When was the {next(part for part in PARTS if part in passage)} pump serviced?"


def test_a_question_that_does_not_find_its_passage_is_revised_once(pipe: Pipeline, tmp_path: Path) -> None:
    """SPEED, arXiv 2410.18634: revised in place of dropped; the model sees what the question finds instead."""
    writer = Reviser()
    assert write(pipe, writer, tmp_path / "out") == WriteReport(6, 6)
    revised = [one for one in writer.shown if one.startswith("<other>\n")]
    assert len(revised) >= 5 and len({one.split("</other>")[0] for one in revised}) == 1  # what it finds first
    rows = [json.loads(line) for line in (tmp_path / "out" / "questions_train.jsonl").read_text().splitlines()]
    assert sum(row["question"].startswith("When was") for row in rows) == len(revised)
    hopeless = Writer("What happened in the spring?")
    write(pipe, hopeless, tmp_path / "never")
    assert len(hopeless.shown) <= 2 * len(PARTS)  # one more call at most
