"""The process that is measured: `python -m benchmarks.peers.worker JOB`, a JSON object, in the peer's environment.

Nothing but what the peer imports is imported here, so that a start is its start. The runner measures the whole process;
only what happens inside is printed, as the last line.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.peers.protocol import Peer


def cpu() -> float:
    """CPU seconds of this process since it began, its ended children included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def resident() -> int:
    """Bytes of memory that this process holds (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no line VmRSS")


def ask(peer: Peer, index: Path, questions: list[str], k: int, started: float) -> dict[str, object]:
    """Open, answer the first question, then all: what each cost, and what was found."""
    peer.open(index)
    peer.search(questions[0], k)
    cold = cpu(), time.time() - started
    for question in questions[:5]:
        peer.search(question, k)
    found, wall, used = [], [], []
    for question in questions:
        before, clock = time.process_time(), time.perf_counter()
        found.append(list(peer.search(question, k)))
        used.append(time.process_time() - before)
        wall.append(time.perf_counter() - clock)
    return {"cold": cold, "wall": wall, "cpu": used, "resident": resident(), "found": found}


def main() -> None:
    job = json.loads(sys.argv[1])
    module = importlib.import_module(f"benchmarks.peers.{job['module']}")
    peer: Peer = getattr(module, job["cls"])(job["model"], job["by"])
    index, result = Path(job["index"]), {}
    if job["step"] == "ask":
        result = ask(peer, index, job["questions"], job["k"], job["started"])
    else:
        getattr(peer, job["step"])(Path(job["docs"]), index)
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
