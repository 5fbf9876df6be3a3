"""Which datasets are measured, by their files below the data folder, and which of their questions.

SQuAD and NQ have no dev split: of their questions those count whose passages training left out, a fixed random choice
of them. For retrieval that is the training of the hop encoder (`rag.train.common.dataset.is_held_out`), for answers the
reader's (`rag.train.reader.questions`), of which half fitted its confidence and are left out as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.findings.variants import ANSWERED, LIMIT, RANKED, VARIANTS, Variant
from rag.train.common.dataset import is_held_out
from rag.train.common.dataset import load as rows
from rag.train.reader import questions
from rag_evals.datasets import Dataset, load

UNSEEN: Mapping[str, Callable[[Path], set[str]]] = {
    "hop": lambda path: {row["id"] for row in rows(path) if is_held_out(row)},
    "reader": lambda path: {row["id"] for row in questions.read(path.parent).held_out if questions.is_measured(row)},
}


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset, the `most` of its questions to ask (all, unless given; `unseen`: held out by whom), and by what."""

    name: str
    title: str
    folder: str
    questions: str = "questions_dev.jsonl"
    corpus: str | None = "corpus.jsonl.gz"
    most: int | None = None
    unseen: Literal["", "hop", "reader"] = ""
    k: tuple[int, ...] = (2, 5, 10)
    answers: bool = False
    pipelines: tuple[str, ...] = RANKED

    @property
    def planned(self) -> list[Variant]:
        """The pipelines it is measured with, in order."""
        named = [VARIANTS[name] for name in self.pipelines]
        return [variant for variant in named if not variant.only or self.name in variant.only]

    def load(self, data: Path) -> Dataset:
        """The dataset. Where only retrieval is measured, questions without gold are not asked. Raises InputError."""
        path = data / self.folder / self.questions
        dataset = load(path, self.corpus and path.parent / self.corpus, name=self.name)
        asked = [question for question in dataset.questions if self.answers or question.gold]
        if self.unseen:
            left_out = UNSEEN[self.unseen](path)
            asked = [question for question in asked if question.id in left_out]
        if self.most is not None and self.most < len(asked):
            chosen = set(random.Random(0).sample([question.id for question in asked], self.most))
            asked = [question for question in asked if question.id in chosen]
        return replace(dataset, questions=tuple(asked))


_RETRIEVAL = (
    Source("2wiki", "2WikiMultihopQA dev", "2wikimultihopqa"),
    Source("hotpotqa", "HotpotQA dev, all passages", "hotpotqa"),
    Source("musique", "MuSiQue dev, answerable", "musique"),
    Source("multihop_rag", "MultiHop-RAG dev, evidence sentences", "multihop_rag", corpus="evidence_corpus.jsonl.gz"),
    Source("entailment_bank", "EntailmentBank dev", "entailment_bank"),
    Source("squad", "SQuAD 1.1, held out", "squad", "v11_questions.jsonl.gz", "v11_paragraphs.jsonl.gz", 600, "hop"),
    Source("nq", "Natural Questions, held out", "nq", "questions.jsonl.gz", most=600, unseen="hop"),
    Source("limit_small", "LIMIT small", "limit_small", "qrels.jsonl", None, k=(2, 10, 20), pipelines=LIMIT),
)
_SETS = {source.name: source for source in _RETRIEVAL}


def _answers(source: Source, title: str, most: int | None = None) -> Source:
    return replace(
        source, name=f"{source.name}_answers", title=title, most=most, k=(5,), answers=True, pipelines=ANSWERED
    )


_UNANSWERABLE = Source("musique_none", "", "musique", "questions_unanswerable.jsonl")
_SQUAD2 = Source("squad2", "", "squad", "v20_questions.jsonl.gz", "v20_paragraphs.jsonl.gz", unseen="reader")
_ANSWERS = (
    _answers(_SETS["2wiki"], "2WikiMultihopQA dev", 200),
    _answers(_SETS["hotpotqa"], "HotpotQA dev", 200),
    _answers(_SETS["musique"], "MuSiQue dev"),
    _answers(_UNANSWERABLE, "MuSiQue, unanswerable"),
    _answers(_SETS["multihop_rag"], "MultiHop-RAG dev, with unanswerable ones", 200),
    _answers(replace(_SETS["squad"], unseen="reader"), "SQuAD 1.1, articles the reader has not seen", 300),
    _answers(replace(_SETS["nq"], unseen="reader"), "Natural Questions, not seen by the reader", 300),
    _answers(_SQUAD2, "SQuAD 2.0, articles the reader has not seen, half unanswerable", 300),
)
SOURCES = {source.name: source for source in (*_RETRIEVAL, *_ANSWERS)}
