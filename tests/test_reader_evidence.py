"""Which sentences speak to a question: whole ones, each once, of passages that are about it."""

from __future__ import annotations

from dataclasses import replace

from rag.reader.choice import choose_evidence
from rag.reader.evidence import drop_repeats, find_speaking, says_something
from rag.reader.network import ReaderOutput, Span
from rag.reader.steps import find_steps
from rag.text.sentences import sentence_spans

SEVERANCE = ("Severance packages", "# Amounts\n\nYou are offered two weeks of pay for each year. Ask Ada about it.")
PIER = ("Terminals", "Ormsey Pier has one ramp. It was built of oak.")


def output(passage: tuple[str, str], relevance: float, place: int = 0) -> ReaderOutput:
    """What a reader might say: every sentence a little less than the one before."""
    spans = sentence_spans(passage[1])
    evidence = tuple(Span(place, start, end, -float(n)) for n, (start, end) in enumerate(spans))
    return ReaderOutput((), relevance, (0.0, 0.0, 0.0), evidence)


def locate(passages: list[tuple[str, str]], sentences: list[str]) -> list[Span]:
    """Where sentences stand, each in the first passage that has it."""
    places = [next(n for n, (_, text) in enumerate(passages) if one in text) for one in sentences]
    starts = [passages[n][1].index(one) for n, one in zip(places, sentences, strict=True)]
    return [Span(n, at, at + len(one), 0.0) for n, at, one in zip(places, starts, sentences, strict=True)]


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
    assert speaking("How much severance does Zorblax get?", 0.5, -9) == set()
    assert speaking("How much severance does Zorblax get?", 2, -9) == {0}


def test_headings_are_no_evidence_and_nothing_is_said_twice() -> None:
    outputs = [output(SEVERANCE, 1)]
    best, *_ = choose_evidence("What are the amounts of pay?", [SEVERANCE], outputs, {0}, most=3)
    assert SEVERANCE[1][best.start : best.end].startswith("You are offered")
    heading, *rest = outputs[0].evidence
    assert not says_something(heading, [SEVERANCE]) and all(says_something(one, [SEVERANCE]) for one in rest)
    assert choose_evidence("What are the amounts of pay?", [SEVERANCE], outputs, set(), most=3) == []
    copies = [Span(1, one.start, one.end, 0.0) for one in rest]
    assert drop_repeats([*rest, *copies], [SEVERANCE, SEVERANCE]) == rest


def test_a_row_is_evidence_where_it_has_values() -> None:
    table = "| Route | Cars |\n|---|---|\n| Havnes | 110 |\n| Later | |\n"
    rows = [Span(0, start, end, 0.0) for start, end in sentence_spans(table)]
    said = [table[one.start : one.end] for one in rows if says_something(one, [("", table)])]
    assert said == ["| Havnes | 110 |"]


def test_a_row_of_headers_and_cells_is_evidence_and_the_line_of_its_headers_is_none() -> None:
    table = "Route | Cars\nRoute: Havnes; Cars: 110\nRoute: Orm; Cars: 90\n"
    rows = [Span(0, start, end, 0.0) for start, end in sentence_spans(table)]
    said = [table[one.start : one.end] for one in rows if says_something(one, [("", table)])]
    assert said == ["Route: Havnes; Cars: 110", "Route: Orm; Cars: 90"]


def test_a_line_of_headers_is_no_evidence_where_only_the_rows_below_it_have_numbers() -> None:
    table = "Offer | Supplier | Delivery\nA | Ampholm | 8 months\nB | Norlod | 14 months\n"
    rows = [Span(0, start, end, 0.0) for start, end in sentence_spans(table)]
    said = [table[one.start : one.end] for one in rows if says_something(one, [("", table)])]
    assert said == ["A | Ampholm | 8 months", "B | Norlod | 14 months"]
    names = "Role | Name\nMaster | Ada\nMate | Tom\n"
    rows = [Span(0, start, end, 0.0) for start, end in sentence_spans(names)]
    assert all(says_something(one, [("", names)]) for one in rows)


def test_a_pointer_is_evidence_where_a_question_asks_where_to_read() -> None:
    text = "Laptops are locked after ten minutes. You can read more about laptops in the device guide."
    passage = ("Laptops", text)
    for question, points in (("When are laptops locked?", False), ("Where can I read more about laptops?", True)):
        chosen = choose_evidence(question, [passage], [output(passage, 1)], {0}, most=2)
        assert any(text[one.start : one.end].startswith("You can") for one in chosen) == points


HOLIDAYS = (
    "Urlaub",
    "Erkrankt ein Arbeitnehmer während des Urlaubs, so zählen die Tage nicht. Der Mindesturlaub beträgt 24 Werktage. "
    "Wer kündigt, legt ein Zeugnis vor.",
)
TERMS = ("Fristen", "Eine Klage ist innerhalb von drei Wochen zu erheben. Das Gericht bestimmt den Termin.")


