"""What a question identifies comes first, and nothing else may answer."""

from __future__ import annotations

from dataclasses import replace

from rag.hop.identified import sort_identified
from rag.types import Chunk, Hit


def hit(name: str, text: str, *, document: str = "", about: tuple[str, ...] = (), score: float = 1.0) -> Hit:
    return Hit(Chunk(name, document or name, text, 0, len(text), f"{name}.txt", about=about), score)


SHEETS = [hit(f"sheet{n}", f"Part XJ-9{n}/2B. It fits hall {n}.", score=1 / n) for n in range(10, 15)]
MAKER = hit("maker", "Aster Works is in Norvik.", about=("aster works",), score=0.05)
QUESTION = "Which hall does XJ-913/2B fit?"


def names(hits: list[Hit]) -> list[str]:
    return [hit.chunk.id for hit in hits]


def test_the_one_asked_for_comes_first_and_answers_alone() -> None:
    hits, answering = sort_identified(QUESTION, SHEETS)
    assert names(hits) == ["sheet13", "sheet10", "sheet11", "sheet12", "sheet14"]
    assert answering == 1
    assert [hit.score for hit in hits] == [hit.score for hit in SHEETS]


def test_a_question_without_identifiers_changes_nothing() -> None:
    assert sort_identified("Which hall does it fit?", SHEETS) == (SHEETS, len(SHEETS))
    assert sort_identified("Which hall does it fit?", []) == sort_identified(QUESTION, []) == ([], 0)


def test_nothing_answers_where_it_stands_nowhere() -> None:
    assert sort_identified("Which hall does XJ-999/2B fit?", SHEETS) == (SHEETS, 0)
    assert sort_identified("Does XJ-913/2B replace QB-100/7?", SHEETS)[1] == 0


def test_what_a_link_leads_to_may_answer_and_what_reads_alike_may_not() -> None:
    sheet = hit("sheet13", "Part XJ-913/2B is made by Aster Works.")
    other = hit("works", "Ostberg is in Tarnvik.", about=("ostberg",))
    hits, answering = sort_identified("Where is the maker of XJ-913/2B?", [other, MAKER, sheet])
    assert names(hits[:answering]) == ["sheet13", "maker"]


def test_a_document_goes_on_but_not_about_another_one() -> None:
    first = hit("1", "Part XJ-913/2B.", document="d")
    on, other = hit("2", "It fits hall 4.", document="d"), hit("3", "XJ-914/2B fits hall 5.", document="d")
    hits, answering = sort_identified(QUESTION, [other, on, first])
    assert names(hits[:answering]) == ["1", "2"]


def test_title_headings_and_file_name_count() -> None:
    chunk = Chunk("a", "a", "It fits hall 4.", 0, 15, "a.txt")
    for named in (
        replace(chunk, title="XJ-913/2B"),
        replace(chunk, context="XJ-913/2B"),
        replace(chunk, source="XJ-913"),
    ):
        asked = QUESTION if named.source == "a.txt" else QUESTION.replace("/2B", "")
        assert sort_identified(asked, [SHEETS[0], Hit(named, 0.1)])[1] == 1


def test_more_of_them_come_before_fewer() -> None:
    both = hit("both", "XJ-910/2B and XJ-911/2B fit hall 7.", score=0.01)
    hits, answering = sort_identified("Do XJ-910/2B and XJ-911/2B fit hall 7?", [*SHEETS, both])
    assert names(hits[:answering]) == ["both", "sheet10", "sheet11"]
