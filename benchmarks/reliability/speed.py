"""Speed: what the checks cost. The same good files are ingested with everything on, and with the checks taken out:

no child processes for parsing, no look at free space, no look at vectors, nothing compared, summed or forced to disk at
publish. CPU seconds, children included; rounds are interleaved, the figure is the median of their ratios.
"""

from __future__ import annotations

import resource
import shutil
import statistics
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.outcome import Outcome, Row
from rag.config import load

ROUNDS = 3
BAR = 1.15


def _cost(folder: Path, pipeline: str, checked: bool) -> float:
    """CPU seconds of an ingest, of this process and its children."""
    with ExitStack() as patches:
        if not checked:
            _without(patches)
        report = corpus.run(folder, load(pipeline))
    if report.count("failed") or report.count("degraded"):
        raise RuntimeError("good files failed")
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _without(patches: ExitStack) -> None:
    from rag_connectors.files import Files
    from rag_connectors.kinds import kind_of
    from rag_connectors.outcome import outcome

    def inline(self: Files, source: Any) -> Any:
        return outcome(source.path, source.name, self._options) if kind_of(source.name) else None

    def nothing(*arguments: Any, **options: Any) -> None:
        return None

    patches.enter_context(patch.object(Files, "_inline", inline))
    checks = [
        "rag.ingest.work.check_rows",
        "rag.store.edge.check_batch",
        "rag.index.publish._compare",
        "os.fsync",
    ]
    for name in (
        *checks,
        *(f"rag.{module}.need_space" for module in ("ingest.vectorize", "ingest.steps", "index.publish")),
    ):
        patches.enter_context(patch(name, nothing))
    patches.enter_context(patch("rag.index.checksums.checksum_folder", lambda folder: {}))


def cost(count: int) -> Outcome:
    """`count` good files, half text and half Markdown; with the default pipeline from a thousand on."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        corpus.pipeline(folder)
        corpus.write(folder / "docs", range(count))
        for number in range(0, count, 2):
            (folder / "docs" / f"{number:05}.txt").rename(folder / "docs" / f"{number:05}.md")
        pipeline = "default" if count >= 1000 else str(folder / "tiny.yaml")
        ratios, totals = [], []
        for _ in range(ROUNDS):
            spent = {}
            for checked in (True, False):
                shutil.rmtree(folder / ".rag", ignore_errors=True)
                spent[checked] = apart.result(_cost, folder, pipeline, checked)
            ratios.append(spent[True] / spent[False])
            totals.append(spent[True])
    ratio = statistics.median(ratios)
    lost = [f"{ratio:.2f} times"] if ratio > BAR else []
    note = f"{count:,} files, {Path(pipeline).stem}: {ratio:.2f} x ({min(ratios):.2f} - {max(ratios):.2f}), "
    return Outcome(1, 1 - len(lost), lost, note + f"{statistics.median(totals):.1f} CPU s with all checks")


ROWS: dict[str, Row] = {"speed": cost}