def test_a_sentence_in_a_language_the_reader_does_not_know_is_chosen_by_words_and_parts_of_words() -> None:
    passages = [TERMS, HOLIDAYS]
    outputs = [output(passage, -9, n) for n, passage in enumerate(passages)]
    question = "Wie viele Werktage Urlaub gibt es mindestens?"
    speaking = find_speaking(question, passages, outputs, {0, 1})
    assert 1 in speaking and not find_speaking("Was kostet das Produkt 7731?", passages, outputs, {0, 1})
    (best,) = choose_evidence(question, passages, outputs, speaking, most=1, unread={0, 1})
    assert HOLIDAYS[1][best.start : best.end] == "Der Mindesturlaub beträgt 24 Werktage."


def test_a_further_sentence_has_what_the_first_one_lacks_of_the_question() -> None:
    text = "California gives 8 weeks of leave. California gives leave of 8 weeks. Colorado gives 16 weeks."
    passage = ("Leave", text)
    chosen = choose_evidence(
        "Which gives more weeks of leave, California or Colorado?", [passage], [output(passage, 1)], {0}, most=2
    )
    assert {text[one.start : one.end].split()[0] for one in chosen} == {"California", "Colorado"}


def test_an_item_of_a_list_is_shown_with_what_leads_on_to_it() -> None:
    text = "Leave ends after eight weeks.\n\nThe leave after birth rises to twelve weeks\n\n1. after a premature birth,"
    chosen = choose_evidence(
        "How long is the leave after a premature birth?", [("", text)], [output(("", text), 1)], {0}, most=2
    )
    shown = [text[one.start : one.end] for one in chosen]
    assert shown == ["The leave after birth rises to twelve weeks", "1. after a premature birth,"]


def test_a_question_for_a_list_gets_its_items_in_order() -> None:
    text = (
        "People break the rules of tidy data.\n\n1. Each variable forms a column.\n2. Each observation forms a row.\n"
    )
    chosen = choose_evidence("What are the two rules of tidy data?", [("", text)], [output(("", text), 1)], {0}, most=2)
    assert [text[one.start : one.end][:7] for one in chosen] == ["1. Each", "2. Each"]


def test_a_sentence_that_leads_to_the_next_one_stands_before_it_and_what_is_no_step_is_left_out() -> None:
    ship = ("Grey Heron", "She was built by Sellmark Yard and delivered in winter.")
    route = ("Winter timetable", "The ferry to Hellen in winter is the Grey Heron.")
    other = ("Minutes", "The yard that built the ferry to Ormsey asks for a dock.")
    passages, about = [ship, route, other], [["grey heron"], ["winter timetable"], ["minutes"]]
    outputs = [output(passage, 1, n) for n, passage in enumerate(passages)]
    question = "Which yard built the ferry to Hellen in winter?"

    def show(about: list[list[str]], question: str = question) -> list[int]:
        first = Span(0, 0, 10, 9.0)
        chosen = choose_evidence(question, passages, outputs, {0, 1, 2}, most=3, first=first, about=about)
        return [one.passage for one in chosen]

    assert show(about) == [1, 0]
    assert show([[], [], []]) == [1, 0]  # by the name in the heading
    assert sorted(show(about, f"{question} The Grey Heron?")) == [0, 1, 2]  # what it names itself is no step


def test_a_name_that_two_sentences_share_links_them_and_a_row_is_about_its_own_cells() -> None:
    ramp = ("Grey Heron", "The bow ramp has a winch of type Capra W40.")
    manual = ("Winches", "Let it cool for an hour. The bearings of the W40 are filled with Sarvol grease.")
    other = ("Sula Tern", "The bow ramp of this ship is worked by hand.")
    passages = [ramp, other, manual]
    outputs = [output(passage, 1, n) for n, passage in enumerate(passages)]
    at = manual[1].index("Sarvol")
    outputs[2] = replace(outputs[2], spans=(Span(0, at, at + 6, 5.0),))
    chosen = choose_evidence("What do we grease the bow ramp with?", passages, outputs, {0, 1, 2}, most=3)
    assert [passages[one.passage][1][one.start : one.end][:12] for one in chosen] == ["The bow ramp", "The bearings"]

    ship = ("Leaflet", "The museum steamer lies at Berth Nine behind the store.")
    berths = ("", "Berth: Berth Six; Depth m: 5.1\nBerth: Berth Nine; Depth m: 4.3\n")
    texts = [ship[1], *berths[1].splitlines()]
    about = [["leaflet"], ["berth six", "berth nine"]]
    steps = find_steps("How deep is the berth?", locate([ship, berths], texts), [ship, berths], about)
    assert steps.leads(0, 2) and not steps.leads(0, 1)
    assert steps.order([2, 0]) == [0, 2] and not steps.order([0, 1])


