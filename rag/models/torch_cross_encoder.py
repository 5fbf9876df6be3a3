"""Two networks that read question and passage together and give one score, in torch.

`cross_encoder` runs a sequence classification model with one output (MiniLM cross-encoders, BGE-reranker) or two
(monoBERT: not relevant, relevant). `qwen3` runs a causal language model that is asked whether a passage helps; its
score is the logit of "yes" less that of "no". The prompt is the published one, byte for byte; control tokens that a
passage or a question holds are read as ordinary text, so that no document can answer for the model. Too long a passage
loses its end; the question is kept whole up to half of the window.

Sources: passage reranking with BERT (arXiv 1901.04085); Qwen3 Embedding (arXiv 2506.05176) and the model card of
Qwen3-Reranker.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from rag.errors import ModelError
from rag.models.batching import make_batches
from rag.models.torch_backend import load, load_network, place

Scores = Callable[[Sequence[tuple[str, str]]], list[float]]  # (question, passage) each -> higher is more relevant
Row = Mapping[str, Sequence[int]]  # "input_ids", "attention_mask" and what else the tokenizer gives
Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]  # the same, (b, t) each -> a score of each row (b,)

BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
BODY = "<Instruct>: {instruction}\n<Query>: {question}\n<Document>: {passage}"
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def cross_encoder(model: str, *, device: str, max_tokens: int, batch_tokens: int) -> Scores:
    """A classifier, loaded; `max_tokens` bounds question and passage together. Raises ModelError and ConfigError."""
    tokenizer, network, pad = _load(AutoModelForSequenceClassification, model, device)
    config = network.config
    if config.num_labels > 2:
        raise ModelError(f"rerank.model: {model!r} has {config.num_labels} outputs; a reranker has one or two.")
    positions = getattr(config, "max_position_embeddings", None) or max_tokens
    if "roberta" in config.model_type:  # whose positions start behind the padding's
        positions -= config.pad_token_id + 1
    window = min(max_tokens, int(positions), int(tokenizer.model_max_length))

    def forward(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = network(**inputs).logits
        return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]

    def scores(pairs: Sequence[tuple[str, str]]) -> list[float]:
        questions = {question: _truncate(tokenizer, question, window // 2) for question, _ in pairs}
        rows = [tokenizer(questions[q], passage, truncation="only_second", max_length=window) for q, passage in pairs]
        return _score_rows(rows, forward, pad, budget=batch_tokens, device=network.device)

    return scores


def qwen3(model: str, *, instruction: str, device: str, max_tokens: int, batch_tokens: int) -> Scores:
    """A language model, loaded; `max_tokens` bounds a prompt. Raises ModelError and ConfigError."""
    tokenizer, network, pad = _load(AutoModelForCausalLM, model, device)
    words = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in ("yes", "no")]
    if any(len(ids) != 1 or ids[0] == tokenizer.unk_token_id for ids in words):
        raise ModelError(f'rerank.model: {model!r} has no single token for "yes" or "no".')
    [yes], [no] = words
    before, after = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (BEFORE, AFTER))
    room = max_tokens - len(before) - len(after)

    def forward(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = network(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1]
        return logits[:, yes] - logits[:, no]

    def scores(pairs: Sequence[tuple[str, str]]) -> list[float]:
        questions = {question: _truncate(tokenizer, question, room // 2) for question, _ in pairs}
        rows = []
        for question, passage in pairs:
            body = BODY.format(instruction=instruction, question=questions[question], passage=passage)
            own = tokenizer(body, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
            ids = [*before, *own[:room], *after]
            rows.append({"input_ids": ids, "attention_mask": [1] * len(ids)})
        return _score_rows(rows, forward, pad, budget=batch_tokens, device=network.device, side="left")

    return scores


def _load(kind: Any, model: str, device: str) -> tuple[Any, Any, int]:
    """Tokenizer, network and padding's id of a folder or a cached hub name. Raises ModelError and ConfigError."""
    label = f"rerank.model: {model!r}"
    tokenizer = load(AutoTokenizer, model, label=label)
    network = load_network(kind, model, label=label, dtype=torch.float32)
    return tokenizer, place(network, device, key="rerank.device"), tokenizer.pad_token_id or 0


def _truncate(tokenizer: Any, text: str, limit: int) -> str:
    """The start of a text, at most `limit` tokens."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return text if len(spans) <= limit else text[: spans[limit - 1][1]]


@torch.inference_mode()
def _score_rows(
    rows: Sequence[Row], forward: Forward, pad: int, *, budget: int, device: Any, side: str = "right"
) -> list[float]:
    """The score of each row, in batches of at most `budget` tokens."""
    found = [0.0] * len(rows)
    for batch in make_batches([len(row["input_ids"]) for row in rows], budget):
        inputs = {}
        for name in rows[batch[0]]:
            values = [torch.tensor(rows[i][name]) for i in batch]
            fill = pad if name == "input_ids" else 0
            inputs[name] = pad_sequence(values, True, fill, side).to(device)
        for i, score in zip(batch, forward(inputs).float().tolist(), strict=True):
            found[i] = score
    return found
