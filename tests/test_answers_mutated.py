"""Mutated answers over the example documents: what `benchmarks.answers` counts by the thousand, in small."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks import answers
from rag.types import Chunk, Hit

DOCUMENTS = Path(__file__).parents[1] / "examples" / "documents"


def found() -> list[tuple[str, str]]:
    """The paragraphs of the text documents, each titled by its file."""
    files = sorted(path for path in DOCUMENTS.rglob("*") if path.suffix in {".md", ".txt", ".rst"})
    texts = [(path.stem, " ".join(part.split())) for path in files for part in path.read_text().split("\n\n")]
    return [(title, text) for title, text in texts if text[:1].isupper() and text.count(".") > 1]  # no heading, no list


@pytest.mark.parametrize("seed", range(3))
def test_mutations_are_kept_out_and_good_answers_are_not(seed: int) -> None:
    rng = random.Random(seed)
    facts = answers.facts(found(), rng)
    kinds = {name: say for name, (say, _) in answers.MUTATIONS.items()}
    mutated = answers.run(kinds, 240, facts, rng, good=False)
    good = answers.run(answers.GOOD, 120, facts, rng, good=True)
    assert sum(count.judged for count in mutated.values()) == 240
    assert all(count.judged for count in [*mutated.values(), *good.values()])
    # these documents are about the same things, so that a few plain sentences have their words in several
    assert mutated.pop("foreign chunk").kept_out >= 38
    wrong = [line for count in [*mutated.values(), *good.values()] for line in count.wrong]
    assert answers.holds(mutated, good), "\n".join(wrong)


def test_the_table_says_what_was_counted_and_the_bars_can_fail() -> None:
    full = {name: answers.Count(100, 100) for name in answers.MUTATIONS}
    good = {name: answers.Count(100, 0) for name in answers.GOOD}
    assert answers.holds(full, good)
    assert "| swapped number | 100 | 100 | 100.0% | at least 98% |" in answers.table(full, good)
    assert not answers.holds({**full, "altered quote": answers.Count(100, 99)}, good)
    assert not answers.holds({**full, "swapped number": answers.Count(100, 97)}, good)
    assert not answers.holds(full, {**good, "plain": answers.Count(100, 40)})


def test_a_mutation_says_something_else_than_its_sentence() -> None:
    text = "The ferry Grey Heron carries 1,200 passengers and 90 cars over the northern fjord."
    fact = answers.Fact(text, 1, (Hit(Chunk("a", "a", text, 0, len(text), "a.txt", "Ferry"), 1.0),) * 2)
    rng = random.Random(0)
    for name, (say, _) in answers.MUTATIONS.items():
        for said in filter(None, (say(fact, rng) for _ in range(50))):
            assert said not in {fact.quoted, fact.plain}, name