def test_an_identifier_leads_on_and_what_is_about_another_of_its_kind_is_left_out() -> None:
    ship = ("Grey Heron", "The bow ramp has a winch of type W40.")
    other = ("Sula Tern", "The bow ramp is worked by a W25 winch.")
    manual = ("Winches", "The gear of the W25 takes Molyx grease. The gear of the W40 takes Sarvol grease.")
    passages = [ship, other, manual]
    texts = [ship[1], other[1], "The gear of the W25 takes Molyx grease.", "The gear of the W40 takes Sarvol grease."]
    question = "What do we grease the ramp of the Grey Heron with?"
    steps = find_steps(question, locate(passages, texts), passages, [[], [], []])
    assert steps.leads(0, 3) and not steps.leads(3, 0) and steps.order([0, 3]) == [0, 3]
    assert steps.leads_past(0, 1) and steps.leads_past(0, 2) and not steps.leads_past(0, 3)


def test_rows_of_one_table_are_not_linked_by_a_code_that_both_have() -> None:
    rows = ["Feeds: Ormsey; Tariff: E-2N; Night: yes", "Feeds: Havnes; Tariff: E-2N; Night: no"]
    passages = [("Tariffs", rows[0]), ("Tariffs", rows[1]), ("Prices", "The E-2N is the cheapest.")]
    steps = find_steps("What does it pay?", locate(passages, [*rows, passages[2][1]]), passages, [[], [], []])
    assert not steps.share_identifier(0, 1) and steps.share_identifier(0, 2)


def test_a_label_inside_a_passage_names_the_sentences_below_it() -> None:
    report = ("Report", "The buoy off the light carries a Tidewell CT-3.")
    protocol = (
        "Protocol",
        "Tidewell CT-1\n    Recalibrate once a year.\n\nTidewell CT-3\n    Recalibrate twice a year.\n",
    )
    passages = [report, protocol]
    texts = [report[1], "Recalibrate once a year.", "Recalibrate twice a year."]
    steps = find_steps("How often is the sensor recalibrated?", locate(passages, texts), passages, [[], []])
    assert steps.are_linked(0, 2) and steps.leads_past(0, 1) and not steps.leads_past(0, 2)


def test_years_and_days_link_nothing_and_what_is_led_to_stands_last() -> None:
    passages = [
        ("Tickets", "The ferry was chartered by Havn Lines in May 1975."),
        ("Havn Lines", "It was led by Ann Ray from 1945 to 1951."),
        ("Charters", "The tug was chartered by Norvik Tugs in May 1975."),
    ]
    texts, about = [text for _, text in passages], [["tickets"], ["havn lines"], ["charters"]]
    assert not find_steps("Who led the company?", locate(passages, texts), passages, about).are_linked(0, 2)
    passages[2] = ("Charters", "Havn Lines sold it.")
    texts[2] = "Havn Lines sold it."
    assert find_steps("Who led the company?", locate(passages, texts), passages, about).order([2, 1, 0])[-1] == 1


def test_what_the_question_says_itself_leads_nowhere() -> None:
    passages = [
        ("Berths", "Berth: Berth 9; Depth: 4.3; Fenders: timber"),
        ("Berths", "Berth: Berth 1; Depth: 7.4; Fenders: cone"),
    ]
    texts = [text for _, text in passages]
    found = locate(passages, texts)
    steps = find_steps("How deep is the berth of the steamer?", found, passages, [["berth 9"], ["berth"]])
    assert not steps.leads(0, 1) and not steps.leads(1, 0)
    assert find_steps("How deep is it at the steamer?", found, passages, [["berth 9"], ["berth"]]).leads(0, 1)


def test_a_statement_above_a_numbered_list_leads_on_to_no_item() -> None:
    for above, lead in (("Present: Ada and Tom.", False), ("The meeting decided:", True)):
        text = f"{above}\n\n1. Oak is bought from Woodline.\n2. Leo starts in May."
        first = choose_evidence("Who sells oak?", [("", text)], [output(("", text), 1)], {0}, most=2)[0]
        assert (text[first.start : first.end] == above) == lead


def test_another_row_has_nothing_of_the_question_but_its_labels() -> None:
    rows = "Article: Window; Lead time weeks: 6\nArticle: Door; Lead time weeks: 3\nArticle: Stair; Lead time weeks: 4"
    found = choose_evidence("What is the lead time of the window?", [("", rows)], [output(("", rows), 1)], {0}, most=3)
    assert [rows[one.start : one.end] for one in found] == ["Article: Window; Lead time weeks: 6"]


def test_words_that_ask_whom_to_turn_to_choose_no_sentence() -> None:
    text = "We ask that you track your time off. You meet with Andrea to review policies and benefits."
    (best,) = choose_evidence("Who do I ask about benefits?", [("", text)], [output(("", text), 1)], {0}, most=1)
    assert text[best.start : best.end].startswith("You meet with Andrea")


def test_the_row_that_has_the_key_comes_before_one_that_the_reader_likes_more() -> None:
    rows = "Feeds: Ormsey; Tariff: E-2N; Price: 66.30\nFeeds: Havnes workshop; Tariff: E-3W; Price: 63.40"
    said = output(("", rows), 1)
    said = replace(said, spans=(Span(0, rows.index("E-2N"), rows.index("E-2N") + 4, 9.0),))
    first, *_ = choose_evidence("Which tariff does the workshop pay?", [("", rows)], [said], {0}, most=3)
    assert rows[first.start : first.end] == rows.splitlines()[1]
