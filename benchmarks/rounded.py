"""What `rag ask` saves by int8 products and fewer readings, and what they change: `python -m benchmarks.rounded`.

The default pipeline as it is, beside itself with hop encoder and answerability network in float32 and five passages
read in a hop, question by question in one warm process. CPU milliseconds: medians. Same: text and quotes to the letter.
On a processor without VNNI both are alike but for the passages read.
"""

from __future__ import annotations

import argparse
import statistics
import time
from unittest.mock import patch

from benchmarks.common import datasets
from benchmarks.findings.plan import SOURCES
from rag.models import processor
from rag.pipeline import Pipeline
from rag.reader.answerability import load_answerability
from rag_evals.indexing import index_dataset

WARM = 3  # questions that are not counted


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", default="musique")
    parser.add_argument("--questions", type=int, default=60)
    datasets(parser)
    given = parser.parse_args()
    dataset = SOURCES[given.set].load(given.data)
    asked = [question.question for question in dataset.questions[: given.questions + WARM]]
    rounded, _ = index_dataset(dataset, "default", given.cache)
    hop = {**rounded.config.stages["hop"], "precision": "float32", "seeds": 5}
    with rounded, Pipeline(rounded.config.with_stage("hop", hop), rounded.index) as exact:
        with patch.object(processor, "has_fast_int8", lambda: False):
            load_answerability.cache_clear()
            exact.ask(asked[0])  # loads its networks, and keeps them
        load_answerability.cache_clear()
        spent: dict[str, list[float]] = {"float32": [], "int8": []}
        same = short = 0
        moved: list[float] = []
        for question in asked:
            answers = []
            for name, pipeline in (("float32", exact), ("int8", rounded)):
                started = time.process_time()
                answers.append(pipeline.ask(question))
                spent[name].append(1000 * (time.process_time() - started))
            one, other = answers
            same += one.text == other.text
            short += one.short == other.short
            moved.append(abs((one.confidence or 0) - (other.confidence or 0)))
    before, now = (statistics.median(spent[name][WARM:]) for name in ("float32", "int8"))
    print(
        f"{given.set}, {len(asked) - WARM} questions: {before:.0f} and {now:.0f} CPU ms an answer, {now / before:.2f}"
    )
    print(
        f"of {len(asked)}: the same text {same}, the same short answer {short}; the confidence moves by "
        f"{statistics.median(moved):.3f} (median), {max(moved):.3f} (most)"
    )


if __name__ == "__main__":
    main()
