"""The server under load: many clients, some of whom go away in mid-stream, while ingests publish.

python -m benchmarks.serve                       64 clients, 10 minutes, 30 % go away; exit code 1 below a bar
python -m benchmarks.serve --seconds 60 --clients 16
python -m benchmarks.serve --throughput FOLDER   memory when idle, searches a second of 1 client and of 16

All traffic stays on 127.0.0.1. Every document says of which revision it is, and each ingest changes all of them: an
answer with two revisions is one of mixed generations.
"""

import argparse
import asyncio
import json
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.common import LINKED_PIPELINE
from rag.pipeline import Pipeline

THINGS = ("pump", "winch", "mast", "hoist", "valve", "crane", "rudder", "boiler", "anchor", "hatch", "davit", "capstan")
GROWTH = 1.05  # of memory, the last third over the one before
MORE_FILES = 8  # open files, the same
QUEUE = 40  # questions that wait; the clients are more, so that some are told to come again
SPEEDUP, SLOWEST = 1.6, 20  # 16 clients over one; the slowest twentieth over one client's median
IDLE = 450  # MB
_REVISION = re.compile(r"revision (\d+)")


@dataclass
class Load:
    """What happened: `memory` (MB) and `files` were looked at once a second."""

    answered: int = 0
    gone: int = 0
    refused: int = 0
    published: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def failures(self) -> list[str]:
        """The bars that were missed."""
        missed = [f"{n} x {what}" for what, n in Counter(self.wrong).most_common(10)]
        if not self.refused:
            missed.append("the queue was never full")
        before, last = _thirds(self.memory)
        if last > GROWTH * before:
            missed.append(f"memory grew from {before:.0f} to {last:.0f} MB")
        before, last = _thirds(self.files)
        if last > before + MORE_FILES:
            missed.append(f"open files grew from {before:.0f} to {last:.0f}")
        return missed


