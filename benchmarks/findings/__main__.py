"""`python -m benchmarks.findings`: measure what is not in the cache, keep the summaries, write the page's tables.

python -m benchmarks.findings                          everything; a killed run goes on where it stopped
python -m benchmarks.findings --only musique           one dataset (repeatable)
python -m benchmarks.findings --pipeline default       one pipeline (repeatable); the other rows stay as they are
python -m benchmarks.findings --render                 only write the tables from the committed summaries
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.common import datasets
from benchmarks.findings import measure, power, tables
from benchmarks.findings.plan import SOURCES
from benchmarks.findings.variants import VARIANTS

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets(parser)
    parser.add_argument("--only", action="append", choices=SOURCES, default=[], metavar="DATASET")
    parser.add_argument("--pipeline", action="append", choices=VARIANTS, default=[], metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "research" / "evaluation.md")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    given = parser.parse_args()
    if not (given.render or given.only or given.pipeline):
        power.write(measure.RESULTS / "power.json")
    for name in () if given.render else given.only or SOURCES:
        measure.run(
            SOURCES[name], given.data, given.cache, only=given.pipeline, say=lambda what: print(what, flush=True)
        )
    given.out.write_text(tables.fill(given.out.read_text(encoding="utf-8"), tables.summaries()), encoding="utf-8")
    print(f"wrote {given.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
