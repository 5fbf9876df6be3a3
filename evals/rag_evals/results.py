"""Results in a JSON file, {"runs": [...]}, and two of them compared.

A run is what `measure.summary` gives. A side of a comparison is FILE, or FILE:PIPELINE where the file holds several.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag_evals import stats

HEADLINES = ("recall", "answer_f1")  # judged unless metrics are named, each at its first cut-off
LOWER_IS_BETTER = frozenset({"false_answer_rate", "answer_error", "aurc"})
PARTS: Mapping[str, type] = {  # of a run
    **dict.fromkeys(("dataset", "pipeline"), str),
    **dict.fromkeys(("n", "memory_mib"), int),
    **dict.fromkeys(("metrics", "seconds", "usage", "slices", "questions"), dict),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric compared on the questions both sides have; `p` is corrected, but for the first metric judged."""

    dataset: str
    names: tuple[str, str]
    found: stats.Comparison
    p: float

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        up = self.found.metric not in LOWER_IS_BETTER
        return stats.verdict(self.found, p=self.p, names=self.names, up=up)


def write(path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Save runs. Raises InputError when the file cannot be written."""
    write_json(path, {"runs": runs})


def write_json(path: Path, data: Any) -> None:
    """Save data for its owner alone. Raises InputError when the file cannot be written."""
    try:
        path.touch(0o600)
        path.write_text(json.dumps(data, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from error


def load(path: Path) -> list[Mapping[str, Any]]:
    """The runs of a file. Raises InputError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["runs"]
        if not all(isinstance(run["questions"]["id"], list) and run["metrics"] for run in found):
            raise ValueError("a run without questions or metrics")
        return list(found)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}. Give a file that `--json` wrote.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not results of `rag eval run --json` ({error}).") from error


def read(side: str) -> dict[str, Mapping[str, Any]]:
    """The runs of FILE or FILE:PIPELINE by dataset. Raises InputError."""
    name, _, pipeline = (side, "", "") if Path(side).exists() else side.rpartition(":")
    path = Path(name or side)
    there = load(path)
    chosen = [run for run in there if not pipeline or run["pipeline"] == pipeline]
    found: dict[str, Mapping[str, Any]] = {str(run["dataset"]): run for run in chosen}
    pipelines = ", ".join(dict.fromkeys(str(run["pipeline"]) for run in there))
    if not found:
        raise InputError(f"{side}: no such run. The file has pipelines {pipelines or 'none'}.")
    if len(found) < len(chosen):
        raise InputError(f"{path}: several pipelines ({pipelines}); write {path}:PIPELINE.")
    return found


def gather(paths: Sequence[Path]) -> list[Mapping[str, Any]]:
    """The runs of several files, whole; a pipeline that more than one file has on a dataset is named with its file.

    Raises InputError.
    """
    held = [(path, run) for path in paths for run in load(path)]
    for path, run in held:
        if wrong := [name for name, kind in PARTS.items() if not isinstance(run.get(name), kind)]:
            raise InputError(f"{path}: not results of `rag eval run --json` (a run has no {', '.join(wrong)}).")
    times = Counter((run["dataset"], run["pipeline"]) for _, run in held)
    return [
        {**run, "pipeline": f"{run['pipeline']} ({path.stem})"} if times[run["dataset"], run["pipeline"]] > 1 else run
        for path, run in held
    ]


def compared(a: str, b: str, metrics: Sequence[str] = ()) -> list[Judged]:
    """Every dataset both sides have, judged on `metrics` or on the headlines, the first alone. Raises InputError."""
    left, right = read(a), read(b)
    judged = [item for dataset in left if dataset in right for item in judge(left[dataset], right[dataset], metrics)]
    if not judged:
        raise InputError(f"{a} and {b}: no dataset with common questions and metrics to compare.")
    return judged


def judge(a: Mapping[str, Any], b: Mapping[str, Any], metrics: Sequence[str] = ()) -> list[Judged]:
    """Two runs on the same dataset, judged on `metrics` or on the headlines. Raises InputError."""
    dataset = str(a["dataset"])
    names = (str(a["pipeline"]), str(b["pipeline"]))
    if names[0] == names[1]:
        names = (f"A ({names[0]})", f"B ({names[1]})")
    common = [name for name in a["questions"] if name in b["questions"] and name != "id"]
    for name in metrics:
        if name not in common:
            raise InputError(f"{name}: not a metric of both sides. Common on {dataset}: {', '.join(common)}.")
    found = [_pair(a["questions"], b["questions"], name) for name in metrics or _headlines(common)]
    kept = [comparison for comparison in found if comparison is not None]
    # The first metric is the question asked, and pays nothing for the others. Each of the two families errs at most in
    # ALPHA of the comparisons of equals, both together in 5 of 100.
    first, others = kept[:1], kept[1:]
    ps = [*(comparison.p for comparison in first), *stats.holm([comparison.p for comparison in others])]
    return [Judged(dataset, names, comparison, p) for comparison, p in zip(kept, ps, strict=True)]


def _headlines(names: Sequence[str]) -> list[str]:
    """The first metric of each headline family."""
    firsts = (next((name for name in names if name.partition("@")[0] == family), None) for family in HEADLINES)
    return [name for name in firsts if name is not None]


def _pair(a: Mapping[str, Any], b: Mapping[str, Any], metric: str) -> stats.Comparison | None:
    ours = dict(zip(a["id"], a[metric], strict=True))
    theirs = dict(zip(b["id"], b[metric], strict=True))
    both = [id for id in ours if ours[id] is not None and theirs.get(id) is not None]
    return stats.compare([ours[id] for id in both], [theirs[id] for id in both], metric=metric) if both else None
