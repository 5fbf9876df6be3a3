"""From labelled questions to the rows that a gate is trained on, with what a hop encoder reads where one is given.

Rows with a target are the steps of `rag.train.common.dataset`: a question, a gold passage, the gold passage that
follows. With an encoder to learn from, the passages closest to a question are rows as well, for the gate will stand
there, too: `NEAR` of a question that takes steps, one of others.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rag.stages import Embedder
from rag.train.common.dataset import HopDataset, Pair
from rag.train.gate.train import GateRows
from rag.types import Vectors

NEAR = 2
MAX_HELD_OUT = 100  # pairs of a folder that are checked on
Read = Callable[[list[str]], Vectors]  # texts -> what the encoder reads, (n, d)


def make_rows(
    sources: Sequence[HopDataset],
    vectors: Sequence[Vectors],
    embedder: Embedder,
    read: Read | None,
    *,
    held_out: bool = False,
) -> GateRows:
    """Those of every source's pairs, in one numbering: `vectors[i]` (n, d) are of `sources[i].passages`."""
    teacher: list[Vectors] = []
    questions: list[Vectors] = []
    ids: list[tuple[int, int]] = []  # the passage read and the target, or -1
    others: list[list[int]] = []
    first = 0
    for source, known in zip(sources, vectors, strict=True):
        pairs = source.held_out_pairs[:MAX_HELD_OUT] if held_out else source.pairs
        pids = list(source.passages)
        row = {pid: first + i for i, pid in enumerate(pids)}
        texts = list(dict.fromkeys(pair.question for pair in pairs))
        encoded = np.asarray(embedder.embed_queries(texts).dense)
        vector_of = dict(zip(texts, encoded, strict=True))
        steps = [pair for pair in pairs if pair.read]
        if read is not None:
            labelled = {(pair.question, pair.read) for pair in steps}
            multi_hop = {pair.question for pair in steps}
            near = [
                (question, pids[i])
                for question in texts
                for i in np.argsort(-(known @ vector_of[question]))[: NEAR if question in multi_hop else 1]
            ]
            steps += [Pair(question, pid, "", ()) for question, pid in near if (question, pid) not in labelled]
        if read is not None and steps:
            teacher.append(read([source.text(pair) for pair in steps]))
        for pair in steps:
            questions.append(vector_of[pair.question])
            ids.append((row[pair.read], row[pair.target] if pair.target else -1))
            others.append([row[pid] for pid in pair.others])
        first += len(pids)
    numbers = np.array(ids, np.int64).reshape(-1, 2)
    passages = np.concatenate(vectors)
    stacked = np.stack(questions) if questions else passages[:0]
    read_by_teacher = np.concatenate(teacher) if teacher else None
    return GateRows(passages, stacked, numbers[:, 0], numbers[:, 1], others, read_by_teacher)
