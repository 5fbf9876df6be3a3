"""What is measured: datasets by their files, and pipelines as the default with one thing changed.

A variant that changes a shipped pipeline is written as a pipeline file of its own, so that it takes the same way
through the harness as any user's. SQuAD and NQ have no dev split: of their questions those count whose passages
training left out (`rag.train.data.held_out`), a fixed random choice of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from rag.config import preset_folder
from rag.train.data import held_out
from rag.train.data import load as rows
from rag_evals.datasets import Dataset, load

BASELINE = "direct"


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset: files below the data folder, and which of its questions (`most` at random, those held out)."""

    name: str
    title: str
    questions: str
    corpus: str | None = None
    most: int | None = None
    unseen: bool = False
    k: tuple[int, ...] = (2, 5, 10)
    answers: bool = False
    pipelines: tuple[str, ...] = ()

    def load(self, data: Path) -> Dataset:
        """The dataset. Where only retrieval is measured, questions without gold are not asked. Raises InputError."""
        path = data / self.questions
        dataset = load(path, data / self.corpus if self.corpus else None, name=self.name)
        asked = [question for question in dataset.questions if self.answers or question.gold]
        if self.unseen:
            left_out = {row["id"] for row in rows(path) if held_out(row)}
            asked = [question for question in asked if question.id in left_out]
        if self.most is not None and self.most < len(asked):
            chosen = set(random.Random(0).sample([question.id for question in asked], self.most))
            asked = [question for question in asked if question.id in chosen]
        return replace(dataset, questions=tuple(asked))


@dataclass(frozen=True, slots=True)
class Variant:
    """A pipeline: a shipped one, with these keys of its file exchanged (None takes a stage out).

    Costly ones are measured `only` on some sources, or on the first `most` questions.
    """

    name: str
    says: str
    base: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    most: int | None = None

    def reference(self, folder: Path) -> str:
        """The shipped pipeline's name, or the path of a file written into the folder."""
        if not self.changes:
            return self.base
        path = folder / f"{self.name.replace(' ', '-')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(self.config(), sort_keys=False), encoding="utf-8")
        return str(path)

    def config(self) -> dict[str, Any]:
        """The pipeline as a mapping."""
        shipped = yaml.safe_load((preset_folder() / f"{self.base}.yaml").read_text(encoding="utf-8"))
        return {key: value for key, value in {**shipped, **self.changes}.items() if value is not None}


SEARCH = {by: {"use": "search", "by": by} for by in ("dense", "sparse")}

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("direct", "hybrid search, no hops: the baseline, and the default without `hop`", "direct"),
        Variant("fast", "dense search, one link hop", "fast"),
        Variant("links", "hybrid search, link hops: the default without reading", "links"),
        Variant("default", "hybrid search, hops by reading and along links"),
        Variant("no BM25", "the default without `sparse`: dense search only", changes={"retrieve": SEARCH["dense"]}),
        Variant(
            "no dense",
            "BM25 search, link hops (reading on needs dense vectors)",
            "links",
            {"retrieve": SEARCH["sparse"]},
        ),
        Variant("dense", "dense search alone: no `sparse`, no `hop`", "direct", {"retrieve": SEARCH["dense"]}),
        Variant("BM25", "sparse search alone: no `embed`, no `hop`", "direct", {"retrieve": SEARCH["sparse"]}),
        Variant(
            "two hops", "the default, reading on once more", changes={"hop": {"use": "encoder", "hops": 2}}, most=100
        ),
        Variant(
            "maxsim", "the default, its direct hits reranked by MaxSim", changes={"rerank": {"use": "maxsim"}}, most=80
        ),
        Variant(
            "chunks of 64",
            "the default over chunks of at most 64 tokens instead of 200",
            changes={"chunk": {"use": "structure", "size": 64}},
            only=("musique", "squad"),
        ),
        Variant(
            "MaxSim",
            "search by the vectors of all tokens alone",
            "direct",
            {"embed": {"use": "onnx", "tokens": True}, "retrieve": {"use": "search", "by": "tokens"}},
        ),
    )
}
RANKED = tuple(name for name in VARIANTS if name != "MaxSim")
ANSWERED = ("direct", "default")

SOURCES = {
    source.name: source
    for source in (
        Source(
            "2wiki", "2WikiMultihopQA dev", "2wikimultihopqa/questions_dev.jsonl", "2wikimultihopqa/corpus.jsonl.gz"
        ),
        Source("hotpotqa", "HotpotQA dev, all passages", "hotpotqa/questions_dev.jsonl", "hotpotqa/corpus.jsonl.gz"),
        Source("musique", "MuSiQue dev, answerable", "musique/questions_dev.jsonl", "musique/corpus.jsonl.gz"),
        Source(
            "multihop_rag",
            "MultiHop-RAG dev, evidence sentences",
            "multihop_rag/questions_dev.jsonl",
            "multihop_rag/evidence_corpus.jsonl.gz",
        ),
        Source(
            "entailment_bank",
            "EntailmentBank dev",
            "entailment_bank/questions_dev.jsonl",
            "entailment_bank/corpus.jsonl.gz",
        ),
        Source(
            "squad", "SQuAD 1.1, held out", "squad/v11_questions.jsonl.gz", "squad/v11_paragraphs.jsonl.gz", 600, True
        ),
        Source("nq", "Natural Questions, held out", "nq/questions.jsonl.gz", "nq/corpus.jsonl.gz", 600, True),
        Source(
            "limit_small",
            "LIMIT small",
            "limit_small/qrels.jsonl",
            k=(2, 10, 20),
            pipelines=("dense", "BM25", "direct", "MaxSim"),
        ),
        *(
            Source(f"{name}_answers", title, questions, corpus, most, unseen, (5,), True, ANSWERED)
            for name, title, questions, corpus, most, unseen in (
                (
                    "2wiki",
                    "2WikiMultihopQA dev",
                    "2wikimultihopqa/questions_dev.jsonl",
                    "2wikimultihopqa/corpus.jsonl.gz",
                    200,
                    False,
                ),
                ("hotpotqa", "HotpotQA dev", "hotpotqa/questions_dev.jsonl", "hotpotqa/corpus.jsonl.gz", 200, False),
                ("musique", "MuSiQue dev", "musique/questions_dev.jsonl", "musique/corpus.jsonl.gz", None, False),
                (
                    "musique_none",
                    "MuSiQue, unanswerable",
                    "musique/questions_unanswerable.jsonl",
                    "musique/corpus.jsonl.gz",
                    None,
                    False,
                ),
                (
                    "multihop_rag",
                    "MultiHop-RAG dev",
                    "multihop_rag/questions_dev.jsonl",
                    "multihop_rag/evidence_corpus.jsonl.gz",
                    200,
                    False,
                ),
                (
                    "squad",
                    "SQuAD 2.0, held out",
                    "squad/v20_questions.jsonl.gz",
                    "squad/v20_paragraphs.jsonl.gz",
                    300,
                    True,
                ),
            )
        ),
    )
}


def planned(source: Source) -> list[Variant]:
    """The variants measured on a source, the baseline first."""
    named = [VARIANTS[name] for name in source.pipelines or RANKED]
    return [variant for variant in named if not variant.only or source.name in variant.only]
