"""Workers in turn: every variant builds, then every variant is asked, then files change and every variant updates.

Each step is a process of its own with one thread; each round begins with another variant. What a process cost is what
the kernel says when it ends, its children included.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import write_files
from benchmarks.peers.environments import python_of
from benchmarks.peers.plan import CHECKOUT, VARIANTS
from benchmarks.peers.protocol import unique

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")}
QUIET = {
    "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HAYSTACK_TELEMETRY_ENABLED": "False",
    "TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore",
}  # fmt: skip
K = 10  # chunks of a search
TOP = 5  # files of them whose recall is told


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the names of the files that are needed for it."""

    text: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bench:
    """What stays the same: environments, model, the files and the questions about them."""

    environments: Path
    place: Path
    model: Path
    questions: Sequence[Question]

    @property
    def docs(self) -> Path:
        """The folder of the files."""
        return self.place / "docs"

    def run(self, name: str, step: str, **job: Any) -> dict[str, Any]:
        """One worker to its end: what it printed, with `cpu` and `wall` seconds and `peak` bytes of its process."""
        variant = VARIANTS[name]
        job |= {
            "module": variant.module, "cls": variant.cls, "by": variant.by, "model": str(self.model), "step": step,
            "docs": str(self.docs), "index": str(self.place / name), "started": time.time(),
        }  # fmt: skip
        command = [
            str(python_of(self.environments, variant.environment)),
            "-m",
            "benchmarks.peers.worker",
            json.dumps(job),
        ]
        environment = {**os.environ, **ONE_THREAD, **QUIET, "PYTHONPATH": str(self.place / "path")}
        began = time.perf_counter()
        with (self.place / "worker.log").open("w+") as log:
            worker = subprocess.Popen(command, cwd=self.place, env=environment, stdout=log, stderr=log)
            _, status, used = os.wait4(worker.pid, 0)
            worker.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            said = log.read()
        if worker.returncode:
            sys.exit(f"{name}, {step}: exit code {worker.returncode}\n{said}")
        result: dict[str, Any] = json.loads(said.rstrip().rpartition("\n")[2])
        cost = {"cpu": used.ru_utime + used.ru_stime, "wall": time.perf_counter() - began}
        return {**result, "process": {**cost, "peak": used.ru_maxrss * 1024}}


def prepare(place: Path, environments: Path, corpus: Path, questions: Path, n_files: int, n_questions: int) -> Bench:
    """Write the files, the model as a folder that sentence-transformers reads, and pick questions about the files."""
    titles = write_files(corpus, place / "docs", n_files)
    names = {f"w{n:05}": f"{n:05}.txt" for n in range(len(titles))}
    asked = []
    for line in questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if all(pid in names for pid in row["gold"]):
            asked.append(Question(row["question"], frozenset(names[pid] for pid in row["gold"])))
    if not asked:
        sys.exit(f"{questions}: no question whose passages are all among the first {n_files}; take more --files.")
    (place / "path").mkdir()
    (place / "path" / "benchmarks").symlink_to(CHECKOUT / "benchmarks")  # and nothing else of the checkout
    return Bench(environments, place, write_model(place / "model"), asked[:n_questions])


def write_model(folder: Path) -> Path:
    """The bundled model with float32 weights."""
    import torch
    from sentence_transformers import SentenceTransformer

    from rag.models.files import locate

    model = SentenceTransformer(str(locate("bundled")), device="cpu", model_kwargs={"dtype": torch.float32})
    model.save(str(folder))
    return folder


def play(bench: Bench, names: Sequence[str], number: int, change: float) -> dict[str, dict[str, Any]]:
    """One round: for each variant what `build`, `ask` and `update` cost, the bytes of its index, and its recall."""
    order = [*names[number % len(names) :], *names[: number % len(names)]]
    rows: dict[str, dict[str, Any]] = {name: {} for name in order}
    for name in order:
        shutil.rmtree(bench.place / name, ignore_errors=True)
        (bench.place / name).mkdir()
        rows[name]["build"] = bench.run(name, "build")["process"]
        rows[name]["disk"] = _size(bench.place / name)
    texts = [question.text for question in bench.questions]
    for name in order:
        answer = bench.run(name, "ask", questions=texts, k=K)
        rows[name]["recall"] = recall(bench.questions, answer.pop("found"))
        rows[name]["ask"] = answer
    before = revise(bench.docs, number, change)
    try:
        for name in order:
            rows[name]["update"] = bench.run(name, "update")["process"]
            if number == 0:
                _check(bench, name, number, list(before))
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    return rows


def recall(questions: Sequence[Question], found: Sequence[Sequence[str]]) -> float:
    """The mean share of the files needed that are among the first TOP found."""
    shares = [
        len(question.gold & set(unique(names)[:TOP])) / len(question.gold)
        for question, names in zip(questions, found, strict=True)
    ]
    return sum(shares) / len(shares)


def revise(docs: Path, number: int, share: float) -> Mapping[Path, str]:
    """Add a sentence to some files; what was in them."""
    paths = sorted(docs.glob("*.txt"))
    picked = random.Random(number).sample(paths, max(1, round(share * len(paths))))
    before = {path: path.read_text(encoding="utf-8") for path in picked}
    for path, text in before.items():
        path.write_text(f"{text.rstrip()} {sentence(path, number)}\n", encoding="utf-8")
    return before


def sentence(path: Path, number: int) -> str:
    """What is new in a file, in words that only it has."""
    return (
        f"Its entry in register {path.stem} of the harbour office was revised {number + 1} times by clerk Quillfeather."
    )


def _check(bench: Bench, name: str, number: int, paths: Sequence[Path]) -> None:
    """A variant that does not find a changed file by its title and the new sentence has not been updated."""
    texts = [f"{path.read_text(encoding='utf-8').splitlines()[0]}: {sentence(path, number)}" for path in paths]
    found = bench.run(name, "ask", questions=texts, k=K)["found"]
    missed = [path.name for path, names in zip(paths, found, strict=True) if path.name not in names]
    if missed:
        sys.exit(f"{name}: after the update its search does not find {', '.join(missed)}.")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
