"""Markdown as it reads."""

from __future__ import annotations

import pytest

from rag.text.markdown import strip_marks


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("# Ferry to **Norvik** #", "Ferry to Norvik"),
        ("- [x] Call [the *agent*](https://a.example/b_(c) \"Agent\") at `07:40`", "Call the agent at 07:40"),
        ("1. First, [see][ref] ![a map](map.png).", "1. First, see a map."),
        ("| Route | Cars |\n|:---|---:|\n| Havnes | 110 |", "Route | Cars\n\nHavnes | 110"),
        ("> It __must be__ very _quiet_ ~~soon~~ now.", "It must be very quiet soon now."),
        ("2 * 3 * 4, snake_case_name, __init__.py and 5*4", "2 * 3 * 4, snake_case_name, __init__.py and 5*4"),
        ("a \\* star, <https://a.example>, x<br>y <!-- note -->", "a * star, https://a.example, x y "),
        ("A [11 free days](https://3.example/x), *three* of them", "A 11 free days, three of them"),
        ("[citation 2] and [1] stay", "[citation 2] and [1] stay"),
        ("", ""),
    ],
)  # fmt: skip
def test_marks_go_and_words_stay(text: str, plain: str) -> None:
    assert strip_marks(text) == plain
