"""What a run did on each question, as JSON data for reading: the question, its gold, the tree, the answer.

Texts of passages stand once in a table, which the trees point into.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag_evals.curves import fate
from rag_evals.datasets import Passage, Question
from rag_evals.records import AnswerRecord, QuestionRecord
from rag_evals.runner import Run
from rag_evals.tree import excerpt

Texts = dict[tuple[str, str], int]  # (title, text) -> its row in the table


def detail(run: Run, k: int) -> dict[str, Any]:
    """`passages`: rows of title and text; `questions`: one for each of the run, in order."""
    texts: Texts = {}
    questions = [_question(q, r, k, run.gold, texts) for q, r in zip(run.questions, run.records, strict=True)]
    return {"passages": [list(text) for text in texts], "questions": questions}


def _question(
    question: Question, record: QuestionRecord, k: int, known: Mapping[str, Passage], texts: Texts
) -> dict[str, Any]:
    def row(title: str, text: str) -> int:
        return texts.setdefault((title, text), len(texts))

    ranks = {name: rank for rank, name in enumerate(record.ranking, 1)}
    tree = [
        {
            "names": list(node.names),
            "source": node.source,
            "hop": node.hop,
            "parent": node.parent,
            "rank": min((ranks[name] for name in node.names if name in ranks), default=None),
            "passage": row(node.title, node.text),
        }
        for node in record.tree
    ]
    gold = []
    for name in question.gold:
        kind, hop = fate(name, record, k)
        place = row(known[name].title, excerpt(known[name].text)) if name in known else None
        gold.append({"name": name, "fate": kind, "hop": hop, "rank": ranks.get(name), "passage": place})
    return {
        "question": question.question,
        "type": question.type,
        "hops": question.hops,
        "answers": list(question.answers),
        "answerable": question.answerable,
        "gold": gold,
        "tree": tree,
        "said": record.answer and _answer(record.answer),
    }


def _answer(answer: AnswerRecord) -> dict[str, Any]:
    cited = zip(answer.cited, answer.quotes, answer.spans, strict=False)  # those whose passage is known
    return {
        "text": answer.text,
        "level": answer.level,
        "confidence": answer.confidence,
        "citations": [
            {"marker": marker, "source": source, "quote": quote, "exact": quote == span}
            for (marker, source), quote, span in cited
        ],
    }
