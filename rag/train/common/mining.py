"""Training pairs without labels, from the links of an index: pseudo-questions for which both ends are needed.

Where a sentence of chunk a mentions a key that chunk b is about, and one of b opens with it, both make a question with
the key taken out: "Red Harbour is a film directed by Aster Pictures." and "Aster Pictures was founded in Norvik in
1912." make "Red Harbour is a film directed by which was founded in Norvik?". From the question, a is to be found;
from the question and a, b. Rules for text with spaces between words; no model.

A key links only where at most `MAX_ABOUT` chunks are about it, and each pair of chunks once. The ranking is not learned
from such questions: they repeat the words of their passages, which people do not.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from zlib import crc32

import numpy as np

from rag.errors import InputError, MismatchError
from rag.index.folder import Index
from rag.index.nearest import FOLDER
from rag.stages import Embedder
from rag.text.mentions import mentions
from rag.text.sentences import sentence_spans
from rag.train.common.dataset import HELD_OUT, MAX_HELD_OUT, HopDataset, Pair
from rag.types import Chunk

MAX_ABOUT = 3  # chunks about a key that links
WORDS = range(4, 31)  # of a sentence that is used
MAX_BEFORE_KEY = 20  # characters that may stand before the key in a sentence of b
KEPT, MAX_KEPT = 0.6, 12  # of the words of b's sentence; the rest would hold the answer
_NAMED_BEFORE = re.compile(r"[\w,.] [A-Z][\w.'-]* $")  # a capital that does not open the sentence
_NAMED_AFTER = re.compile(r" [A-Z]")
SLICE = 1000  # chunks read from the manifest at once


def read_index(folder: Path, embedder: Embedder, *, most: int | None, seed: int) -> HopDataset:
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
    dataset = mine(chunks, most=most, seed=seed)
    if not dataset.pairs:
        raise InputError(
            f"{folder / FOLDER}: no chunk mentions what another one is about, so there is nothing to mine."
        )
    return replace(dataset, vectors=np.concatenate([rows.dense for _, rows in parts if rows.dense is not None]))


def mine(chunks: Sequence[Chunk], *, most: int | None = None, seed: int = 0) -> HopDataset:
    """Passages by chunk id, pairs, and the pairs of one question in `HELD_OUT` held out."""
    passages = {chunk.id: (chunk.context, chunk.text) for chunk in chunks}
    questions = list(_questions(chunks))
    Random(seed).shuffle(questions)
    pairs: list[Pair] = []
    held_out: list[Pair] = []
    for a, b, question in questions:
        both = [Pair(question, "", a.id, (b.id,)), Pair(question, a.id, b.id, ())]
        if crc32(question.encode()) % HELD_OUT:
            pairs += both
        elif len(held_out) < 2 * MAX_HELD_OUT:
            held_out += both
    return HopDataset(passages, tuple(pairs[:most]), held_out_pairs=tuple(held_out))


def _questions(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, Chunk, str]]:
    about: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        for key in chunk.about:
            about[key].append(chunk)
    for a in chunks:
        linked = {a.id}
        own = set(a.about)
        for sentence in _sentences(a.text):
            for key in sorted(mentions(sentence), key=len, reverse=True):
                ends = about.get(key, ())
                if key in own or not 0 < len(ends) <= MAX_ABOUT:
                    continue
                b = next((end for end in ends if end.id not in linked and own.isdisjoint(end.about)), None)
                if b is not None and (question := _question(a, sentence, key, b)):
                    linked.add(b.id)
                    yield a, b, question


def _question(a: Chunk, sentence: str, key: str, b: Chunk) -> str | None:
    """Both sentences with the key taken out, a's title in front where its sentence does not name it."""
    left = _without(key, sentence, "which")
    sentences = (_without(key, one, "", within=MAX_BEFORE_KEY) for one in _sentences(b.text))
    right = next((text for text in sentences if text is not None), "").split()
    if left is None or len(right) < WORDS.start - 1:
        return None
    right = right[: min(MAX_KEPT, max(3, round(KEPT * len(right))))]
    named = not set(mentions(sentence)).isdisjoint(a.about)
    title = "" if named or not a.title else f"{a.title}: "
    return f"{title}{left.rstrip(' .')} {' '.join(right).rstrip(' ,;:.')}?"


def _without(key: str, sentence: str, by: str, *, within: int | None = None) -> str | None:
    """The sentence with the first words that read like the key exchanged.

    None where none do, or only behind `within` characters, or where they are a part of a longer name.
    """
    pattern = r"(?:\bthe |\ban? )?\b" + r"\W+".join(map(re.escape, key.split())) + r"\b(?:['’]s)?"
    found = re.search(pattern, sentence, re.IGNORECASE)
    if found is None or (within is not None and found.start() > within):
        return None
    before, after = sentence[: found.start()], sentence[found.end() :]
    if _NAMED_BEFORE.search(before) or _NAMED_AFTER.match(after):
        return None
    return f"{before}{by}{after}"


def _sentences(text: str) -> list[str]:
    spans = sentence_spans(text)
    return [sentence for a, b in spans if len((sentence := " ".join(text[a:b].split())).split()) in WORDS]
