"""The reader of earlier files: a difference to the bundled network. It goes with the last file of this kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from rag.errors import ModelError
from rag.models.batching import Output
from rag.models.deltas import DeltaFile
from rag.models.tensors import Numbers

KIND = "raghop reader 1"
FACTS = {"model"}


def load_body(
    path: Path, facts: Mapping[str, str], tensors: Mapping[str, Numbers], max_tokens: int, batch_tokens: int
) -> tuple[Tokenizer, Callable[[Sequence[Sequence[int]]], Iterator[Output]]]:
    """The tokenizer and what runs the network. Raises ModelError for another model's file."""
    from rag.models.onnx_backend import text_encoder
    from rag.models.spec import read

    spec = read(facts["model"])
    if facts.get("embedder", spec.fingerprint()) != spec.fingerprint():
        raise ModelError(f"{path}: trained for another version of {facts['model']!r}; train it again.")
    difference = DeltaFile(tensors, facts).without("heads.", "judges.")
    encoder = text_encoder(replace(spec, max_tokens=max_tokens), batch_tokens=batch_tokens, difference=difference)
    return encoder.whole_tokenizer, encoder.hidden
