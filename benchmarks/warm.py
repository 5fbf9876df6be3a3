"""What `rag ask` costs where a server answers: `python -m benchmarks.warm`; exit code 1 above the bar.

CPU seconds and seconds of the whole command, by a server on the same index and alone (`--no-server`), in turns;
medians. The documents and questions of `examples/`, the default pipeline. Both must print the same. The server's own
CPU seconds for an answer are told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import run

BAR = 0.15  # times the CPU seconds of the command alone
EXAMPLES = Path(__file__).parent.parent / "examples"
READY = "import sys; from rag.serve.client import ask; sys.exit(ask(sys.argv[1:]) is None)"


def main() -> int:
    """Print a table; 1 where the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=8, help="how many are asked")
    given = parser.parse_args()
    rows = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(row)["question"] for row in rows[:: max(1, len(rows) // given.questions)]][
        : given.questions
    ]
    rag = str(Path(sys.executable).parent / "rag")
    taken: dict[str, list[tuple[float, float]]] = {"by the server": [], "alone": []}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        run([rag, "ingest", str(EXAMPLES / "documents"), "--index", "."], cwd=place)
        with subprocess.Popen([rag, "serve", "--index", ".", "--port", str(_free_port())], cwd=place) as server:
            try:
                for _ in range(60):
                    if not subprocess.run(
                        [sys.executable, "-c", READY, "Ready?"], cwd=place, stdout=subprocess.DEVNULL
                    ).returncode:
                        break
                    time.sleep(1)
                else:
                    raise SystemExit("the server does not answer")
                before = _cpu_below(server.pid)
                for question in questions:
                    warm, shown = run([rag, "ask", question], cwd=place, codes=(0, 7))
                    taken["by the server"].append((warm.cpu, warm.wall))
                    served = _cpu_below(server.pid)
                    cold, alone = run([rag, "ask", question, "--no-server"], cwd=place, codes=(0, 7))
                    taken["alone"].append((cold.cpu, cold.wall))
                    if shown != alone:
                        raise SystemExit(f"{question}: the server prints something else")
            finally:
                server.terminate()
    print(f"| {len(questions)} questions | CPU seconds | seconds |\n|---|---|---|")
    for kind, times in taken.items():
        print(f"| {kind} | {' | '.join(f'{statistics.median(column):.3f}' for column in zip(*times, strict=True))} |")
    print(f"\nThe server's own CPU seconds for an answer: {(served - before) / len(questions):.2f}")
    share = statistics.median(cpu for cpu, _ in taken["by the server"]) / statistics.median(
        c for c, _ in taken["alone"]
    )
    print(f"Share of the command's CPU seconds: {share:.3f} (bar: {BAR})")
    return int(share > BAR)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _cpu_below(pid: int) -> float:
    """CPU seconds of a process and those it started."""
    total, hertz = 0.0, os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(stat.parent.name), int(fields[1])):
            total += (int(fields[11]) + int(fields[12])) / hertz
    return total


if __name__ == "__main__":
    sys.exit(main())
