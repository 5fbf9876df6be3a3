"""Sparse vectors: their dot product with the engine's idf ranks as bm25s does."""

from __future__ import annotations

import math
from collections import Counter

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embed import bm25
from rag.embed.bm25 import Bm25
from rag.stages import Embedder
from rag.types import Chunk, Chunked, Document, Sparse

TEXTS = [
    "The router in building 4 is a Lumen K2, installed in spring.",
    "The Lumen K2 is a router made by Halvorsen Optik. The router draws 40 watts.",
    "Halvorsen Optik has its head office in Tarnvik. It makes optical gear for routers and routing.",
    "The canteen opens at seven. Soup is served until two in the afternoon, soup of the day included.",
    "Buildings and canteens are inspected every spring.",
]


def chunked(*texts: str) -> list[Chunked]:
    chunks = tuple(Chunk(str(i), "d", text, 0, len(text), "s") for i, text in enumerate(texts))
    return [Chunked(Document("d", "s", ""), chunks)]


def documents(embedder: Bm25, *texts: str) -> list[Sparse]:
    sparse = embedder.embed_chunks(chunked(*texts)).sparse
    assert sparse is not None
    return list(sparse)


def queries(embedder: Bm25, *texts: str) -> list[Sparse]:
    sparse = embedder.embed_queries(texts).sparse
    assert sparse is not None
    return list(sparse)


