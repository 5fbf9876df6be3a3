"""Training pairs without labels, from the links of an index: pseudo-questions for which both ends are needed.

Where a sentence of chunk a mentions a key that chunk b is about, sentence and b's opening make a question with the key
taken out of both: "Red Harbour is a film directed by Aster Pictures." and "Aster Pictures was founded in Norvik in
1912." make "Red Harbour is a film directed by which was founded in Norvik?". From the question, a is to be found;
from the question and a, b. Rules for text with spaces between words; no model.

A key links only where at most `WIDE` chunks are about it, and each pair of chunks once. The ranking is not learned from
such questions: they repeat the words of their passages, which people do not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from zlib import crc32

import numpy as np

from rag.errors import InputError, MismatchError
from rag.index import FOLDER, Index
from rag.links import mentions
from rag.sentences import sentence_spans
from rag.stages import Embedder
from rag.train.data import CHECKED, MOST_CHECKED, Labelled, Pair
from rag.types import Chunk, Vectors

WIDE = 3
WORDS = range(4, 41)  # of a sentence that is used
SAID = 0.6  # of the words of b's opening; the rest would hold the answer
SLICE = 1000  # chunks read from the manifest at once


def minable(folder: Path) -> bool:
    """Whether a folder holds an index."""
    return Index.at(folder).exists()


def read_index(folder: Path, embedder: Embedder, *, most: int | None, seed: int) -> tuple[Labelled, Vectors]:
    """At most `most` pairs mined from the index of a folder, with the vectors of its chunks.

    Raises MismatchError where another embedder made it, InputError where nothing in it links to anything.
    """
    with closing(Index.at(folder).read_manifest()) as manifest:
        if manifest.facts().get("fingerprint.embed") != embedder.fingerprint:
            raise MismatchError(
                f"{folder / FOLDER}: this index was built with another embedder than the one to train; name that one "
                "with --model, or ingest again."
            )
        ids = manifest.chunk_ids()
        parts = [manifest.chunks(ids[at : at + SLICE]) for at in range(0, len(ids), SLICE)]
    chunks = [chunk for some, _ in parts for chunk in some]
    found = mined(chunks, most=most, seed=seed)
    if not found.pairs:
        raise InputError(
            f"{folder / FOLDER}: no chunk mentions what another one is about, so there is nothing to mine."
        )
    vectors = [dense for _, rows in parts if (dense := rows.dense) is not None]
    return found, np.concatenate(vectors)


def mined(chunks: Sequence[Chunk], *, most: int | None = None, seed: int = 0) -> Labelled:
    """Passages by chunk id, pairs, and the pairs of one question in `CHECKED` held out."""
    passages = {chunk.id: (chunk.context, chunk.text) for chunk in chunks}
    asked = [(question, a, b) for a, b, question in _questions(chunks)]
    Random(seed).shuffle(asked)
    pairs: list[Pair] = []
    checks: list[Pair] = []
    for question, a, b in asked:
        both = [Pair(question, "", a.id, (b.id,)), Pair(question, a.id, b.id, ())]
        held = crc32(question.encode()) % CHECKED == 0
        if held and len(checks) < 2 * MOST_CHECKED:
            checks += both
        elif not held:
            pairs += both
    return Labelled(passages, tuple(pairs[:most]), checks=tuple(checks))


def _questions(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, Chunk, str]]:
    about: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        for key in chunk.about:
            about[key].append(chunk)
    for a in chunks:
        seen = {a.id}
        own = set(a.about)
        for sentence in _sentences(a.text):
            for key in sorted(mentions(sentence), key=len, reverse=True):
                ends = about.get(key, ())
                if key in own or not 0 < len(ends) <= WIDE:
                    continue
                b = next((end for end in ends if end.id not in seen and own.isdisjoint(end.about)), None)
                if b is not None and (question := _question(a, sentence, key, b)):
                    seen.add(b.id)
                    yield a, b, question


def _question(a: Chunk, sentence: str, key: str, b: Chunk) -> str | None:
    """Both sentences with the key taken out, a's title in front where its sentence does not name it."""
    left, said = _without(key, sentence, "which"), _sentences(b.text)
    if left is None or not said:
        return None
    right = next((text for one in said if (text := _without(key, one, "")) is not None), said[0]).split()
    right = right[: max(3, round(SAID * len(right)))]
    named = not set(mentions(sentence)).isdisjoint(a.about)
    title = "" if named or not a.title else f"{a.title}: "
    return f"{title}{left.rstrip(' .')} {' '.join(right).rstrip(' ,;:.')}?"


def _without(key: str, sentence: str, by: str) -> str | None:
    """The sentence with the first words that read like the key exchanged; None where none do."""
    pattern = r"(?:\b[Tt]he |\b[Aa]n? )?\b" + r"\W+".join(map(re.escape, key.split())) + r"\b(?:['’]s)?"
    found = re.search(pattern, sentence, re.IGNORECASE)
    return f"{sentence[: found.start()]}{by}{sentence[found.end() :]}" if found else None


def _sentences(text: str) -> list[str]:
    spans = sentence_spans(text)
    return [sentence for a, b in spans if len((sentence := " ".join(text[a:b].split())).split()) in WORDS]
