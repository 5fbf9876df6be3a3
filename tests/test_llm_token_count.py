"""Counting tokens: exact where tiktoken's table is at hand, an estimate otherwise, a download never."""

from __future__ import annotations

import hashlib
import socket
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.llm import token_count
from rag.llm.token_count import counter, estimate

URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tmp_path / hashlib.sha1(URL.encode()).hexdigest()


def test_without_a_table_it_is_an_estimate(cached: Path) -> None:
    assert counter() is estimate
    assert estimate("Twelve short words") == 6


def test_a_damaged_table_is_left_alone(cached: Path) -> None:
    cached.write_text("damaged")
    assert counter() is estimate
    assert cached.read_text() == "damaged"


def test_a_switched_off_cache_means_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert counter() is estimate


def test_a_table_without_tiktoken_means_an_estimate(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached.write_text("the table")
    monkeypatch.setitem(token_count._TABLES, "o200k_base", (URL, hashlib.sha256(b"the table").hexdigest()))
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert counter() is estimate


def test_a_whole_table_counts_exactly(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Encoding:
        def encode(self, text: str, disallowed_special: tuple[()]) -> list[int]:
            return list(text.encode())

    def get_encoding(name: str) -> Encoding:
        seen.append(name)
        return Encoding()

    cached.write_text("the table")
    monkeypatch.setattr("tiktoken.get_encoding", get_encoding)
    monkeypatch.setitem(token_count._TABLES, "o200k_base", (URL, hashlib.sha256(b"the table").hexdigest()))
    assert counter()("ab <|endoftext|>") == 16
    assert seen == ["o200k_base"]


def test_the_checksums_are_those_that_tiktoken_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    openai_public = import_module("tiktoken_ext.openai_public")
    asked = {}

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        asked[url] = expected_hash
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", load)
    for name in token_count._TABLES:
        getattr(openai_public, name)()
    assert asked == dict(token_count._TABLES.values())


@given(st.text(), st.text())
def test_the_estimate_never_falls_when_text_is_added(one: str, other: str) -> None:
    assert estimate(one) <= estimate(one + other)


def test_the_estimate_is_above_what_four_tokenizers_count() -> None:
    # the largest of o200k, cl100k, deepseek and anthropic
    for text, largest in {
        "The bridge opened in 1932 and was rebuilt in 1998.": 15,
        "def open(path): return path.read_text()": 12,
        "東京は日本の首都です。": 11,
        "9f86d081884c7d659a2feaa0c55ad015": 20,
    }.items():
        assert largest <= estimate(text) <= 3 * largest
