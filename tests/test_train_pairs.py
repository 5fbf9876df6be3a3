"""Training of both sides: every loss against its equation in plain numbers, a few steps from end to end, merging."""

from __future__ import annotations

import json
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor
from torch.nn.functional import normalize
from typer.testing import CliRunner

from rag.cli.train import app
from rag.embed.onnx import OnnxEmbedder
from rag.errors import ConfigError, InputError, ModelError
from rag.train.common import loop
from rag.train.pairs.examples import LabelledPair, PairExamples, Ranking, draw_negatives, rank_negatives, read
from rag.train.pairs.exchange import Exchange
from rag.train.pairs.losses import PairVectors, elastic, gist, keep_negatives, leaf, soft_labels
from rag.train.pairs.merge import combine, merge_models
from rag.train.pairs.run import train_pairs
from rag.train.pairs.train import PairOptions, pool, read_layers, schedule
from tests.test_models_backends import SIZES, TEXTS, bert, dense, saved
from tests.test_train_embedder import written

T = 0.1


def deep() -> Any:
    """Three layers, the first of which does not learn."""
    return transformers.BertModel(transformers.BertConfig(**{**SIZES, "num_hidden_layers": 3}))


def vectors(seed: int, b: int = 3, m: int = 3, d: int = 4) -> PairVectors:
    made = torch.Generator().manual_seed(seed)
    return PairVectors(*(normalize(torch.randn(n, d, generator=made), dim=1) for n in (b, b, m)))


def dot(a: Tensor, b: Tensor) -> float:
    return float(sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)))


def own(b: int, m: int) -> Tensor:
    return torch.eye(b, b + m, dtype=torch.bool)


def test_contrast_leaves_out_what_the_guide_finds_nearer() -> None:
    """GISTEmbed, arXiv 2402.16829: a candidate of any of four kinds counts where the guide finds it no nearer."""
    one, guide = vectors(1), vectors(2)
    total, left_out = 0.0, 0
    for i in range(3):
        right = dot(guide.questions[i], guide.passages[i])
        below = exp(dot(one.questions[i], one.passages[i]) / T)
        kinds = [("questions", "passages"), ("questions", "questions"), ("passages", "passages")]
        pairs = [(kind, j) for kind in kinds for j in range(3) if j != i]
        for (a, b), j in [*pairs, *((("questions", "negatives"), j) for j in range(3))]:
            if dot(getattr(guide, a)[i], getattr(guide, b)[j]) <= right:
                below += exp(dot(getattr(one, a)[i], getattr(one, b)[j]) / T)
            else:
                left_out += 1
        total += log(below) - dot(one.questions[i], one.passages[i]) / T
    assert left_out > 3
    assert abs(gist(one, guide, own(3, 3), T).item() - total / 3) < 1e-5
    single = PairVectors(one.questions[:1], one.passages[:1], one.negatives)
    few = [exp(x / T) for x in single.scores[0].tolist()]
    assert abs(gist(single, None, own(1, 3), T).item() - log(sum(few) / few[0])) < 1e-5  # InfoNCE where no guide is
    answers = own(3, 3)
    answers[0, 1] = True  # the passage of question 1 answers question 0, too
    moved = PairVectors(one.questions, one.passages.clone(), one.negatives)
    moved.passages[1] = -moved.passages[1]
    first = [gist(PairVectors(x.questions, x.passages, x.negatives), guide, answers, T) for x in (one, moved)]
    assert first[0] != first[1]  # question 1 still looks for it


def test_contrast_is_what_sentence_transformers_computes() -> None:
    """Against `sentence_transformers` GISTEmbedLoss, given vectors in place of two models."""
    losses = pytest.importorskip("sentence_transformers.losses")
    one, guide = vectors(3), vectors(4)
    reference = losses.GISTEmbedLoss.__new__(losses.GISTEmbedLoss)
    torch.nn.Module.__init__(reference)

    class Given(torch.nn.Module):
        def __init__(self, parts: PairVectors) -> None:
            super().__init__()
            self.parts = [parts.questions, parts.passages, parts.negatives]

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
            return {"sentence_embedding": self.parts[features["part"]]}

    reference.model, reference.guide = Given(one), Given(guide)
    settings: dict[str, Any] = {
        "temperature": T,
        "margin": 0.0,
        "margin_strategy": "absolute",
        "contrast_anchors": True,
        "contrast_positives": True,
        "must_retokenize": False,
        "gather_across_devices": False,
        "similarity_fct": torch.nn.CosineSimilarity(dim=-1),
        "cross_entropy_loss": torch.nn.CrossEntropyLoss(),
    }
    for name, value in settings.items():
        setattr(reference, name, value)
    found = reference([{"part": n} for n in range(3)], torch.empty(0))
    assert abs(gist(one, guide, own(3, 3), T).item() - found.item()) < 1e-5


