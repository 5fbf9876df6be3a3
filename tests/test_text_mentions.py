from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.mentions import MOST, document_keys, mentions, normalise, span_keys
from rag.text.stopwords import NO_NAMES
from rag.types import Document, Section


def keys(
    document: Document, spans: Sequence[tuple[int, int]], headings: Sequence[Section] = ()
) -> list[tuple[str, ...]]:
    """What the chunk of each span is about."""
    names = document_keys(document)
    return [tuple(dict.fromkeys(names + span_keys(document, *span, headings))) for span in spans]


def about(text: str = "", title: str = "", source: str = "", **meta: str) -> tuple[str, ...]:
    return keys(Document(id="", source=source, text=text, title=title, meta=meta), [(0, len(text))])[0]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The International Harbour Office", "international harbour office"),
        ("Lumen-K2  router", "lumen k2 router"),
        ("Schindler's List", "schindler list"),
        ("Schindler’ s List", "schindler list"),
        ("O'Sullivan", "osullivan"),
        ("max_seq_length", "max seq length"),
        ("Beyoncé", "beyonce"),
        ("ﬁle Ⅳ", "file iv"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("???", ""),
        ("The", "the"),
    ],
)
def test_normalise(name: str, key: str) -> None:
    assert normalise(name) == key


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Mother (1955 film)", ("mother 1955 film", "mother")),
        ("Maurice of Orange, Prince", ("maurice of orange prince", "maurice of orange")),
        ("Paris, Texas", ("paris texas",)),
        ("Overview", ()),
        ("The", ()),
        ("42", ()),
        ("1984", ("1984",)),
    ],
)
def test_a_title_is_a_key_without_its_qualifier_too(title: str, expected: tuple[str, ...]) -> None:
    assert about(title=title) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The International Harbour Office (IHO) is in Tarnvik.", ("international harbour office", "iho")),
        ("Baring House (built 1839) was a bank.", ("baring house",)),
        ("Vang Holding, who led the yard, retired.", ("vang holding",)),
        ("# Notes\n\nThe **Lumen K2** is a router, also known as the Red Box.", ("lumen k2", "red box")),
        ("However, it was late.", ()),
        ("Casting announcements began in June 2014, with a star.", ()),
        ("This router is red.", ()),
        ("It is red.", ()),
        ("we were late", ()),
    ],
)
def test_what_a_text_defines_first_is_a_key(text: str, expected: tuple[str, ...]) -> None:
    assert about(text) == expected


def test_file_name_and_record_id_are_keys() -> None:
    assert about("x", source="docs/harbour-rules.md") == ("harbour rules",)
    assert about("x", source="docs/readme.md") == ()
    assert about("x", id="HX-100") == ("hx 100",)
    record = Document(id="", source="all.jsonl", text="x", sections=(Section(0, 1, "record", "record 1"),))
    assert keys(record, [(0, 1)]) == [()]


def test_headings_belong_to_the_chunk_where_they_start_and_titles_to_every_chunk() -> None:
    labels = ["Manual", "Manual > 2.1 Fuel pump", "Manual > In general", "Manual > Examples", "Pump > 3 The Seal"]
    headings = [Section(10 * i, 50, "heading", label) for i, label in enumerate(labels)]
    document = Document(id="", source="", text="x" * 50, title="Pump manual")
    spans = [(10 * i, 10 * i + 9) for i in range(5)]
    own = [("manual",), ("fuel pump",), (), (), ("seal",)]
    assert keys(document, spans, headings) == [("pump manual", *names) for names in own]
    assert keys(document, [(0, 20), (20, 50)], headings) == [
        ("pump manual", "manual", "fuel pump"),
        ("pump manual", "seal"),
    ]


@pytest.mark.parametrize(
    "key",
    [
        "halvorsen optik",  # capitals
        "bertha daughter of lothair ii",  # across a comma and lower-case words
        "in heat of night",  # begins with a stop word, ends in a capital: its article inside is kept
        "1st baron revelstoke",
        "router",  # the label of a link
        "lumen k2",  # the target of a link
        "red box",  # a wiki link
        "pump",  # code
        "document store",  # lower case, two words
        "max seq length",
        "tarnvik",  # possessive
    ],
)
def test_mentions(key: str) -> None:
    text = (
        "Halvorsen Optik, made the [router](../parts/lumen-k2.md#power) for Bertha, daughter of Lothair II, the "
        "1st Baron Revelstoke; see [[Red Box|box]] and `pump`. In Heat of Night came out. Each document store has "
        "a max_seq_length, and Tarnvik's harbour has one too."
    )
    assert key in mentions(text)


def test_what_is_no_mention() -> None:
    found = mentions("The router in building 4 is red, and it was made by us. He is late. In 12 days.")
    assert not NO_NAMES.intersection(found)
    assert not {"router", "red", "made by", "12", "the router"}.intersection(found)
    assert mentions("") == mentions("?! ...") == ()


def test_mentions_are_bounded_and_in_order() -> None:
    many = mentions(" ".join(f"Name{i}" for i in range(1000)))
    assert len(many) == MOST
    assert many[:2] == ("name0", "name0 name1")
    assert len(set(many)) == MOST


WORDS = st.from_regex(r"\A[A-Z][a-z]{3,8}\Z").filter(lambda word: word.lower() not in NO_NAMES)


@given(
    st.lists(WORDS, min_size=2, max_size=8), st.sampled_from(["{}", "it was {}.", "«{}»", "See [it](x/{}.md).", "{}'s"])
)
def test_a_title_is_found_wherever_it_is_named(words: list[str], frame: str) -> None:
    title = " ".join(words)
    named = "-".join(words) if "](" in frame else title
    assert set(about(title=title)) <= set(mentions(frame.format(named)))


@given(st.text(max_size=60))
def test_keys_are_normal_forms_of_any_text(text: str) -> None:
    for key in (*mentions(text), *about(text, title=text, source=text)):
        assert len(key) >= 3
        assert key == " ".join(key.split()) == key.casefold()


def test_a_table_row_is_about_what_its_first_cell_names() -> None:
    text = "Berth: Berth 9; Length m: 42; Depth m: 4.3\n| UN 1978 | Propane |\nNothing to see here; at all.\n"
    document = Document(id="", source="", text=text)
    (found,) = keys(document, [(0, len(text))])
    assert found == ("berth 9", "un 1978")


def test_names_are_found_across_line_ends_and_invisible_characters() -> None:
    assert "halvorsen optik" in mentions("It is made by Halvor-\nsen Op\u00adtik in Tarnvik.")
    assert "well known yard" in mentions("It is built by Well-\nKnown Yard.")
    assert normalise("Halvor\u00adsen Op\u200btik") == "halvorsen optik"


def test_links_to_files_and_aliases() -> None:
    text = "[[tools/Red Winch.md|it]], [here](My%20Folder/Steep%20Slip.md#top) and [there](<old/Long Rope.md>)"
    assert {"red winch", "steep slip", "long rope"} <= set(mentions(text))
    document = Document("1", "a.md", "x", meta={"aliases": ("Big Hoist", "KX-7")})
    assert {"big hoist", "kx 7"} <= set(document_keys(document))
