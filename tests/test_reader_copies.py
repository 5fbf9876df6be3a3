"""Near-copies of a document are one source."""

from __future__ import annotations

import pytest

from rag.reader.copies import group_copies, name_sources, repeats

MEMO = (
    "The harbour office moved to Pier Nine in March. Boats pay their dues there until noon, and permits are issued on "
    "Tuesdays and Fridays only. Questions go to the harbour master, who has the keys to the eastern gate."
)
OTHER = (
    "Havn Lines runs two ferries between Sellmark and Great Hellen. The older one, the Grey Heron, was built in 1961 "
    "and carries forty cars; the newer one sails in winter, when the ice allows it."
)


@pytest.mark.parametrize(
    "copy",
    [
        MEMO,
        f"Archive copy 3 of 5, for internal use.\n\n{MEMO}",
        MEMO.upper().replace(",", ""),
        MEMO.replace("Pier Nine", "Pier Four").replace("noon", "two o'clock"),
        MEMO[60:],
        MEMO.replace(" ", "\n", 12).replace("Questions", "All questions"),
    ],
)
def test_small_edits_prefixes_and_other_cuts_make_no_independent_source(copy: str) -> None:
    assert group_copies([OTHER, MEMO, copy]) == (0, 1, 1)
    assert name_sources(["a.md", "b.md", "c.md"], [OTHER, MEMO, copy]) == ("a.md", "b.md", "b.md")


def test_statements_of_the_same_fact_in_other_words_are_independent() -> None:
    texts = ["The harbour office is at Pier Nine since spring.", "Since March, Pier Nine houses the harbour's office."]
    assert group_copies(texts) == (0, 1)


def test_copies_of_copies_belong_together() -> None:
    words = [f"w{i}" for i in range(80)]
    chain = [" ".join(words[i : i + 40]) for i in (0, 18, 36)]  # the first and the last share next to nothing
    assert group_copies(chain) == (0, 0, 0)


def test_all_passages_of_two_documents_are_one_source_where_two_of_them_are_copies() -> None:
    documents = ["a.md", "b.md", "b.md", "c.md"]
    texts = [MEMO, f"Note: {MEMO}", OTHER, "The gate is closed on Sundays."]
    assert name_sources(documents, texts) == ("a.md", "a.md", "a.md", "c.md")


def test_short_and_empty_texts_are_copies_of_their_like_alone() -> None:
    assert group_copies(["Eight years", "eight years.", "Nine years", "", "港は閉まる", "港は閉まる。"]) == (
        0,
        0,
        2,
        3,
        4,
        4,
    )


@pytest.mark.parametrize(
    ("copy", "says_nothing"),
    [
        (MEMO, True),
        (f"NOTE {MEMO}", True),
        (f"Copy 3 for the archive: {MEMO}", True),
        (MEMO.replace(" dues", ""), True),
        (MEMO.replace("noon", "two"), False),  # one more text with plain words changed may be read
        (MEMO.replace("March", "April"), False),
        (MEMO.replace("until noon", "until 11"), False),
        (MEMO.replace("pay", "never pay"), False),
        (f"Not in force. {MEMO}", False),
        (OTHER, False),
        (f"{MEMO} {OTHER}", False),
    ],
)
def test_a_copy_repeats_where_no_word_is_changed(copy: str, says_nothing: bool) -> None:
    assert repeats(copy, [MEMO, "The tide table hangs beside the eastern gate."]) is says_nothing


def test_a_negation_that_is_gone_is_a_change_and_plain_words_are_read_twice_at_most() -> None:
    assert not repeats(MEMO, [MEMO.replace("pay", "do not pay")])
    assert not repeats(MEMO.replace("noon", "two"), [MEMO])
    assert repeats(MEMO.replace("noon", "dusk"), [MEMO, MEMO.replace("noon", "two")])
    assert not repeats(MEMO.replace("noon", "11"), [MEMO, MEMO.replace("noon", "two")])
    assert not repeats(MEMO, [])
