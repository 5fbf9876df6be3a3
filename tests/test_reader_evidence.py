"""Which sentences speak to a question: whole ones, each once, of passages that are about it."""

from __future__ import annotations

from rag.reader.evidence import best_sentence, drop_repeats, find_speaking, says_something
from rag.reader.network import ReaderOutput, Span
from rag.text.sentences import sentence_spans

SEVERANCE = ("Severance packages", "# Amounts\n\nYou are offered two weeks of pay for each year. Ask Ada about it.")
PIER = ("Terminals", "Ormsey Pier has one ramp. It was built of oak.")


def output(passage: tuple[str, str], relevance: float, place: int = 0) -> ReaderOutput:
    """What a reader might say: every sentence a little less than the one before."""
    spans = sentence_spans(passage[1])
    evidence = tuple(Span(place, start, end, -float(n)) for n, (start, end) in enumerate(spans))
    return ReaderOutput((), relevance, (0.0, 0.0, 0.0), evidence)


def speaking(question: str, *relevance: float) -> set[int]:
    passages = [SEVERANCE, PIER]
    return set(find_speaking(question, passages, [output(p, r) for p, r in zip(passages, relevance, strict=True)]))


def test_a_passage_speaks_where_the_reader_says_so_or_where_it_has_all_that_is_asked_about() -> None:
    assert speaking("How many get it?", -9, 1) == {1}
    assert speaking("How much severance do I get after five years?", -9, -9) == {0}  # its heading has the one word
    assert speaking("Of what is the pier?", -9, -9) == set()  # one word, and not what the passage is about
    assert speaking("Of what oak is the ramp?", -9, -9) == {1}
    assert speaking("What is the airspeed of a swallow?", -9, -9) == set()


def test_a_name_that_no_passage_has_asks_for_more_relevance() -> None:
    assert speaking("How much severance does Zorblax get?", -1, -9) == set()
    assert speaking("How much severance does Zorblax get?", 1, -9) == {0}


def test_headings_are_no_evidence_and_nothing_is_said_twice() -> None:
    outputs = [output(SEVERANCE, 1)]
    best = best_sentence({0}, outputs, [SEVERANCE])
    assert best is not None and SEVERANCE[1][best.start : best.end].startswith("You are offered")
    heading, *rest = outputs[0].evidence
    assert not says_something(heading, [SEVERANCE]) and all(says_something(one, [SEVERANCE]) for one in rest)
    assert best_sentence(set(), outputs, [SEVERANCE]) is None
    copies = [Span(1, one.start, one.end, 0.0) for one in rest]
    assert drop_repeats([*rest, *copies], [SEVERANCE, SEVERANCE]) == rest


def test_a_row_is_evidence_where_it_has_values() -> None:
    table = "| Route | Cars |\n|---|---|\n| Havnes | 110 |\n| Later | |\n"
    rows = [Span(0, start, end, 0.0) for start, end in sentence_spans(table)]
    said = [table[one.start : one.end] for one in rows if says_something(one, [("", table)])]
    assert said == ["| Havnes | 110 |"]