def test_soft_labels_are_the_divergence_from_a_reranker() -> None:
    scores, logits = torch.tensor([[0.9, 0.2, 0.4], [0.1, 0.3, 0.8]]), torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 2.5]])
    expected = 0.0
    for row, taught in zip(scores.tolist(), logits.tolist(), strict=True):
        p = [exp(x) / sum(map(exp, taught)) for x in taught]
        q = [exp(x / T) / sum(exp(y / T) for y in row) for x in row]
        expected += sum(a * (log(a) - log(b)) for a, b in zip(p, q, strict=True))
    assert abs(soft_labels(scores, logits, T).item() - expected / 2) < 1e-5


def test_cuts_add_their_loss_and_their_distance_to_the_whole() -> None:
    """2DMSE and Starbucks: retrieval/modeling.py of ielab/Starbucks, but that cut vectors have length one again."""
    whole, early = vectors(5), vectors(6)

    def loss(given: PairVectors) -> Tensor:
        return given.scores.square().sum()

    def distribution(given: PairVectors, columns: int) -> list[list[float]]:
        parts = [normalize(x[:, :columns], dim=1) for x in (given.questions, given.passages, given.negatives)]
        rows = (parts[0] @ torch.cat(parts[1:]).T / T).tolist()
        return [[exp(x) / sum(map(exp, row)) for x in row] for row in rows]

    expected = loss(whole).item()
    target = distribution(whole, 4)
    for layer, columns in ((early, 2), (whole, 3)):
        expected += loss(layer.first(columns)).item()
        cut = distribution(layer, columns)
        rows = zip(target, cut, strict=True)
        expected += sum(a * log(a / b) for p, q in rows for a, b in zip(p, q, strict=True)) / 3
    assert abs(elastic(whole, [(early, 2), (whole, 3)], loss, T).item() - expected) < 1e-4
    assert elastic(whole, [], loss, T) == loss(whole)


def test_a_students_distance_and_a_negatives_margin() -> None:
    """LEAF: the mean of the lengths of the differences. NV-Retriever: below 95% of the right passage's score."""
    student, teacher = torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 4.0], [0.0, 1.0]])
    assert leaf(student, teacher).item() == 2.5
    kept = keep_negatives(torch.tensor([[0.96, 0.94, 0.2]]), torch.tensor([1.0]), 0.95)
    assert kept.tolist() == [[False, True, True]]


def test_negatives_are_near_and_no_answers() -> None:
    passages = np.eye(6, dtype=np.float32)
    passages[1] = [0.97, 0.24, 0, 0, 0, 0]  # nearly the gold one: may be an answer
    passages[2] = [0.6, 0, 0.8, 0, 0, 0]
    asked = np.array([[1, 0, 0, 0, 0, 0]], np.float32)
    ranking = rank_negatives(asked, passages, [(0, 3)], 0.95)
    pairs = [LabelledPair("Which?", (0, 3), 0)]
    for seed in range(5):
        [drawn] = draw_negatives(ranking, pairs, passages=6, count=4, seed=seed).tolist()
        assert set(drawn[:3]) == {2, 4, 5} and drawn[3] == 1  # one that may be an answer where there is nothing else
    with pytest.raises(InputError, match="too few"):
        draw_negatives(rank_negatives(asked, passages[:4], [(0, 3)], 0.95), pairs, passages=4, count=3, seed=0)
    assert rank_negatives(asked, passages, [(0, 3)], np.inf).rows[0, :2].tolist() == [1, 2]  # without a guide


