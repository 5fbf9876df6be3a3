"""The date a document gives of itself."""

from __future__ import annotations

import pytest

from rag.text.dates import find_date
from rag.types import Values


@pytest.mark.parametrize(
    ("meta", "date"),
    [
        ({"date": "2024-05-03"}, "2024-05-03"),
        ({"Date": "Fri, 3 May 2024 10:12:00 +0200", "author": "Ada"}, "Fri, 3 May 2024 10:12:00 +0200"),
        ({"created": "2019", "last-modified": "2024-05-03"}, "2024-05-03"),
        ({"created": 2019}, "2019"),
        ({"date": "yesterday", "published": "May 2020"}, "May 2020"),
        ({"date": "2024 " * 20}, ""),
        ({"date": ("2024", "2025")}, ""),
        ({"author": "2024"}, ""),
    ],
)
def test_the_latest_field_that_is_called_a_date_and_looks_like_one(meta: dict[str, Values], date: str) -> None:
    assert find_date(meta) == date
