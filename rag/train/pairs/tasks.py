"""What a training of pairs is given: token ids, frozen vectors of a guide, negatives, a reranker's logits."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ModelError
from rag.models.files import locate
from rag.models.spec import ModelSpec
from rag.models.spec import read as spec_of
from rag.rerank.cross_encoder import CrossEncoder
from rag.train.common import loop
from rag.train.common.embeddings import passage_vectors
from rag.train.pairs.examples import PairExamples, draw_negatives, rank_negatives, read
from rag.train.pairs.exchange import Exchange
from rag.train.pairs.train import PairLoss, PairOptions, PairTask
from rag.types import Vectors

NEAR = 0.95  # of the right passage's score: what a guide finds nearer is no negative
Encode = Callable[[str, Sequence[str]], list[list[int]]]  # a prefix and texts -> token ids
Embedder = OnnxEmbedder | TransformersEmbedder


def make_loss(
    network: Any, model: str, folders: Sequence[Path], options: PairOptions
) -> tuple[PairLoss, Sequence[int]]:
    """The loss of labelled and mined pairs for a network of the kind of `model`, and the source of each pair."""
    spec = spec_of(model)
    examples, judge = read(folders, ("labelled", "mined"), most=None, seed=options.seed), embedder_of(model)
    encode = make_encode(spec, options.limit)
    frozen = torch.from_numpy(passage_vectors(judge, examples.passages)).to(loop.DEVICE)
    task = make_task(examples, encode(spec.document_prefix, examples.passages), encode, spec, judge, frozen, options)
    return PairLoss(network, task, options, spec.pooling[0]), examples.sources


def make_task(
    part: PairExamples,
    passages: Sequence[Sequence[int]],
    encode: Encode,
    spec: ModelSpec,
    judge: Embedder,
    frozen: torch.Tensor,
    options: PairOptions,
    reranker: str | None = None,
) -> PairTask:
    """Questions with their negatives; `frozen` are the judge's vectors of all passages."""
    near = frozen.cpu().numpy()
    asked = np.zeros((len(part.questions), near.shape[1]), np.float32)
    if part.questions and near.shape[1] > 1:
        asked = np.asarray(judge.embed_queries(part.questions).dense)
    ranking = rank_negatives(asked, near, part.golds, NEAR if options.guided else inf)
    negatives = draw_negatives(ranking, part.pairs, passages=len(near), count=options.negatives, seed=options.seed)
    exchange = None
    if options.exchange:
        start = np.einsum("nd,nmd->nm", asked, near[negatives]).mean(1)
        exchange = Exchange(ranking, negatives, start)
    logits = None
    if reranker and part.questions:
        rows = [[golds[0], *wrong] for golds, wrong in zip(part.golds, negatives.tolist(), strict=True)]
        pairs = [(text, part.passages[row]) for text, own in zip(part.questions, rows, strict=True) for row in own]
        logits = torch.tensor(CrossEncoder(model=reranker).scores(pairs), device=loop.DEVICE).view(len(rows), -1)
    questions = encode(spec.query_prefix, part.questions)
    asked_there = torch.from_numpy(asked).to(loop.DEVICE)
    return PairTask(questions, passages, part.golds, negatives, asked_there, frozen, logits, exchange)


def embedder_of(model: str) -> Embedder:
    """By onnxruntime where it runs the architecture."""
    embedder = OnnxEmbedder(model=model)
    try:
        embedder.token_spans([""])
    except ModelError:
        return TransformersEmbedder(model=model)
    return embedder


def make_encode(spec: ModelSpec, limit: int) -> Encode:
    tokenizer: Any = AutoTokenizer.from_pretrained(locate(spec.name), local_files_only=True)
    cut = partial(tokenizer, truncation=True, max_length=min(limit, spec.max_tokens))

    def encode(prefix: str, texts: Sequence[str]) -> list[list[int]]:
        rows: list[list[int]] = cut([prefix + text for text in texts])["input_ids"] if texts else []
        return rows

    return encode


def both_sides(embedder: Embedder, examples: PairExamples) -> Vectors:
    """Vectors of questions, then of passages."""
    asked = np.asarray(embedder.embed_queries(examples.questions).dense)
    return np.concatenate([asked, passage_vectors(embedder, examples.passages)])
