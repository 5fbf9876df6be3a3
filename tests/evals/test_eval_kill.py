"""A run that is killed: the process dies by SIGKILL in the middle, and the next one ends with the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

N = 80


def numbers(path: Path) -> dict[str, Any]:
    """What a run found, without its times."""
    (run,) = json.loads(path.read_text())["runs"]
    return {name: run[name] for name in ("n", "metrics", "questions", "slices")}


@pytest.mark.slow
def test_a_killed_process_resumes_with_the_same_numbers(notes: Path) -> None:
    rows = [
        {"id": f"q{i}", "question": f"Who makes the Lumen K2, asked {i} times?", "answer": "Halvorsen Optik",
         "sources": ["lumen.md", "router.md"]}
        for i in range(N)
    ]  # fmt: skip
    Path("q.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    command = [
        *(sys.executable, "-c", "from rag.cli import main; main()", "eval", "run", "--questions", "q.jsonl"),
        *("--corpus", "docs", "--pipeline", "tiny.yaml", "--answers"),
    ]
    killed = [*command, "--cache", "cache", "--json", "killed.json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def written() -> int:
        return sum(path.read_bytes().count(b"\n") for path in Path("cache").glob("*/records/*.jsonl"))

    process = subprocess.Popen(killed, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while written() < 3 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = written()
    assert 3 <= before < N and not Path("killed.json").exists()
    records = [path.read_bytes() for path in Path("cache").glob("*/records/*.jsonl")]

    subprocess.run(killed, env=environment, check=True, capture_output=True)
    (resumed,) = Path("cache").glob("*/records/*.jsonl")
    assert resumed.read_bytes().startswith(records[0].rpartition(b"\n")[0])  # what was asked is not asked again
    fresh = [*command, "--cache", "other", "--json", "fresh.json"]
    subprocess.run(fresh, env=environment, check=True, capture_output=True)
    assert numbers(Path("killed.json")) == numbers(Path("fresh.json"))
