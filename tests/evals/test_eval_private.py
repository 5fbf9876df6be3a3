"""What quotes documents is for its owner alone, wherever it is written."""

from __future__ import annotations

import stat
from pathlib import Path

from rag_evals import page, records, results
from rag_evals.make import write


def test_records_results_reports_and_question_sets_are_for_their_owner_alone(tmp_path: Path) -> None:
    with records.append_to(tmp_path / "records.jsonl") as append:
        append(records.QuestionRecord("q", (), (), 0.0))
    results.write(tmp_path / "results.json", [])
    page.write(tmp_path / "report.html", [])
    write.write(tmp_path / "questions.jsonl", [])
    assert len(list(tmp_path.iterdir())) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
