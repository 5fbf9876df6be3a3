"""The questions of examples/ through a pipeline, offline: `python -m benchmarks.examples [--pipeline NAME]`.

Prints, per type of question, how often any, the last, and all of its gold sources are among the citations or the
sources of the first five hits, how often the answer's text is said or quoted, and by the short answer or the last quote
(`ends`), how often there was a short answer and how often nothing, and whether every quote stands byte for byte at its
span.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from rag import Answer, Pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"
COLUMNS = ("any", "last", "all", "answer", "ends", "level answer", "nothing", "exact")


def judge(row: dict[str, Any], answer: Answer, texts: dict[str, list[str]]) -> dict[str, bool]:
    """What holds for one question's answer; `texts` are the documents of each source."""
    found = {c.source for c in answer.citations} | {hit.chunk.source for hit in answer.hits[:5]}
    gold = [source in found for source in row["sources"]]
    said = answer.text.casefold()
    ends = " ".join([answer.short, *(citation.quote for citation in answer.citations[-1:])]).casefold()
    known = [str(a).casefold() for a in [row["answer"], *row["aliases"]] if a]
    return {
        "any": any(gold),
        "last": bool(gold) and gold[-1],
        "all": all(gold) and bool(gold),
        "answer": any(a in said for a in known),
        "ends": any(a in " ".join(ends.split()) for a in known),
        "level answer": answer.level == "answer",
        "nothing": answer.abstained,
        "exact": all(any(t[c.start : c.end] == c.quote for t in texts[c.source]) for c in answer.citations),
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", default="default")
    parser.add_argument("--misses", action="store_true", help="name the questions that miss a source")
    options = parser.parse_args()
    rows = [json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text().splitlines()]
    counts: dict[str, list[dict[str, bool]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(EXAMPLES / "documents", Path(name) / "documents")
        with Pipeline.load(options.pipeline, index=name) as pipeline:
            pipeline.ingest([Path(name) / "documents"])
            with closing(pipeline.index.read_manifest()) as manifest:
                texts = {s: [d.text for d in manifest.documents(s)] for s in manifest.sources()}
            for row in rows:
                verdict = judge(row, pipeline.ask(row["question"]), texts)
                counts[row["type"]].append(verdict)
                if options.misses and not verdict["all"] and row["sources"]:
                    print(f"{row['id']}: {row['question']}\n    {verdict}")
    print(f"| type | questions | {' | '.join(COLUMNS)} |\n|---|---|{'---|' * len(COLUMNS)}")
    for kind, verdicts in counts.items():
        cells = [str(sum(v[column] for v in verdicts)) for column in COLUMNS]
        print(f"| {kind} | {len(verdicts)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
