"""Tevatron's training files: read, and written for those who train with it or with what else reads them.

A row is a question with its passages, {query_id, query, positive_passages: [{docid, title, text}], negative_passages};
or with their ids, {query_id, query_text, positive_document_ids, negative_document_ids}, over corpus*.jsonl of {docid,
title, text} beside the file. Source: texttron/tevatron, docs/datasets.md and src/tevatron/retriever/dataset.py.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import InputError
from rag.train.common.dataset import CORPORA, load, read_rows

Passage = tuple[str, str, str]  # id, title, text
Asked = tuple[str, tuple[str, ...], tuple[str, ...]]  # a question, the ids of its passages, of those given as wrong


def read(path: Path) -> tuple[list[Passage], list[Asked]]:
    """The passages and the questions of a file. Raises InputError naming the row that is neither kind."""
    passages: dict[str, Passage] = {}
    asked = []
    corpus: dict[str, Passage] | None = None
    for n, row in enumerate(load(path), 1):
        try:
            if "positive_passages" in row:
                lists = [[_passage(one) for one in row[key]] for key in ("positive_passages", "negative_passages")]
                question = row["query"]
            else:
                ids = [row["positive_document_ids"], row["negative_document_ids"]]
                if corpus is None:
                    corpus = {one[0]: one for one in map(_passage, read_rows(path.parent, CORPORA))}
                lists = [[corpus[str(one)] for one in some] for some in ids]
                question = row["query_text"]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path}:{n}: no row of Tevatron's training files ({error} is missing): it has query, positive_passages"
                " and negative_passages, or query_text, positive_document_ids and negative_document_ids."
            ) from error
        passages |= {one[0]: one for some in lists for one in some}
        right, wrong = (tuple(dict.fromkeys(one[0] for one in some)) for some in lists)
        if right:
            asked.append((question, right, tuple(pid for pid in wrong if pid not in right)))
    return list(passages.values()), asked


def _passage(row: Mapping[str, Any]) -> Passage:
    return str(row["docid"]), row.get("title") or "", row["text"]


def write(path: Path, questions: Iterable[tuple[str, Sequence[Passage], Sequence[Passage]]]) -> int:
    """Write a question, its passages and wrong ones to a row each, and say how many. A file that is there is lost."""
    n = 0
    with path.open("w", encoding="utf-8") as file:
        for question, right, wrong in questions:
            row: dict[str, Any] = {"query_id": str(n), "query": question}
            row |= {"positive_passages": _rows(right), "negative_passages": _rows(wrong)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            n += 1
    return n


def _rows(passages: Sequence[Passage]) -> list[dict[str, str]]:
    return [{"docid": pid, "title": title, "text": text} for pid, title, text in passages]
