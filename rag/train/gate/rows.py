"""From labelled questions to the rows that a gate is trained on, with what a hop encoder reads where one is given.

Rows with a target are the steps of `rag.train.common.dataset`: a question, a gold passage, the gold passage that
follows. With an encoder to learn from, the passages closest to a question are rows as well, for the gate will stand
there, too: `NEAR` of a question that takes steps, one of others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rag.stages import Embedder
from rag.train.common.dataset import Labelled, Pair
from rag.train.gate.train import Rows
from rag.types import Vectors

NEAR = 2
HELD = 100  # pairs of a folder that are checked on
Read = Callable[[list[str]], Vectors]  # texts -> what the encoder reads, (n, d)


def rows(sources: Sequence[Labelled], vectors: Sequence[Vectors], embedder: Embedder, read: Read | None) -> Rows:
    """Those of every source's pairs, in one numbering: `vectors[i]` (n, d) are of `sources[i].passages`."""
    return _rows(sources, [source.pairs for source in sources], vectors, embedder, read)


def held_rows(sources: Sequence[Labelled], vectors: Sequence[Vectors], embedder: Embedder, read: Read | None) -> Rows:
    """Those of held-out questions."""
    return _rows(sources, [source.checks[:HELD] for source in sources], vectors, embedder, read)


def _rows(
    sources: Sequence[Labelled],
    chosen: Sequence[Sequence[Pair]],
    vectors: Sequence[Vectors],
    embedder: Embedder,
    read: Read | None,
) -> Rows:
    taught: list[Vectors] = []
    questions: list[Vectors] = []
    ids: list[tuple[int, int]] = []  # the passage read and the target, or -1
    others: list[list[int]] = []
    first = 0
    for source, pairs, known in zip(sources, chosen, vectors, strict=True):
        pids = list(source.passages)
        row = {pid: i for i, pid in enumerate(pids)}
        asked = list(dict.fromkeys(pair.question for pair in pairs))
        encoded = np.asarray(embedder.embed_queries(asked).dense) if asked else known[:0]
        of = dict(zip(asked, encoded, strict=True))
        steps = [pair for pair in pairs if pair.read]
        if read is not None:
            seen = {(pair.question, pair.read) for pair in steps}
            stepping = {pair.question for pair in steps}
            close = [
                (question, pids[i])
                for question in asked
                for i in np.argsort(-(known @ of[question]))[: NEAR if question in stepping else 1]
            ]
            steps += [Pair(question, pid, "", ()) for question, pid in close if (question, pid) not in seen]
        if read is not None and steps:
            taught.append(read([source.text(pair) for pair in steps]))
        for pair in steps:
            questions.append(of[pair.question])
            ids.append((first + row[pair.read], first + row[pair.target] if pair.target else -1))
            others.append([first + row[pid] for pid in pair.others])
        first += len(pids)
    numbers = np.array(ids, np.int64).reshape(-1, 2)
    passages = np.concatenate(vectors)
    stacked = np.stack(questions) if questions else passages[:0]
    return Rows(passages, stacked, numbers[:, 0], numbers[:, 1], others, np.concatenate(taught) if taught else None)
