"""What a question identifies comes first, and nothing else may answer."""

from __future__ import annotations

from dataclasses import replace

from rag.hop.identified import MANY, put_first, select_evidence
from rag.types import Chunk, Hit


def hit(name: str, text: str, *, document: str = "", about: tuple[str, ...] = (), score: float = 1.0) -> Hit:
    return Hit(Chunk(name, document or name, text, 0, len(text), f"{name}.txt", about=about), score)


SHEETS = [hit(f"sheet{n}", f"Part XJ-9{n}/2B. It fits hall {n}.", score=1 / n) for n in range(10, 15)]
MAKER = hit("maker", "Aster Works is in Norvik.", about=("aster works",), score=0.05)
QUESTION = "Which hall does XJ-913/2B fit?"


def names(hits: list[Hit]) -> list[str]:
    return [hit.chunk.id for hit in hits]


def answering(question: str, hits: list[Hit]) -> list[str]:
    evidence, others = select_evidence(question, hits)
    assert sorted(names(evidence + others)) == sorted(names(hits))
    return names(evidence)


def test_the_one_asked_for_comes_first_and_answers_alone() -> None:
    hits = put_first(QUESTION, SHEETS)
    assert names(hits) == ["sheet13", "sheet10", "sheet11", "sheet12", "sheet14"]
    assert [hit.score for hit in hits] == [hit.score for hit in SHEETS]
    assert answering(QUESTION, SHEETS) == ["sheet13"]


def test_a_question_without_identifiers_changes_nothing() -> None:
    question = "Which hall does it fit?"
    assert put_first(question, SHEETS) == SHEETS
    assert select_evidence(question, SHEETS) == (SHEETS, [])
    assert put_first(question, []) == put_first(QUESTION, []) == []
    assert select_evidence(QUESTION, []) == ([], [])


def test_nothing_answers_where_it_stands_nowhere() -> None:
    question = "Which hall does XJ-999/2B fit?"
    assert put_first(question, SHEETS) == SHEETS
    assert answering(question, SHEETS) == answering("Does XJ-913/2B replace QB-100/7?", SHEETS) == []


def test_what_a_link_leads_to_may_answer_and_what_reads_alike_may_not() -> None:
    sheet = hit("sheet13", "Part XJ-913/2B is made by Aster Works.")
    other = hit("works", "Ostberg is in Tarnvik.", about=("ostberg",))
    assert answering("Where is the maker of XJ-913/2B?", [other, MAKER, sheet]) == ["maker", "sheet13"]


def test_a_document_goes_on_but_not_about_another_one() -> None:
    first = hit("1", "Part XJ-913/2B.", document="d")
    on, other = hit("2", "It fits hall 4.", document="d"), hit("3", "XJ-914/2B fits hall 5.", document="d")
    assert answering(QUESTION, [other, on, first]) == ["2", "1"]


def test_what_many_documents_hold_singles_out_nothing_but_rules_out_others() -> None:
    about = [hit(f"k{n}", "The Lumen K2 is a router.") for n in range(MANY + 1)]
    rest = [hit("canteen", "The canteen opens at seven."), hit("other", "The Lumen K3 is a router.")]
    assert answering("When does the canteen by the K2 open?", [*about, *rest]) == [*names(about), "canteen"]
    assert answering("When does the canteen by the K2 open?", [*about[1:], *rest]) == names(about[1:])


def test_title_headings_and_file_name_count() -> None:
    chunk = Chunk("a", "a", "It fits hall 4.", 0, 15, "a.txt")
    for named in (replace(chunk, title="XJ-913/2B"), replace(chunk, context="XJ-913/2B")):
        assert names(put_first(QUESTION, [SHEETS[0], Hit(named, 0.1)])) == ["a", "sheet10"]
    in_file = Hit(replace(chunk, source="incidents/INC-2248.txt"), 0.1)
    assert answering("What became of INC-2248?", [SHEETS[0], in_file]) == ["a"]


def test_more_of_them_come_before_fewer() -> None:
    both = hit("both", "XJ-910/2B and XJ-911/2B fit hall 7.", score=0.01)
    assert names(put_first("Do XJ-910/2B and XJ-911/2B fit hall 7?", [*SHEETS, both]))[0] == "both"
