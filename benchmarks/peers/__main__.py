"""python -m benchmarks.peers install --environments FOLDER     the newest of each peer, an environment for each
python -m benchmarks.peers measure --environments FOLDER     rounds, in turn; prints the tables, keeps the figures
python -m benchmarks.peers render                            the tables from the figures that were kept

The environments take 6 GB; put them outside the checkout. `measure` wants a quiet machine, and says how busy it was.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import CORPUS
from benchmarks.peers.environments import describe, install
from benchmarks.peers.plan import ENVIRONMENTS, VARIANTS
from benchmarks.peers.rounds import play, prepare
from benchmarks.peers.table import tables


def main() -> None:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["install", "measure", "render"])
    parser.add_argument("--environments", type=Path, help="folder of the environments, outside the checkout")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="jsonl[.gz] of {title, text}")
    parser.add_argument("--questions", type=Path, default=CORPUS.with_name("questions_dev.jsonl"))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--most", type=int, default=100, help="most questions")
    parser.add_argument("--change", type=float, default=0.01, help="share of the files that change")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("peers.json"), help="where the figures are kept")
    given = parser.parse_args()
    if given.what != "render":
        if given.environments is None:
            parser.error(f"{given.what} needs --environments FOLDER")
        needed = [name for name in ENVIRONMENTS if any(VARIANTS[v].environment == name for v in given.variants)]
        folder = given.environments.resolve()
    if given.what == "install":
        folder.mkdir(parents=True, exist_ok=True)
        for name in needed:
            install(folder, name)
        return
    if given.what == "measure":
        results: dict[str, Any] = {
            "environments": {name: describe(folder, name) for name in needed},
            "rounds": [],
            "load": [],
        }
        with tempfile.TemporaryDirectory() as place:
            bench = prepare(Path(place), folder, given.corpus, given.questions, given.files, given.most)
            results |= {"files": given.files, "questions": len(bench.questions)}
            for number in range(given.rounds):
                results["rounds"].append(play(bench, given.variants, number, given.change))
                results["load"].append(os.getloadavg()[2])
                given.results.write_text(json.dumps(results))
    kept = json.loads(given.results.read_text())
    load = ", ".join(f"{value:.0f}" for value in kept["load"])
    print(f"{kept['files']} files, {kept['questions']} questions, {len(kept['rounds'])} rounds, load {load}\n")
    print("\n".join(tables(kept)))


if __name__ == "__main__":
    main()
