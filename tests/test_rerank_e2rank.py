"""E2Rank against its formula, over hand-made vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from rag.embed.bm25 import Bm25
from rag.embed.hashing import HashingEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError
from rag.rerank.e2rank import PROMPT, E2Rank, move
from rag.types import Chunk, Chunked, Document, Hit, Vectors
from tests.test_models_backends import SIZES, saved
from tests.test_models_late import pooled_by


@dataclass(frozen=True, kw_only=True)
class Known(HashingEmbedder):
    """An embedder with a chat template that remembers what it was asked to embed."""

    asked: list[str] = field(default_factory=list)

    def embed_messages(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        vectors = HashingEmbedder(width=self.width).embed_queries(texts).dense
        assert vectors is not None
        return vectors


@dataclass(frozen=True)
class Shelf:
    """A store that holds one vector for each chunk id."""

    vectors: dict[str, Any]

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> list[Hit]:
        return [hit(id, vector=self.vectors[id]) for id in ids if id in self.vectors]


def hit(name: str, hop: int = 0, vector: Any = None) -> Hit:
    return Hit(Chunk(name, "d", name, 0, len(name), "d.txt"), 0.0, hop, vector=vector)


def names(hits: Sequence[Hit]) -> list[str]:
    return [h.chunk.id for h in hits]


TEXTS = ["the dam at the lake", "the lake in the north", "a mill", "the northern lake dam", "a town"]
HASHING = HashingEmbedder(width=64)
VECTORS = dict(zip(TEXTS, HASHING.embed_queries(TEXTS).dense, strict=True))  # type: ignore[arg-type]
SHELF: Any = Shelf(VECTORS)


def test_e2rank_compares_with_the_question_and_the_first_passages() -> None:
    question = HASHING.embed_queries(["lake dam"]).dense[0]  # type: ignore[index]
    first = np.stack([VECTORS[text] for text in TEXTS])
    mean = (first[0] + first[1] / 2) / (1 + 1 / 2)
    target = question + 0.7 * mean
    expected = [TEXTS[i] for i in np.argsort(-(first @ target), kind="stable")]
    reranker = E2Rank(embedder=HASHING, store=SHELF, feedback=2, strength=0.7, weight=1e6)
    assert names(reranker.rerank(["lake dam"], [[hit(text) for text in TEXTS]])[0]) == expected
    plain = E2Rank(embedder=HASHING, store=SHELF, feedback=0, weight=1e6)
    by_question = [TEXTS[i] for i in np.argsort(-(first @ question), kind="stable")]
    assert names(plain.rerank(["lake dam"], [[hit(text) for text in TEXTS]])[0]) == by_question
    assert np.linalg.norm(move(question, first, 0.7)) == pytest.approx(1)


def test_e2rank_as_text_orders_by_cosine_with_the_published_prompt() -> None:
    embedder = Known(width=64)
    reranker = E2Rank(embedder=embedder, store=SHELF, reads="text", feedback=2)
    (reranked,) = reranker.rerank(["lake dam"], [[hit(text) for text in TEXTS]])
    listed = f"Documents:\n[1] {TEXTS[0]}\n[2] {TEXTS[1]}\nSearch Query: lake dam"
    [prompt] = embedder.asked
    assert prompt.endswith(listed) and prompt.startswith("Given a web search query and some relevant documents, rerank")
    target = HASHING.embed_queries([prompt]).dense[0]  # type: ignore[index]
    order = np.argsort(-(np.stack([VECTORS[text] for text in TEXTS]) @ target), kind="stable")
    assert names(reranked) == [TEXTS[i] for i in order]
    many = [hit(f"passage {n}") for n in range(30)]
    E2Rank(embedder=embedder, store=SHELF, reads="text").rerank(["q"], [many])
    assert "[20] passage 19\nSearch Query: q" in embedder.asked[-1]
    with pytest.raises(ConfigError, match="`reads: text` needs"):
        E2Rank(embedder=HASHING, store=SHELF, reads="text").rerank(["q"], [many])


TEMPLATE = (
    "{% for m in messages %}<s>{{ m.role }} : {{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>a :{% if not enable_thinking %} </s>{% endif %}{% endif %}"
)


def test_a_listwise_prompt_is_read_as_the_models_own_chat_template_says(tmp_path: Path) -> None:
    """Section 3 of arXiv 2510.22733; EvalModel.__call__ in src/eval.py of Alibaba-NLP/E2Rank."""
    config = transformers.Qwen2Config(**{**SIZES, "max_position_embeddings": 80}, num_key_value_heads=2)
    folder = pooled_by(saved(tmp_path / "model", lambda: transformers.Qwen2Model(config)), "lasttoken")
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    embedder = TransformersEmbedder(
        model=folder, device="cpu", query_prefix="query : ", query_suffix=" </s>", document_suffix=" </s>"
    )
    passages = ["soup of tarnvik", "lumen makes the router", "halvorsen optik"]
    chunked = [Chunked(Document(t, "d", t), (Chunk(t, "d", t, 0, len(t), "d"),)) for t in passages]
    vectors = embedder.embed_chunks(chunked).dense
    model: Any = transformers.AutoModel.from_pretrained(folder)

    def last(text: str, **options: Any) -> Any:
        with torch.inference_mode():
            ids = tokenizer(text, return_tensors="pt", **options)["input_ids"]
            vector = model(input_ids=ids).last_hidden_state[0, -1]
        return torch.nn.functional.normalize(vector, dim=0).numpy()

    assert vectors is not None
    assert np.abs(vectors - [last(text + " </s>") for text in passages]).max() < 1e-5
    listed = "\n".join(f"[{n}] {text}" for n, text in enumerate(passages, 1))
    message = {"role": "user", "content": PROMPT.format(listed=listed, question="router")}
    prompt = tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True, enable_thinking=False)
    query = last(prompt, add_special_tokens=False)
    assert np.abs(embedder.embed_messages([message["content"]]) - query).max() < 1e-5
    hits = [hit(text) for text in passages]
    shelf: Any = Shelf(dict(zip(passages, vectors, strict=True)))
    (reranked,) = E2Rank(embedder=embedder, store=shelf, reads="text").rerank(["router"], [hits])
    assert names(reranked) == [passages[i] for i in np.argsort(-(vectors @ query), kind="stable")]
    small = TransformersEmbedder(model=folder, device="cpu", max_tokens=10)
    with pytest.raises(ConfigError, match=r"a prompt of \d+ tokens is more than the 10 .*feedback"):
        small.embed_messages([message["content"]])


def test_e2rank_leaves_hops_where_they_are_and_needs_vectors() -> None:
    hits = [hit(TEXTS[2]), hit(TEXTS[4], hop=1), hit(TEXTS[0]), hit(TEXTS[1])]
    reranker = E2Rank(embedder=HASHING, store=SHELF, top=3, weight=1e6, feedback=0)
    assert names(reranker.rerank(["lake dam"], [hits])[0]) == [TEXTS[0], TEXTS[4], TEXTS[2], TEXTS[1]]
    assert reranker.rerank(["a"], [[]]) == [[]]
    with pytest.raises(ConfigError, match="e2rank needs an `embed` stage with dense vectors"):
        E2Rank(embedder=Bm25(), store=SHELF).rerank(["a"], [hits])