def test_pairs_are_labelled_mined_or_taken_from_their_passage(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"pid": f"p{i}", "title": f"T{i}", "text": f"First {i} here. Second {i} there."}) + "\n"
            for i in range(40)
        )
    )
    (tmp_path / "questions_train.jsonl").write_text(
        json.dumps({"id": "q", "question": "Both?", "gold": ["p1", "p2"]}) + "\n"
    )
    (tmp_path / "questions_dev.jsonl").write_text("")
    labelled = read([tmp_path], ["labelled"], most=None, seed=0)
    assert sorted(labelled.golds) == [(1, 2), (2, 1)] and set(labelled.questions) == {"Both?"}
    mined = read([tmp_path], ["mined"], most=None, seed=0)
    assert len(mined.golds) == 40
    for question, [row] in zip(mined.questions, mined.golds, strict=True):
        title, _, sentence = question.partition(" ")
        assert mined.passages[row].startswith(title) and sentence in mined.passages[row]
    ict = read([tmp_path], ["ict"], most=None, seed=0)
    without = [golds for golds in ict.golds if len(golds) == 2]
    assert 30 <= len(without) < 40
    for question, (first, *_) in zip(ict.questions, ict.golds, strict=True):
        assert (question in ict.passages[first]) == (first < 40)
    part, held = ict.part(held_out=False), ict.part(held_out=True)
    assert len(part.questions) + len(held.questions) == 40 and held.questions
    with pytest.raises(InputError, match=r"no pairs of the kinds ict.*say --pairs mined,ict"):
        read([tmp_path], ["ict"], most=0, seed=0)
    (tmp_path / "own").mkdir()
    for name, said in {
        "own": r"own: holds no index \(.rag, .*`rag ingest` ran",
        "absent": "absent: there is no such",
    }.items():
        with pytest.raises(InputError, match=said):
            read([tmp_path / name], ["ict"], most=None, seed=0)


def test_tevatrons_files_are_read_and_written(tmp_path: Path) -> None:
    """texttron/tevatron, docs/datasets.md: passages in the row; src/tevatron/retriever/dataset.py: their ids."""
    passages = [{"docid": f"d{i}", "title": f"T{i}", "text": f"Text {i}."} for i in range(5)]
    whole, ids = tmp_path / "train.jsonl", tmp_path / "ids.jsonl"
    row = {"query_id": "q", "query": "Which?", "positive_passages": passages[:2], "negative_passages": passages[1:4]}
    whole.write_text(json.dumps(row) + "\n")
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in passages))
    row = {"query_id": "q", "query_text": "Which?", "positive_document_ids": ["d0", "d1"]}
    ids.write_text(json.dumps({**row, "negative_document_ids": ["d1", "d2", "d3"]}) + "\n")
    for path in (whole, ids):
        found = read([path], ["labelled"], most=None, seed=0)
        assert sorted(pair.golds for pair in found.pairs) == [(0, 1), (1, 0)]
        assert {pair.given for pair in found.pairs} == {(2, 3)} and found.passages[2] == "T2\nText 2."
        vectors = np.eye(len(found.passages), dtype=np.float32)
        ranking = rank_negatives(vectors[[0, 1]], vectors, found.golds, 0.95)
        for seed in range(3):
            drawn = draw_negatives(ranking, found.pairs, passages=len(vectors), count=2, seed=seed)
            assert all(set(rows) == {2, 3} for rows in drawn.tolist())
    out = tmp_path / "again.jsonl"
    words = ["pairs", str(whole), "--out", str(out), "--pairs", "labelled", "--negatives", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    [written] = map(json.loads, out.read_text().splitlines())
    assert written["query"] == "Which?" and written["positive_passages"][0]["title"] in ("T0", "T1")
    again = read([out], ["labelled"], most=None, seed=0)
    assert {again.passages[row] for row in again.pairs[0].golds} == {"T0\nText 0.", "T1\nText 1."}
    assert {again.passages[row] for row in again.pairs[0].given} == {"T2\nText 2.", "T3\nText 3."}
    whole.write_text('{"query": "Which?"}\n')
    with pytest.raises(InputError, match=r"train.jsonl:1: no row of Tevatron's"):
        read([whole], ["labelled"], most=None, seed=0)


def test_negatives_that_grew_easy_are_exchanged() -> None:
    """Conan-embedding, arXiv 2408.15710: 1.15 x the score now < the score at the start, and |score| < 0.8."""
    rows = np.arange(14 * 3).reshape(3, 14)
    ranking = Ranking(rows, np.linspace(0.7, 0.5, 42, dtype=np.float32).reshape(3, 14))
    negatives = rows[:, :2].copy()
    exchange = Exchange(ranking, negatives, np.array([0.6, 0.6, 0.99], np.float32))
    now = torch.tensor([[0.5, 0.54], [0.5, 0.55], [0.8, 0.82]])  # 0.52, 0.525, 0.81: 1.15 times is 0.598, 0.604, 0.93
    assert exchange([0, 1, 2], now) == 1
    assert negatives.tolist() == [[10, 11], [14, 15], [28, 29]]  # behind the first ten
    assert exchange.arrays["start"][0] == pytest.approx(ranking.scores[0, 10:12].mean())
    assert exchange([0], torch.zeros(1, 2)) == 1 and negatives[0].tolist() == [12, 13]
    assert exchange([0], torch.zeros(1, 2)) == 0 and negatives[0].tolist() == [12, 13]  # there are no more


def test_layers_are_pooled_as_the_embedder_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.models.pooling import pool as reference

    hidden, mask = torch.randn(3, 5, 4), torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]).bool()
    for mode in ("mean", "cls", "lasttoken"):
        assert np.allclose(
            pool(hidden, mask, mode).numpy(), reference(hidden.numpy(), mask.numpy(), (mode,)), atol=1e-6
        )
    assert PairExamples((), (), ()).part(held_out=True).questions == []
    network = loop.load_network(str(saved(tmp_path / "m", bert)))
    rows = [[0, 4, 5, 2], [0, 6, 2], [0, 7, 8, 9, 4, 2]]
    together = read_layers(network, rows, "mean")
    assert len(together) == 3
    for tokens in (1, 8):  # one text at a time, longest first; two
        monkeypatch.setattr(loop, "PASS_TOKENS", tokens)
        apart = read_layers(network, rows, "mean")
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(apart, together, strict=True))


