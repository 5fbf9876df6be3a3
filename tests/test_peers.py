"""The comparison with peers, as far as it goes without them: raghop by the protocol, changed files, the tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import protocol, rounds, table, worker
from benchmarks.peers.plan import ENVIRONMENTS, OURS, VARIANTS
from benchmarks.peers.with_raghop import Raghop

TEXTS = {
    "00000.txt": "Lamps\nThe lamp of the north tower burns whale oil.\n",
    "00001.txt": "Boats\nThe pilot boat lies in the inner harbour.\n",
    "00002.txt": "Bells\nThe fog bell was cast in Leyden in 1702.\n",
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("by", OURS)
def test_raghop_does_what_a_peer_must(docs: Path, tmp_path: Path, by: str) -> None:
    index = tmp_path / "index"
    index.mkdir()
    Raghop("", by).build(docs, index)
    peer = Raghop("", by)
    answer = worker.ask(peer, index, ["Where was the fog bell cast?", "Where does the pilot boat lie?"], 2, 0.0)
    peer.close()
    found: Any = answer["found"]
    assert [names[0] for names in found] == ["00002.txt", "00001.txt"]
    rounds.revise(docs, 0, 0.5)
    Raghop("", by).update(docs, index)
    changed = [path for path in protocol.files(docs) if path.read_text() != TEXTS[path.name]]
    assert len(changed) == 2
    again = Raghop("", by)
    again.open(index)
    for path in changed:
        assert again.search(rounds.sentence(path, 0), 1) == [path.name]
    again.close()


def test_the_worker_prints_what_it_did(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    job = {"module": "with_raghop", "cls": "Raghop", "by": "dense", "model": "", "docs": str(docs), "index": str(index)}
    ask = {"step": "ask", "questions": ["Which oil burns the lamp?"], "k": 1, "started": 0.0}
    for more in ({"step": "build"}, ask):
        monkeypatch.setattr(sys, "argv", ["worker", json.dumps(job | more)])
        worker.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["found"] == [["00000.txt"]]
    assert result["cold"][0] > 0 and result["resident"] > 0


def test_the_ledger_knows_which_files_have_changed(docs: Path, tmp_path: Path) -> None:
    protocol.write_ledger(docs, tmp_path)
    assert protocol.changed(docs, tmp_path) == []
    before = rounds.revise(docs, 1, 0.3)
    (docs / "00009.txt").write_text("New\n")
    assert set(protocol.changed(docs, tmp_path)) == {*before, docs / "00009.txt"}


def test_recall_counts_each_file_once() -> None:
    question = rounds.Question("?", frozenset({"a", "f"}))
    assert rounds.recall([question], [["a", "a", "b", "c", "d", "e", "f"]]) == 0.5
    assert rounds.recall([question], [["a", "a", "a", "f"]]) == 1


def test_every_variant_has_its_environment_and_one_to_be_compared_with() -> None:
    for variant in VARIANTS.values():
        assert variant.environment in ENVIRONMENTS
        assert variant.by in OURS


def test_the_tables_compare_those_who_search_alike() -> None:
    def row(seconds: float) -> dict[str, Any]:
        process = {"cpu": seconds, "wall": 2 * seconds, "peak": 1e9}
        ask = {"cold": [seconds, seconds], "cpu": [seconds], "wall": [seconds], "resident": 5e8}
        return {"build": process, "update": process, "ask": ask, "disk": 1e6, "recall": 0.5}

    played = [
        {"raghop-dense": row(2), "txtai-dense": row(4), "raghop-hybrid": row(1), "txtai-hybrid": row(1)},
        {"raghop-dense": row(2), "txtai-dense": row(3), "raghop-hybrid": row(1), "txtai-hybrid": row(2)},
    ]
    told = {"txtai": {"versions": {"txtai": "9"}, "packages": 40, "bytes": 1.5e9}}
    lines = list(table.tables({"rounds": played, "environments": told}))
    assert "| ingest, CPU s | 2.0 | 3.5 (1.75: 1.50 - 2.00) |" in lines
    assert "| ingest, CPU s | 1.0 | 1.5 (1.50: 1.00 - 2.00) |" in lines
    assert lines[-1] == "| txtai | 40 | 1,500 | txtai 9 |"
