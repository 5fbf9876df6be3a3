"""The embed stage as a model of mteb: a task in memory gives the harness's own nDCG; the command."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rag.embed.hashing import HashingEmbedder
from rag.testing import NAMES
from rag.types import Chunk, Chunked, Document
from rag_evals.cli import app
from rag_evals.metrics.ranking import ndcg, recall
from rag_evals.mteb_encoder import MtebEncoder

mteb = pytest.importorskip("mteb", reason='pip install "raghop[mteb]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of its libraries

rng = random.Random(0)
TITLES = {f"d{i}": f"{rng.choice(NAMES)} {i}" for i in range(60)}
TEXTS = {pid: " ".join(rng.choices(NAMES, k=12)) for pid in TITLES}
ASKED = {f"q{i}": " ".join(rng.choices(NAMES, k=3)) for i in range(20)}
GRADES = {qid: {pid: rng.randint(1, 3) for pid in rng.sample([*TITLES], rng.randint(1, 6))} for qid in ASKED}


def task() -> Any:
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Little(AbsTaskRetrieval):  # type: ignore[misc, unused-ignore]  # the package may be absent
        metadata = TaskMetadata(
            name="Little", dataset={"path": "none/none", "revision": "1"}, description="In memory.", type="Retrieval",
            eval_splits=["test"], eval_langs=["eng-Latn"], main_score="ndcg_at_10",
        )  # fmt: skip

        def load_data(self, *told: Any, **options: Any) -> None:
            rows = [{"id": pid, "title": TITLES[pid], "text": TEXTS[pid]} for pid in TITLES]
            data = {
                "corpus": Dataset.from_list(rows),
                "queries": Dataset.from_list([{"id": qid, "text": text} for qid, text in ASKED.items()]),
                "relevant_docs": GRADES,
                "top_ranked": None,
            }
            self.dataset, self.data_loaded = {"default": {"test": data}}, True

    return Little()


def test_a_task_gives_the_harness_own_figures() -> None:
    embedder = HashingEmbedder()
    result = mteb.evaluate(MtebEncoder(embedder, "tiny"), task(), cache=None, show_progress_bar=False)
    [scores] = result.task_results[0].scores["test"]
    chunked = [
        Chunked(Document("", "", text), (Chunk("", "", text, 0, len(text), "", context=TITLES[pid]),))
        for pid, text in TEXTS.items()
    ]
    passages, questions = embedder.embed_chunks(chunked).dense, embedder.embed_queries([*ASKED.values()]).dense
    assert passages is not None and questions is not None
    pids = [*TEXTS]
    rankings = [[pids[i] for i in np.argsort(-row)] for row in (questions @ passages.T).astype(np.float64)]
    pairs = list(zip(rankings, GRADES.values(), strict=True))
    assert scores["ndcg_at_10"] == pytest.approx(
        np.mean([ndcg(one, gold, 10) for one, gold in pairs]), abs=5.1e-6
    )  # which rounds
    assert scores["recall_at_10"] == pytest.approx(
        np.mean([recall(one, gold, 10) for one, gold in pairs]), abs=5.1e-6
    )  # which rounds


def test_the_command_prints_and_saves_the_main_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.yaml").write_text(Path("tests/tiny.yaml").read_text())
    monkeypatch.setattr(mteb, "get_tasks", lambda tasks: [task()])
    words = ["mteb", "Little", "--pipeline", str(tmp_path / "tiny.yaml"), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    [saved] = json.loads((tmp_path / "out.json").read_text())
    assert f"Little: ndcg_at_10 {saved['scores']['test'][0]['ndcg_at_10']:.4f}" in done.output


def test_a_task_that_is_not_there_is_named() -> None:
    done = CliRunner().invoke(app, ["mteb", "NFCorpuss"])
    assert "NFCorpus" in str(done.exception)
