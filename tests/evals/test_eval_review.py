"""From drafts to a dataset: review line by line, an interrupted review, what is written, and the whole command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag import Chunk
from rag.cli import app as rag_app
from rag.errors import GeneratorError, InputError
from rag_evals.cli import app
from rag_evals.datasets import load
from rag_evals.make.draft import Draft, Support
from rag_evals.make.review import Terminal, review
from rag_evals.make.rewrite import rewrite
from rag_evals.make.write import Kept, check, write


def draft(name: str, *quotes: str) -> Draft:
    supports = tuple(Support(q, Chunk(q, q, q, 0, len(q), f"{name}.md")) for q in quotes or (f"It is in {name}.",))
    return Draft(f"Where is the office of {name.lower()}?", name, "detail", supports)


DRAFTS = [draft("Oslo"), draft("Bergen"), draft("Narvik"), draft("Hamar")]


class Person:
    """Types these lines, then nothing more; keeps what was shown."""

    def __init__(self, *lines: str) -> None:
        self.lines = iter(lines)
        self.seen: list[str] = []

    def ask(self, prompt: str) -> str:
        try:
            return next(self.lines)
        except StopIteration:
            raise EOFError from None

    def reviews(self, path: Path, better: Callable[[Draft], Draft] = lambda draft: draft) -> list[tuple[str, str]]:
        kept = review(DRAFTS, path, Terminal(self.seen.append, self.ask), better=better)
        assert all(item.reviewed for item in kept)
        return [(item.draft.question, item.draft.answer) for item in kept]


def test_accept_edit_reject_and_skip(tmp_path: Path) -> None:
    person = Person("a", "e", "Which town?", "", "r", "s")
    assert person.reviews(tmp_path / "r") == [("Where is the office of oslo?", "Oslo"), ("Which town?", "Bergen")]
    again = Person("a")
    assert [answer for _, answer in again.reviews(tmp_path / "r")] == ["Oslo", "Bergen", "Hamar"]
    assert "3 of 4 were decided before." in again.seen[0]


def test_an_unknown_key_is_explained_and_asked_again(tmp_path: Path) -> None:
    person = Person("x", "", "a", "q")
    assert len(person.reviews(tmp_path / "r")) == 1
    assert sum("e edit" in text for text in person.seen) == 2


@pytest.mark.parametrize("lines", [("a", "q"), ("a",), ("a", "e", "Which")])
def test_a_review_that_stops_anywhere_goes_on_where_it_stopped(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = tmp_path / "r"
    assert len(Person(*lines).reviews(path)) == 1
    with path.open("a") as file:
        file.write('{"of": "half a l')  # the line at which a kill came
    with path.open("a") as file:
        file.write("\n")
    assert [answer for _, answer in Person("a", "a", "a").reviews(path)] == ["Oslo", "Bergen", "Narvik", "Hamar"]


def test_only_what_is_shown_is_rewritten(tmp_path: Path) -> None:
    rewritten: list[str] = []

    def better(draft: Draft) -> Draft:
        rewritten.append(draft.answer)
        return draft

    Person("a", "q").reviews(tmp_path / "r", better)
    Person("a", "q").reviews(tmp_path / "r", better)
    assert rewritten == ["Oslo", "Bergen", "Bergen", "Narvik"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_what_is_written_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    quotes = ('He said "in Oslo"; then\nleft.', "Plain, with a comma.")
    (tmp_path / "docs").mkdir()
    path = tmp_path / f"q{suffix}"
    write(path, [Kept(draft("Oslo", *quotes), reviewed=True), Kept(draft("Bergen"), reviewed=False)])
    found = load(path, tmp_path / "docs")
    assert list(found.problems) == []
    first, second = found.questions
    assert (first.answers, first.gold, first.quotes, first.hops) == (("Oslo",), quotes, quotes, 2)
    assert (first.type, second.type) == ("two-hop", "single")
    assert second.gold == ("It is in Bergen.",)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in \.jsonl or \.csv"):
        check(tmp_path / "q.txt")
    with pytest.raises(InputError, match="there is no folder"):
        check(tmp_path / "absent" / "q.csv")


class Scripted:
    """A model that rewrites and answers by the book, or breaks."""

    def __init__(self, question: str, answer: str) -> None:
        self.question, self.answer = question, answer

    def __call__(self, question: str, passages: list[str]) -> str:
        if self.answer == "broken":
            raise GeneratorError("out of reach")
        return self.question if question.startswith("Rewrite") else self.answer


GOOD = "In which town does the company have its office?"


@pytest.mark.parametrize(
    ("question", "answer", "problem"),
    [
        (f'"{GOOD}"', "It is in Oslo.", ""),
        (GOOD, "It is in Bergen.", "another answer"),
        (GOOD, "broken", "out of reach"),
        ("Here is a question: what? And which?", "Oslo", "no usable question"),
        ("In which town, Oslo or another, is the office?", "Oslo", "no usable question"),
        ("", "Oslo", "no usable question"),
    ],
)
def test_a_rewrite_is_taken_only_if_the_answer_stays(question: str, answer: str, problem: str) -> None:
    mined = draft("Oslo")
    found, said = rewrite(mined, Scripted(question, answer))
    assert (found.question == GOOD) == (not problem)
    assert problem in said


@pytest.fixture
def index_dataset(notes: Path) -> Iterator[Path]:
    (notes / "docs" / "building.md").write_text("# Building 4\n\nThe core router in the tower is a Lumen K2.\n")
    (notes / "docs" / "terms.md").write_text("# Terms\n\nThe Lumen K2 was released in May 2024 by the makers.\n")
    done = CliRunner().invoke(rag_app, ["ingest", "docs", "--pipeline", "tiny.yaml"])
    assert done.exit_code == 0, done.output
    yield notes


def test_from_documents_to_a_first_comparison(index_dataset: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["make", "q.csv", "-n", "6", "--yes"])
    assert made.exit_code == 0, made.output
    assert "Try: rag eval run --questions q.csv --corpus docs" in made.output
    arguments = ["run", "--questions", "q.csv", "--corpus", "docs", "--pipeline", "tiny.yaml", "--cache", "cache"]
    done = runner.invoke(app, [*arguments, "--answers", "--json", "out.json"], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    (run,) = json.loads(Path("out.json").read_text())["runs"]
    assert run["n"] >= 3 and run["metrics"]["recall@10"]["value"] > 0.9
    assert {"two-hop", "single"} <= run["slices"].keys()


def test_a_piped_review_writes_what_was_accepted(index_dataset: Path) -> None:
    done = CliRunner().invoke(app, ["make", "q.jsonl", "-n", "3"], input="a\nr\n")
    assert "1 questions" in done.output
    (row,) = map(json.loads, Path("q.jsonl").read_text().splitlines())
    assert row["reviewed"] is True and row["sources"][0]["quote"]
    assert "nothing accepted" in CliRunner().invoke(app, ["make", "other.jsonl"], input="q\n").output
    assert not Path("other.jsonl").exists()


def test_documents_without_a_usable_sentence_say_so(notes: Path) -> None:
    (notes / "few").mkdir()
    (notes / "few" / "a.txt").write_text("Und so weiter.\n")
    CliRunner().invoke(rag_app, ["ingest", "few", "--index", "few", "--pipeline", "tiny.yaml"])
    done = CliRunner().invoke(app, ["make", "q.csv", "--index", "few"])
    assert isinstance(done.exception, InputError) and "no question could be mined" in str(done.exception)