def _thirds(samples: Sequence[float]) -> tuple[float, float]:
    """The medians of the second and of the last third."""
    third = max(1, len(samples) // 3)
    return statistics.median(samples[-2 * third : -third] or samples), statistics.median(samples[-third:])


def write(folder: Path, revision: int) -> None:
    """Every document, of a revision."""
    (folder / "docs").mkdir(exist_ok=True)
    for thing in THINGS:
        text = f"# The {thing}\n\nThe {thing} is serviced every {revision} weeks by revision {revision} of its plan.\n"
        (folder / "docs" / f"{thing}.md").write_text(text)


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, int]]:
    """URL and process id of `rag serve`, ended when the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "rag", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{url}/ready", timeout=60).raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield url, int(children[0]) if children else process.pid
        finally:
            process.terminate()


def run(*, clients: int, seconds: float, leaving: float, pause: float) -> Load:
    """`clients` at once, of whose questions the share `leaving` is left in mid-stream; an ingest every `pause` s."""
    load, ended = Load(), threading.Event()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "load.yaml").write_text(LINKED_PIPELINE)
        write(folder, 1)
        queue = min(QUEUE, clients // 2)
        (folder / "raghop.toml").write_text(f"queue = {queue}\n[indexes]\nload = '.'\n")
        with Pipeline.load(str(folder / "load.yaml"), index=folder) as pipeline:
            pipeline.ingest([folder / "docs"])
        with serving(str(folder / "raghop.toml")) as (url, process):
            writer = threading.Thread(target=_publish, args=(folder, pause, ended, load))
            writer.start()
            try:
                asyncio.run(_drive(url, process, load, clients=clients, seconds=seconds, leaving=leaving))
            finally:
                ended.set()
                writer.join()
    return load


def _publish(folder: Path, pause: float, ended: threading.Event, load: Load) -> None:
    """Ingest after ingest, each a process: in this one, the clients could not read meanwhile."""
    revision, command = 1, [sys.executable, "-m", "rag", "ingest", "docs", "--index", ".", "--json"]
    while not ended.wait(pause):
        revision += 1
        write(folder, revision)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            load.wrong.append(f"ingest: {done.stderr[-100:]}")
        else:
            load.published += bool(json.loads(done.stdout)["published"])


async def _drive(url: str, process: int, load: Load, *, clients: int, seconds: float, leaving: float) -> None:
    end = time.monotonic() + seconds
    tasks = [_ask(url, load, end, leaving, random.Random(n)) for n in range(clients)]
    await asyncio.gather(_sample(process, load, end), *tasks)


async def _sample(process: int, load: Load, end: float) -> None:
    home = Path(f"/proc/{process}")
    while time.monotonic() < end:
        load.memory.append(resident(process))
        load.files.append(len(list((home / "fd").iterdir())))
        await asyncio.sleep(1)


async def _ask(url: str, load: Load, end: float, leaving: float, chance: random.Random) -> None:
    """One client, question after question, on a connection of its own.

    A pool of many connections closes one as too old that it has given to another task, and that reads as an error.
    """
    async with httpx.AsyncClient(base_url=url, timeout=120, verify=False) as http:
        while time.monotonic() < end:
            await _ask_once(http, load, leaving, chance)


async def _ask_once(http: httpx.AsyncClient, load: Load, leaving: float, chance: random.Random) -> None:
    thing, leaves = chance.choice(THINGS), chance.random() < leaving
    question = {"question": f"How often is the {thing} serviced?"}
    began = time.monotonic()
    try:
        events = {"Accept": "text/event-stream"}
        async with http.stream("POST", "/v1/ask", json=question, headers=events) as reply:
            if reply.status_code == 503 and reply.headers.get("retry-after", "").isdecimal():
                load.refused += 1
                await reply.aread()
                await asyncio.sleep(chance.random() * min(2, int(reply.headers["retry-after"])))
                return
            if reply.status_code != 200:
                load.wrong.append(f"status {reply.status_code}")
                return
            last = ""
            async for line in reply.aiter_lines():
                last = line.removeprefix("data: ") if line.startswith("data: ") else last
                if leaves and last:
                    break
            if leaves:
                load.gone += 1
                return
            load.seconds.append(time.monotonic() - began)
            _check(json.loads(last), thing, load)
    except (httpx.HTTPError, ValueError) as error:
        load.wrong.append(f"{type(error).__name__}: {error} {error.__cause__!r}"[:200])


def _check(answer: dict[str, object], thing: str, load: Load) -> None:
    revisions = set(_REVISION.findall(json.dumps([answer.get("hits"), answer.get("answer")])))
    if "error" in answer:
        load.wrong.append(str(answer["error"])[:100])
    elif len(revisions) > 1:
        load.wrong.append("mixed generations")
    elif not revisions or thing not in str(answer["answer"]):
        load.wrong.append("no answer")
    else:
        load.answered += 1


def throughput(folder: Path, questions: int) -> list[str]:
    """Prints searches a second of one client and of 16, and memory before and after; the bars that were missed."""
    words = [f"Which of the {thing} plans is about place {n}?" for n in range(questions) for thing in THINGS]
    with serving("--index", f"load={folder}") as (url, process):
        time.sleep(5)  # it gives back what loading took
        idle = resident(process)
        asyncio.run(_searches(url, 1, words[:30]))
        print(f"the index's own pipeline: {idle:.0f} MB resident when idle, {resident(process):.0f} after 30 searches")
    with serving("--index", f"load={folder}", "--pipeline", "fast") as (url, process):
        rates: dict[int, tuple[float, list[float]]] = {}
        for clients in (1, 16):
            asked = words[:questions] if clients == 1 else words[questions : 4 * questions]
            rates[clients] = asyncio.run(_searches(url, clients, asked))
            rate, times = rates[clients]
            middle, slow = statistics.median(times), sorted(times)[int(0.95 * len(times))]
            print(f"{clients:>3} clients: {rate:.1f} a second, median {middle * 1e3:.0f} ms, p95 {slow * 1e3:.0f} ms")
    (one, single), (many, loaded) = rates[1], rates[16]
    missed = [f"{idle:.0f} MB resident when idle"] if idle > IDLE else []
    if many < SPEEDUP * one:
        missed.append(f"{many / one:.2f} x the rate of one client")
    if (slow := sorted(loaded)[int(0.95 * len(loaded))]) > SLOWEST * statistics.median(single):
        missed.append(f"p95 {slow / statistics.median(single):.1f} x the median of one client")
    return missed


def resident(process: int) -> float:
    """MB of memory that a process has."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


async def _searches(url: str, clients: int, questions: list[str]) -> tuple[float, list[float]]:
    """Searches a second, and how long each took."""
    waiting, times, began = iter(questions), list[float](), time.monotonic()

    async def search(http: httpx.AsyncClient) -> None:
        for question in waiting:
            start = time.monotonic()
            (await http.post("/v1/search", json={"query": question})).raise_for_status()
            times.append(time.monotonic() - start)

    async with httpx.AsyncClient(base_url=url, timeout=120) as http:
        await asyncio.gather(*(search(http) for _ in range(clients)))
    return len(questions) / (time.monotonic() - began), times


def main() -> int:
    """Run it; 1 where a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--leaving", type=float, default=0.3, help="share of questions left in mid-stream")
    parser.add_argument("--pause", type=float, default=5, help="seconds between two ingests")
    parser.add_argument("--throughput", type=Path, metavar="FOLDER", help="measure this index instead")
    parser.add_argument("--questions", type=int, default=100, help="of one client, with --throughput")
    given = parser.parse_args()
    if given.throughput:
        missed = throughput(given.throughput, given.questions)
    else:
        load = run(clients=given.clients, seconds=given.seconds, leaving=given.leaving, pause=given.pause)
        print(
            f"{load.answered} answered, {load.gone} left, {load.refused} told to come again, {load.published} published"
        )
        print(f"median {statistics.median(load.seconds) * 1e3:.0f} ms; medians of the last two thirds:")
        print(f"memory {[round(n) for n in _thirds(load.memory)]} MB, open files {_thirds(load.files)}")
        missed = load.failures()
    print("\n".join(missed) or "every bar is met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
