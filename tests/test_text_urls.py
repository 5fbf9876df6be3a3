"""No secret of a URL is shown."""

from __future__ import annotations

import pytest

from rag.text.urls import holds_secret, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pw@db:6333/x is down", "http://***@db:6333/x is down"),
        ("url: 'https://me:p@ss/w@db'", "url: 'https://***@db'"),
        ('"http://db/v1?key=pw&x=1", "k": 5', '"http://db/v1?***", "k": 5'),
        ("Is it http://localhost:6333? Yes, me@db.", "Is it http://localhost:6333? Yes, me@db."),
    ],
)
def test_what_is_secret_in_a_url_is_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("url", ["http://me@db", "http://:pw@db", "http://db?api-key=pw", "http://db#pw"])
def test_a_url_with_a_secret_is_told_from_one_without(url: str) -> None:
    assert holds_secret(url) and not holds_secret("http://localhost:6333/path")
