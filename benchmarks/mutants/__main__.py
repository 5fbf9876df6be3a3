"""Put small faults into the program and count those that a test notices: `scripts/mutants [--sample N] [--seed S]`.

Works on a copy. Each fault runs the tests that are chosen for its module, until one fails or takes too long. Prints
every fault, whether one noticed it, and the share of those. Exit code 1 below --bar.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.faults import Fault, find_faults

ROOT = Path(__file__).parents[2]
ROOMS = {  # folders and modules -> what tests them; a module's own tests are run first
    "rag/answer": ("tests/test_answer*.py", "tests/test_generate_extractive.py", "tests/test_generate_reader.py"),
    "rag/index": ("tests/test_index*.py", "tests/test_integrity.py", "tests/test_maintain*.py"),
    "rag/index/chats.py": ("tests/test_conversation.py",),
    "rag/index/fields.py": ("tests/test_cli_where.py", "tests/test_store_filters.py"),
    "rag/index/visible.py": ("tests/test_access.py", "tests/test_serve_access.py"),
    "rag/hop": ("tests/test_hop*.py", "tests/test_pipeline.py"),
    "rag/store": ("tests/test_store*.py", "tests/test_config.py"),
    "evals/rag_evals/metrics": (
        *(f"tests/evals/test_eval_{name}.py" for name in ("answer", "judge", "ranking", "curves", "tree", "trust")),
    ),
    "rag/serve": ("tests/test_serve*.py",),
    "rag/serve/access.py": ("tests/test_serve_access.py", "tests/test_serve_security.py"),
    "rag/serve/limits.py": ("tests/test_serve_security.py", "tests/test_serve_completions.py"),
    "rag/serve/tokens.py": ("tests/test_serve_security.py", "tests/test_serve_access.py"),
    "rag/pool": ("tests/test_pool.py",),
}
SAME = {  # lines that say how fast, how long or how much at once: another number there gives the same results
    "rag/index/locks.py": ("GRACE", "PAUSE"),
    "rag/index/checksums.py": ("BLOCK", "SEEK_DATA"),
    "rag/index/disk.py": ("SPARE_BYTES = ",),
    "rag/index/publish.py": ("BATCH", "SAMPLE"),
    "rag/index/recover.py": ("FAR",),
    "rag/store/edge.py": ("SPARE", "PAGE", "OVERSAMPLING", "_NO_GRAPH"),
    "rag/store/qdrant.py": ("PAGE", "BATCH", "timeout"),
    "rag/serve/tokens.py": ("stamp != self._stamp", "LONGEST"),
    "rag/serve/limits.py": ("DRAIN", "UNREAD"),
    "rag/pool/live.py": ("LOOK",),
    "rag/pool/pool.py": ("_mean",),
}
SAID = "said.txt"  # what the tests printed
LEFT_OUT = ("*/.git", "*/.venv", "*/__pycache__", "*/.*_cache", "*/site")
SLOWER = 5  # times what the sound program takes, and then a fault counts as noticed
LEAST = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with a fault, and where it is listed in ROOMS."""

    room: str
    module: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.module}:{self.fault}"


def find_mutants(rooms: list[str]) -> list[Mutant]:
    """All of them."""
    found = []
    for room in rooms:
        for path in sorted((ROOT / room).glob("*.py")) or [ROOT / room]:
            module = path.relative_to(ROOT).as_posix()
            if module in ROOMS and module != room:
                continue
            source = path.read_text(encoding="utf-8")
            lines = source.splitlines()
            same = SAME.get(module, ())
            faults = [f for f in find_faults(source) if not any(word in lines[f.line - 1] for word in same)]
            found += [Mutant(room, module, fault) for fault in faults]
    return found


def find_tests(room: str) -> list[str]:
    """Those that are chosen for a room."""
    found = [path for pattern in ROOMS[room] for path in sorted(ROOT.glob(pattern))]
    return list(dict.fromkeys(path.relative_to(ROOT).as_posix() for path in found))


def choose_tests(mutant: Mutant) -> tuple[list[str], list[str]]:
    """The tests of its module, and the others of its room."""
    tests, own = find_tests(mutant.room), f"_{Path(mutant.module).stem.lstrip('_')}"
    return [test for test in tests if own in test], [test for test in tests if own not in test]


def run_tests(copy: Path, tests: list[str], limit: float) -> bool:
    """Whether they pass, in time."""
    folders = [str(copy), str(copy / "connectors"), str(copy / "evals")]
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1"}
    with (
        open(copy / SAID, "wb") as said,
        subprocess.Popen(
            words, cwd=copy, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False


def main() -> None:
    """Sample, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", metavar="FOLDER", help=f"of {' '.join(ROOMS)} (default: all)")
    parser.add_argument("--sample", type=int, default=60, help="how many faults (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    parser.add_argument("--bar", type=float, default=0.85, help="least share noticed (default: 0.85)")
    parser.add_argument("--list", action="store_true", help="print the sample, and run nothing")
    options = parser.parse_args()
    if unknown := [room for room in options.rooms if room not in ROOMS]:
        parser.error(f"no tests are chosen for {' '.join(unknown)}; there are {' '.join(ROOMS)}")
    every = find_mutants(options.rooms or list(ROOMS))
    sample = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    sample.sort(key=lambda mutant: mutant.module)
    if options.list:
        print("\n".join(map(str, sample)))
        return
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        shutil.copytree(ROOT, copy, ignore=_left_out, symlinks=True)
        noticed = _run(copy, sample)
    for room, count in Counter(mutant.room for mutant in sample).items():
        print(f"{room}: {sum(noticed[mutant] for mutant in sample if mutant.room == room)} of {count}")
    share = sum(noticed.values()) / len(sample)
    print(
        f"{sum(noticed.values())} of {len(sample)} noticed ({share:.0%}), of {len(every):,} faults; seed {options.seed}"
    )
    sys.exit(share < options.bar)


def _left_out(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if any(Path(folder, name).match(pattern) for pattern in LEFT_OUT)}


def _run(copy: Path, sample: list[Mutant]) -> dict[Mutant, bool]:
    """Whether a test noticed, for each. Raises SystemExit where the tests of the sound program fail."""
    noticed: dict[Mutant, bool] = {}
    limits = {room: _measure(copy, room) for room in dict.fromkeys(mutant.room for mutant in sample)}
    for mutant in sample:
        noticed[mutant] = any(_fails(copy, mutant, tests, limits[mutant.room]) for tests in choose_tests(mutant))
        print(f"{'noticed' if noticed[mutant] else 'NOT NOTICED'}: {mutant}", flush=True)
    return noticed


def _measure(copy: Path, room: str) -> float:
    """How many seconds tests of a room may take; all of them are run once, without a fault."""
    started = time.monotonic()
    if not run_tests(copy, find_tests(room), 3600):
        said = (copy / SAID).read_text(errors="replace").splitlines()
        sys.exit("\n".join([*said[-20:], f"{room}: its tests fail without any fault"]))
    return max(LEAST, SLOWER * (time.monotonic() - started))


def _fails(copy: Path, mutant: Mutant, tests: list[str], limit: float) -> bool:
    """Whether these tests, if there are any, fail with it, or take too long."""
    if not tests:
        return False
    path = copy / mutant.module
    source = path.read_text(encoding="utf-8")
    path.write_text(mutant.fault.put_into(source), encoding="utf-8")
    try:
        return not run_tests(copy, tests, limit)
    finally:
        path.write_text(source, encoding="utf-8")


if __name__ == "__main__":
    main()
