from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentence_ends import sentences


def split(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Mr. President met Mrs. Chair at St. Mary's.", "They left."],
        ["It costs 3.14 dollars at example.com.", "See v. 2.0.1 for more."],
        ["J. R. R. Tolkien wrote it.", "It sold well.", "A film by P. A. Works followed."],
        ["He moved to the U.S. in 1999.", "The U.S. Senate met."],
        ["It opened in the U.S.", "The next one followed."],
        ["Tools, e.g. Hammers, i.e. Things cf. Table 2.", "Done."],
        ["See Fig. 3 and No. 7.", "No. 8 is missing.", "No.", "Yes."],
        ["Acme Inc. Ltd. makes routers.", "Acme Inc.", "The router is red."],
        ["Wait... what happened?", "Nothing!", "Really?!", "Yes."],
        ["He paused … and went on.", "Then he left…", "She stayed."],
        ['"Why?" he asked.', '"Because."', "She smiled."],
        ["He said “Stop.”", "(It was late.)", "[Noted.]", "Fine."],
        ["She was born on Jan. 3, 1950.", "He died in Dec.", "The rest is known."],
        ["It ended in 1999.", "2000 was better."],
        ["これは文です。", "「はい。」", "次の文！", "最後？"],
        ["这是第一句。", "这是第二句。"],
        ["هل هذا سؤال؟", "نعم."],
        ["यह एक वाक्य है।", "दूसरा वाक्य।"],
        ["First paragraph without a stop", "Second paragraph"],
        ["Needed:", "- a router", "- a cable", "1. Plug it in", "2. Wait"],
        ["Vitamin C.", "It helps.", "Plan B works."],
        ["iPhone sales rose.", "Éclairs sold out."],
    ],
    ids=lambda parts: parts[0][:24],
)
def test_sentences(parts: list[str]) -> None:
    glue = "\n\n" if "paragraph" in parts[0] else "\n" if parts[0] == "Needed:" else " "
    assert split(glue.join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["Gem. § 3 Abs. 2 gilt es. ", "Siehe S. 5 ff. und Abb. 3 der Fa. Bosch, Hauptstr. 5."],
        ["Nach dem Gesetz. ", "§ 5 regelt das."],
        ["Il dit : « Partez ! » ", "Puis il sortit."],
        ["Πότε γίνεται η συντήρηση; ", "Κάθε άνοιξη."],
        ["他说：“钥匙在这里。”", "然后走了。"],
        ["これは「大丈夫です。」と言った。", "３．５％増えた．", "次へ。"],
        ["Он живёт на ул. Ленина, стр. 5, с 2024 г. ", "Он пришёл."],
    ],
    ids=lambda parts: parts[0][:24],
)
def test_sentences_of_other_languages(parts: list[str]) -> None:
    assert split("".join(parts)) == [part.strip() for part in parts]


def test_a_hard_wrapped_line_does_not_end_a_sentence() -> None:
    assert split("One sentence over\ntwo lines. Another\none.") == ["One sentence over\ntwo lines.", "Another\none."]


def test_spans_are_those_of_the_range() -> None:
    text = "Left out. One. Two. Left out."
    assert [text[a:b] for a, b in sentences(text, 10, 19)] == ["One.", " Two."]


@given(st.text(alphabet=st.sampled_from("ab A.!?…\"'”)(。」\n-1\t\u200b"), max_size=80))
def test_spans_are_adjacent_and_cover_everything(text: str) -> None:
    spans = list(sentences(text))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