def test_a_batch_holds_the_pairs_of_one_folder() -> None:
    sources = [0] * 20 + [1] * 12
    batches = schedule(sources, PairOptions(batch=4, epochs=2))
    assert sorted(i for batch in batches for i in batch) == sorted([*range(32)] * 2)
    assert all(len({sources[i] for i in batch}) == 1 for batch in batches)
    assert batches[0] != batches[8]


def options(**changed: Any) -> PairOptions:
    return PairOptions(**{"batch": 8, "rate": 1e-3, "limit": 40, **changed})


def trained(folder: Path, out: Path, **changed: Any) -> Any:
    given: dict[str, Any] = {
        "options": options(),
        "kinds": ["labelled", "mined"],
        "merge": 1.0,
        "most": None,
        "guide": None,
        "reranker": None,
        "teacher": None,
        "say": lambda line: None,
    }
    model = str(folder / "model")
    return train_pairs([folder / "data"], out, **{"model": model, **given, **changed})


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    saved(folder / "model", deep)
    written(folder / "data", dev=True, n=4)
    return folder


def test_a_training_changes_questions_and_documents_and_ships_a_model(work: Path) -> None:
    report = trained(work, work / "one")
    assert report.steps > 3
    old, new = OnnxEmbedder(model=str(work / "model")), OnnxEmbedder(model=str(work / "one"))
    assert np.abs(dense(old, TEXTS) - dense(new, TEXTS)).max() > 1e-3
    assert old.fingerprint != new.fingerprint and "labelled, mined" in (work / "one" / "README.md").read_text()
    assert not list(work.glob("*.state*"))
    half = trained(work, work / "half", merge=0.5)
    assert half.steps == report.steps
    tensors = [_tensor(work / name) for name in ("model", "one", "half")]
    assert torch.allclose(tensors[2], (tensors[0] + tensors[1]) / 2, atol=1e-5)
    with pytest.raises(InputError, match="exists already"):
        trained(work, work / "one")