def words(embedder: Bm25, text: str) -> list[int]:
    """The hashed stems of a text, each as often as it occurs; neighbours as one word are left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bm25, "_neighbours", lambda text, algorithm: ())
        [query] = queries(embedder, text)
    return [int(word) for word, n in zip(query.indices, query.values, strict=True) for _ in range(int(n))]


@pytest.mark.parametrize(
    "question", ["Who made the router in building 4?", "soup of the canteen in spring", "Halvorsen router router"]
)
def test_scores_equal_bm25s_on_the_same_words(question: str) -> None:
    tokens = [words(Bm25(), text) for text in TEXTS]
    embedder = Bm25(avg_len=sum(map(len, tokens)) / len(tokens))
    df = Counter(word for row in tokens for word in set(row))
    [query] = queries(embedder, question)
    # what the engine computes: Qdrant multiplies each query value by this idf (qdrant_client.local, _compute_idf)
    asked = {
        word: value * math.log((len(TEXTS) - df[word] + 0.5) / (df[word] + 0.5) + 1)
        for word, value in zip(query.indices.tolist(), query.values.tolist(), strict=True)
    }
    ours = [
        sum(asked.get(word, 0) * value for word, value in zip(row.indices.tolist(), row.values.tolist(), strict=True))
        for row in documents(embedder, *TEXTS)
    ]
    reference = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    reference.index([[str(word) for word in row] for row in tokens], show_progress=False)
    theirs = reference.get_scores([str(word) for word in words(embedder, question) if df[word]])
    assert ours == pytest.approx(theirs.tolist(), rel=1e-5)
    assert len({round(score, 4) for score in ours if score}) > 1  # there is an order to agree on


def test_values_by_hand() -> None:
    embedder = Bm25(k1=1.0, b=0.5, avg_len=2)
    [row] = documents(embedder, "router router lumen gear")  # 4 words: k1 (1 - b + b 4/2) = 1.5
    assert sorted(row.values.tolist()) == pytest.approx([1 / 2.5, 1 / 2.5, 2 / 3.5])
    [query] = queries(embedder, "router lumen router")
    assert sorted(query.values.tolist()) == [1, 1, 1, 2]  # routerlumen and lumenrouter
    [query] = queries(embedder, "an e-mail")
    assert sorted(query.values.tolist()) == [1, 1, 1]  # email is asked for once


@given(st.text())
def test_indices_are_strictly_increasing_words_of_32_bits(text: str) -> None:
    for row in (*documents(Bm25(), text), *queries(Bm25(), text)):
        assert (np.diff(row.indices) > 0).all()
        assert ((row.indices >= 0) & (row.indices < 2**32)).all()
        assert (row.values > 0).all()
        assert row.indices.dtype == np.int64
        assert row.values.dtype == np.float32


@pytest.mark.parametrize("text", ["", "  \n", "?!", "the of and"])
def test_a_text_without_words_is_an_empty_vector(text: str) -> None:
    [row] = documents(Bm25(), text)
    assert len(row.indices) == len(row.values) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Routers", "router"),
        ("caf\u00e9", "cafe\u0301"),  # composed and decomposed
        ("STRASSE", "straße"),
        ("the answer", "ANSWER"),
        ("\uff2b\uff12", "k2"),  # full width
    ],
)
def test_spellings_of_one_word_meet(one: str, other: str) -> None:
    assert words(Bm25(), one) == words(Bm25(), other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("windlass", "a wind-\nlass"),
        ("Wartungsanleitung", "Wartungs\u00adanleitung"),
        ("zeroth", "zero\u200bth"),
        ("XJ-913/2B", "xj\u2011913/2b"),
        ("XJ-913", "XJ-913/2B"),
        ("10.0.4.23", "10.0.4.23/24"),
        ("2.10.13", "v2.10.13"),
        ("email", "e-mail"),
        ("F16", "F-16"),
        ("acquireConnection", "acquire"),
        ("HTTPServer", "http server"),
        ("maxPoolSize", "MAX_POOL_SIZE"),
    ],
)
def test_a_whole_is_found_beside_its_parts(one: str, other: str) -> None:
    embedder = Bm25()
    parts = "wind lass wartungs anleitung zero th xj 913 2b 10.0.42.3 4.23 24 2.10 10.13 13 v2 e mail f 16"
    assert (set(words(embedder, one)) & set(words(embedder, other))) - set(words(embedder, parts))


def test_identifiers_are_found_by_their_words_and_words_by_identifiers() -> None:
    asked = {
        "default pool size": ("DEFAULT_POOLSIZE = 10", "default_pool_size = 10", "defaultPoolSize: 10"),
        "acquire a connection": ("def acquireConnection(self):", "acquire_connection()"),
        "acquireConnection": ("def acquire_connection(self):", "void acquireConnection()"),
        "poolsize": ("pool_size", "DEFAULT_POOLSIZE"),
    }
    for question, texts in asked.items():
        [query] = queries(Bm25(), question)
        for row in documents(Bm25(), *texts):
            held = np.isin(query.indices, row.indices).sum()
            assert held >= min(2, len(query.indices)), (question, texts)
    [plain, humped] = documents(Bm25(), "router part", "router part eBay")
    assert dict(zip(plain.indices, plain.values, strict=True)).keys() < set(humped.indices)
    assert set(words(Bm25(), "YouTube")) - set(words(Bm25(), "youtube")) == set(words(Bm25(), "tube"))


def test_wholes_do_not_lengthen_a_text() -> None:
    [plain, marked] = documents(Bm25(), "router part XJ 913", "router part XJ-913")
    values = [dict(zip(row.indices.tolist(), row.values.tolist(), strict=True)) for row in (plain, marked)]
    assert values[0].items() <= values[1].items() and len(values[1]) == len(values[0]) + 1
    [plain, humped] = documents(Bm25(), "router acquireconnection", "router acquireConnection")
    values = [dict(zip(row.indices.tolist(), row.values.tolist(), strict=True)) for row in (plain, humped)]
    assert values[0].items() <= values[1].items() and len(values[1]) == len(values[0]) + 2


def test_chinese_characters_are_words_of_their_own() -> None:
    assert len(words(Bm25(), "東京都")) == 3
    assert set(words(Bm25(), "東京")) < set(words(Bm25(), "東京都"))


def test_other_languages_have_their_stemmer_and_unknown_ones_are_named() -> None:
    german = Bm25(language="german")
    assert words(german, "Häuser") == words(german, "häusern")
    assert words(Bm25(), "Häuser") != words(Bm25(), "häusern")
    with pytest.raises(ValueError, match=r"'klingon' has no stemmer; known: .*german"):
        Bm25(language="klingon")


def test_context_is_searched_too() -> None:
    chunk = Chunk("1", "d", "It draws 40 watts.", 0, 18, "s", context="Lumen K2")
    sparse = Bm25().embed_chunks([Chunked(Document("d", "s", ""), (chunk,))]).sparse
    assert sparse is not None
    assert set(words(Bm25(), "Lumen")) < set(sparse[0].indices.tolist())


def test_the_fingerprint_follows_the_options() -> None:
    variants = [Bm25(), Bm25(language="english"), Bm25(k1=1.5), Bm25(b=0.5), Bm25(avg_len=50), Bm25(language="german")]
    assert len({embedder.fingerprint for embedder in variants}) == len(variants)
    assert Bm25().fingerprint == Bm25().fingerprint


def test_it_is_an_embedder_without_dense_vectors() -> None:
    embedder = Bm25()
    assert isinstance(embedder, Embedder)
    assert embedder.dim == 0
    assert embedder.representations == {"sparse"}
    text = "A Lumen-K2."
    assert [text[a:b] for a, b in embedder.token_spans([text])[0]] == ["A", "Lumen", "K2"]


def test_words_are_stemmed_in_their_documents_language_and_the_questions() -> None:
    text = "Die Häuser stehen am Fluss."
    chunks = [Chunk(code, "d", text, 0, len(text), "s", meta={"language": code}) for code in ("de", "vi")]
    sparse = Bm25().embed_chunks([Chunked(Document("d", "s", ""), tuple(chunks))]).sparse
    assert sparse is not None
    german, other = (set(row.indices.tolist()) for row in sparse)
    assert german == set(words(Bm25(language="german"), text))
    assert other == set(words(Bm25(language="english"), text))  # no stemmer
    asked = set(words(Bm25(), "Wo liegen die größten Häusern der Stadt?"))
    assert set(words(Bm25(language="german"), "Häuser")) < asked
    assert set(words(Bm25(language="english"), "Häusern")) < asked


def test_an_english_question_has_english_stems_alone() -> None:
    question = "Which companies have been making the routers of building 4?"
    assert words(Bm25(), question) == words(Bm25(language="english"), question)
