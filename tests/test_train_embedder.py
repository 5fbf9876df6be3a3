"""Training of a document side: what is read, batches, the loss by hand, and weights that change late vectors alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from rag.cli.train import app
from rag.embed.onnx import OnnxEmbedder
from rag.embed.weights import load
from rag.errors import InputError, MismatchError, ModelError
from rag.models.late import Pass
from rag.train.common.loop import TEMPERATURE
from rag.train.embedder.examples import DocumentQuestion, is_held_out, join, read
from rag.train.embedder.run import train_embedder
from rag.train.embedder.train import EmbedderExamples, EmbedderOptions, Loss, schedule
from rag.types import Chunk, Chunked, Document, Vectors
from tests.test_models_backends import WORDS, bert, qwen, saved

TITLES = ("lumen", "soup", "tarnvik", "router")


def row(pid: str, title: str, text: str) -> dict[str, Any]:
    return {"pid": pid, "title": title, "text": text}


def written(folder: Path, *, dev: bool, n: int = 16) -> None:
    """Four titles with passages of two sentences each, and a question about each passage."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    rows = [
        row(f"{title}_{i}", title, " ".join(rng.choice(WORDS, 30)) + ". " + " ".join(rng.choice(WORDS, 30)) + ".")
        for title in TITLES
        for i in range(n)
    ]
    asked = [{"id": one["pid"], "question": f"{one['title']} {one['text'][:30]}", "gold": [one["pid"]]} for one in rows]
    asked.append({"id": "two", "question": "?", "gold": ["lumen_0", "lumen_1"]})
    (folder / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (folder / "questions_train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    if dev:
        (folder / "questions_dev.jsonl").write_text("")


def test_passages_are_joined_by_title_in_the_order_of_their_numbers() -> None:
    documents, places = join([row("a_10", "A", "third"), row("b", "", "alone"), row("a_2", "A", " second ")])
    assert [(d.id, d.title, d.text) for d in documents] == [("A", "A", "second\n\nthird"), ("b", "", "alone")]
    assert {pid: documents[0].text[a:b] for pid, (name, a, b) in places.items() if name == "A"} == {
        "a_2": "second",
        "a_10": "third",
    }


def test_half_of_a_folder_without_a_dev_set_is_never_read(tmp_path: Path) -> None:
    written(tmp_path / "all", dev=True)
    written(tmp_path / "half", dev=False)
    whole, half = read(tmp_path / "all"), read(tmp_path / "half")
    assert {d.title for d in whole.documents} == set(TITLES)
    assert {d.title for d in half.documents} == {title for title in TITLES if not is_held_out(title)} != set(TITLES)
    assert len(whole.questions) == 64  # the question that two passages answer is left out
    assert {one.place[0] for one in half.questions} == {d.title for d in half.documents}


def test_a_chunk_answers_where_it_shares_the_passage_and_holds_an_answer() -> None:
    _, places = join([row("a_1", "A", "Its lamp went out."), row("a_2", "A", "Its lamp turned.")])
    chunks = [Chunk("", "A", "Its lamp went out.", 0, 18, ""), Chunk("", "A", "Its lamp turned.", 20, 36, "")]
    assert [DocumentQuestion("?", places["a_2"], ("LAMP",)).answered_by(chunk) for chunk in chunks] == [False, True]
    assert not DocumentQuestion("?", places["a_2"], ("oil",)).answered_by(chunks[1])
    assert DocumentQuestion("?", places["a_2"]).answered_by(chunks[1])


def lessons(**changed: Any) -> EmbedderExamples:
    """Five windows of two documents, two chunks each; vectors are unit vectors of the plane."""
    passes = [Pass([0] * (8 + i), np.ones((2, 1, 8 + i), np.float32), np.array([2 * i, 2 * i + 1])) for i in range(5)]
    angles = torch.linspace(0, 1, 10)
    frozen = torch.stack([angles.cos(), angles.sin()], dim=1)
    given = EmbedderExamples(passes, np.array([0] * 6 + [1] * 4), frozen, frozen[:3], [[0], [4], [8]])
    return EmbedderExamples(**{name: changed.get(name, getattr(given, name)) for name in given.__slots__})


def test_an_epoch_reads_every_window_once_and_keeps_documents_together() -> None:
    order = schedule(lessons(), EmbedderOptions(batch=3, epochs=2))
    assert sorted(i for batch in order for i in batch) == sorted([*range(5)] * 2)
    assert [0, 1, 2] in [sorted(batch) for batch in order] or [3, 4] in [sorted(batch) for batch in order]
    assert order == schedule(lessons(), EmbedderOptions(batch=3, epochs=2))


def test_the_contrast_is_what_its_definition_says() -> None:
    """Query 0, whose chunk is row 0, with rows 0 to 3 in the batch; worked out beside it in plain numbers."""
    work = lessons()
    vectors = torch.nn.functional.normalize(work.frozen[:4] + torch.tensor([[0.0, 0.1]]), dim=1)
    for mix in (0.0, 1.0):
        loss = Loss(torch.nn.Identity(), work, mix)._contrast(vectors, torch.arange(4), [0])
        live = (work.queries[0] @ vectors.T / TEMPERATURE).tolist()
        rest = (work.queries[0] @ work.frozen[6:].T / TEMPERATURE).tolist()  # of the other document
        negatives = live[1:] if mix else rest  # all of the batch is of the same document
        assert loss.item() == pytest.approx(log(sum(map(exp, negatives)) + exp(live[0])) - live[0], rel=1e-4)


def test_the_contrast_equals_the_weighted_loss_of_the_reference() -> None:
    """Equations 2 and 3 of arXiv 2505.24782; _compute_loss_weighted_inbatch_inseq of illuin-tech/contextual-embeddings.

    One query a document, every chunk in the batch, scores at the reference's scale, and no negative is masked.
    """
    torch.manual_seed(0)
    chunks = torch.nn.functional.normalize(torch.randn(10, 4), dim=1)
    golds, documents = [2, 8], torch.tensor([0] * 6 + [1] * 4)
    queries = chunks[golds]  # nearest to the answer itself
    work = lessons(frozen=chunks, queries=queries, golds=[[row] for row in golds])
    scores = queries @ chunks.T / TEMPERATURE
    sequence, batch = [], []
    for i, gold in enumerate(golds):
        own = documents == documents[gold]
        right = scores[i, gold]
        sequence.append(torch.logsumexp(scores[i, own], 0) - right)
        batch.append(torch.logsumexp(torch.cat([scores[i, ~own], right[None]]), 0) - right)
    expected = 0.3 * torch.stack(sequence).mean() + 0.7 * torch.stack(batch).mean()
    found = Loss(torch.nn.Identity(), work, 0.3)._contrast(chunks, torch.arange(10), [0, 1])
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


def test_what_the_original_prefers_to_the_answer_is_no_negative() -> None:
    queries = lessons().frozen[5:6]  # nearest to row 5, then 4 and 6
    work = lessons(queries=queries, golds=[[4]])
    loss = Loss(torch.nn.Identity(), work, 1.0)._contrast(work.frozen[4:6], torch.tensor([4, 5]), [0])
    scores = (queries[0] @ work.frozen.T / TEMPERATURE).tolist()
    assert scores[5] > scores[4]
    assert loss.item() == pytest.approx(0, abs=1e-6)  # the only other one is preferred to the answer
    loss = Loss(torch.nn.Identity(), work, 0.0)._contrast(work.frozen[4:6], torch.tensor([4, 5]), [0])
    counted = [score for i, score in enumerate(scores) if i >= 6 and score <= scores[4]]
    assert loss.item() == pytest.approx(log(sum(map(exp, [*counted, scores[4]]))) - scores[4], rel=1e-4)


def vectors(embedder: OnnxEmbedder) -> tuple[Vectors, Vectors]:
    text = "soup of the building . a router for tarnvik"
    chunks = (Chunk("a", "d", text[:22], 0, 22, ""), Chunk("b", "d", text[23:], 23, len(text), ""))
    documents, queries = (
        embedder.embed_chunks([Chunked(Document("d", "d", text), chunks)]),
        embedder.embed_queries([text]),
    )
    assert documents.dense is not None and queries.dense is not None
    return documents.dense, queries.dense


def test_training_writes_weights_that_documents_alone_are_read_with(tmp_path: Path) -> None:
    model = str(saved(tmp_path / "model", bert))
    written(tmp_path / "data", dev=True)

    def run(name: str, say: Callable[[str], None], **more: Any) -> Path:
        given = {"merge": 1.0, "most": None, "left_out": ["soup"], "start": None, **more}
        options = EmbedderOptions(epochs=2, batch=8, rate=1e-3)
        train_embedder([tmp_path / "data"], tmp_path / name, model=model, options=options, say=say, **given)
        return tmp_path / name

    said: list[str] = []
    whole = run("whole.safetensors", said.append)
    assert said[0].endswith("data: 3 documents, 48 questions")
    assert "| data | 3 | 48 |" in whole.with_suffix(".md").read_text()
    plain, tuned = (
        vectors(OnnxEmbedder(model=model, late=1)),
        vectors(OnnxEmbedder(model=model, late=1, weights=str(whole))),
    )
    assert np.abs(plain[0] - tuned[0]).max() > 1e-3
    assert np.array_equal(plain[1], tuned[1])
    half = vectors(OnnxEmbedder(model=model, late=0.5, weights=str(whole)))[0]
    alone = vectors(OnnxEmbedder(model=model))[0] + tuned[0]
    assert np.abs(half - alone / np.linalg.norm(alone, axis=1, keepdims=True)).max() < 1e-5
    prints = {OnnxEmbedder(model=model, late=1, weights=name).fingerprint for name in ("", str(whole))}
    assert len(prints) == 2

    def killed(text: str) -> None:
        if text.startswith(f"step {steps}"):
            raise KeyboardInterrupt

    steps = said[-1].removeprefix("step ").partition(" ")[0]
    with pytest.raises(KeyboardInterrupt):
        run("killed.safetensors", killed)
    again: list[str] = []
    resumed = run("killed.safetensors", again.append)
    assert [text for text in again if text.startswith("step")] == [said[-1]]
    assert all(
        np.allclose(tensor, load(whole, tmp_path / "model")[name], atol=1e-6)
        for name, tensor in load(resumed, tmp_path / "model").items()
    )
    nearer = load(run("half.safetensors", said.append, merge=0.5), tmp_path / "model")
    assert all(
        np.allclose(2 * nearer[name], exact, atol=1e-6) for name, exact in load(whole, tmp_path / "model").items()
    )

    other = str(saved(tmp_path / "other", qwen))
    with pytest.raises(MismatchError, match="trained for another model"):
        vectors(OnnxEmbedder(model=other, weights=str(whole)))
    with pytest.raises(ModelError, match="cannot be read"):
        _ = OnnxEmbedder(model=model, weights="absent").fingerprint


def test_documents_without_context_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"pid": "p", "text": "A word."}\n')
    result = CliRunner().invoke(app, ["embedder", str(tmp_path), "--out", str(tmp_path / "o")])
    assert isinstance(result.exception, InputError)
    assert "no document is longer than one chunk" in str(result.exception)