def test_a_training_that_was_interrupted_says_where_it_goes_on(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "EVERY", 1)
    lines: list[str] = []
    changed = options(exchange=True)

    def stop(line: str) -> None:
        if line.startswith("step 4 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(work, work / "again", options=changed, say=stop)
    trained(work, work / "again", options=changed, say=lines.append)
    assert "goes on behind step 3 of" in lines[1] and lines[2].startswith("step 4 of")
    trained(work, work / "whole", options=changed)
    assert torch.allclose(_tensor(work / "again"), _tensor(work / "whole"), atol=1e-6)


def _tensor(folder: Path) -> Tensor:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")["encoder.layer.1.output.dense.weight"]


@pytest.mark.slow
def test_cuts_and_a_teacher_train_too(work: Path) -> None:
    trained(work, work / "cut", options=options(dims=(4, 8), layers=(2,), epochs=0.2))
    assert OnnxEmbedder(model=str(work / "cut"), layers=2, truncate_dim=8).dim == 8
    trained(work, work / "fixed", options=options(dims=(4,), layers=(2,), fixed=True, epochs=0.2))
    trained(work, work / "leaf", teacher="bundled", options=options(epochs=0.5))
    student, teacher = OnnxEmbedder(model=str(work / "leaf")), OnnxEmbedder()
    assert student.dim == teacher.dim == 384  # questions of the student over the teacher's index
    texts = read([work / "data"], ["labelled"], most=None, seed=0).questions
    near = (dense(student, list(texts)) * dense(teacher, list(texts))).sum(1)
    assert near.mean() > 0.4  # of vectors of 384 columns, by 16 that began at random


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"options": options(dims=(4,), layers=(1, 1), fixed=True)}, ConfigError, "as many --layers as --dims"),
        ({"options": options(layers=(3,))}, ConfigError, "--layers 3: .* has 3, and those up to 1"),
        ({"options": options(dims=(16,))}, ConfigError, "--dims 16: .* has 16 columns"),
        ({"reranker": "any", "options": options(exchange=True)}, ConfigError, "--exchange"),
        ({"teacher": "bundled", "options": options(dims=(4,))}, ConfigError, "--teacher learns vectors alone"),
    ],
)
def test_what_cannot_be_trained_is_said(work: Path, changed: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        trained(work, work / "never", **changed)


@pytest.mark.slow
def test_merging_takes_the_mean_or_goes_down_the_loss_of_a_probe(work: Path) -> None:
    base = {"a": torch.tensor([1.0, 2.0])}
    parts = [{"a": torch.tensor([2.0, 2.0])}, {"a": torch.tensor([1.0, 4.0])}]
    merged = combine(base, parts, torch.tensor([0.25, 0.75]), torch.tensor(2.0))
    assert merged["a"].tolist() == [1.5, 5.0]  # base + 2 (0.25 (1, 0) + 0.75 (0, 2))
    for seed, name in enumerate(("m1", "m2")):
        if not (work / name).exists():
            trained(work, work / name, options=options(seed=seed, epochs=0.3))
    models = [str(work / name) for name in ("m1", "m2")]
    say: Any = lambda line: None  # noqa: E731
    report = merge_models(models, work / "mean", base=None, probe=[], steps=1, seed=0, say=say)
    assert report.weights == (0.5, 0.5)
    assert torch.allclose(_tensor(work / "mean"), (_tensor(work / "m1") + _tensor(work / "m2")) / 2, atol=1e-6)
    found = merge_models(
        models, work / "best", base=str(work / "model"), probe=[work / "data"], steps=3, seed=0, say=say
    )
    assert abs(sum(found.weights) - 1) < 1e-5 and (found.scale, found.weights) != (1.0, (0.5, 0.5))
    step = [_tensor(work / name) - _tensor(work / "model") for name in ("m1", "m2")]
    expected = found.scale * (found.weights[0] * step[0] + found.weights[1] * step[1])
    assert torch.allclose(_tensor(work / "best") - _tensor(work / "model"), expected, atol=1e-5)
    with pytest.raises(ModelError, match="has other tensors"):
        merge_models([models[0], "bundled"], work / "no", base=None, probe=[], steps=1, seed=0, say=say)
    with pytest.raises(InputError, match="two models or more"):
        merge_models(models[:1], work / "no", base=None, probe=[], steps=1, seed=0, say=say)


def test_the_commands(work: Path) -> None:
    words = ["embedder", str(work / "data"), "--both", "--model", str(work / "model"), "--out", str(work / "cli")]
    done = CliRunner().invoke(app, [*words, "--pairs", "ict", "--dims", "8", "--minutes", "0.01"])
    assert done.exit_code == 0, done.output
    assert (work / "cli" / "model.safetensors").exists() and "steps" in done.output
    wrong = CliRunner().invoke(app, [*words, "--mix", "0.2"])
    assert "--mix" in str(wrong.exception)
    merge = ["merge", str(work / "cli"), str(work / "model"), "--out", str(work / "both")]
    assert CliRunner().invoke(app, merge).exit_code == 0 and (work / "both" / "modules.json").exists()
