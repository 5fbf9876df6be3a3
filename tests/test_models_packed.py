"""Weights of one byte: how near they are, that both kinds of product say the same, and that company changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from rag.models import processor
from rag.models.batching import pad
from rag.models.packed import load, token_types
from rag.models.packing import pack, unpack
from rag.models.spec import TABLE
from rag.types import Vectors

SEP = 3


@pytest.fixture(scope="module")
def bert() -> BertModel:
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, pad_token_id=0
    )
    torch.manual_seed(0)
    network: BertModel = BertModel(config, add_pooling_layer=False).train(False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return network


def tensors(network: BertModel) -> dict[str, Vectors]:
    return {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}


def rows(*lengths: int) -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [[2, *map(int, rng.integers(4, 50, 3)), SEP, *map(int, rng.integers(3, 50, n))] for n in lengths]


def test_a_byte_keeps_a_weight_within_a_254th_of_the_largest_of_its_output(bert: BertModel) -> None:
    exact = tensors(bert)
    stored = pack(exact)
    dense = "encoder.layer.0.intermediate.dense.weight"
    assert stored[dense].dtype == stored[TABLE].dtype == np.int8
    assert stored[dense].shape == exact[dense].shape[::-1] and stored[f"{dense}.scale"].shape == (64,)
    again = unpack(stored)
    assert again.keys() == exact.keys()
    for name, tensor in exact.items():
        if name in (dense, TABLE):
            assert (np.abs(again[name] - tensor).max(1) <= np.abs(tensor).max(1) / 253).all()
            assert np.abs(again[name] - tensor).max() > 0
    for name in set(exact) - {name.removesuffix(".scale") for name in stored if name.endswith(".scale")}:
        assert np.array_equal(again[name], exact[name]) and again[name].dtype == np.float32


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_the_packed_network_is_that_of_its_weights(bert: BertModel, int8: bool) -> None:
    if int8 and not processor.has_fast_int8():
        pytest.skip("products of whole numbers overflow on a processor that is not made for them")
    stored = pack(tensors(bert))
    forward = load(stored, bert.config.to_dict(), sep=SEP, where=Path("x"), int8=int8)
    same = BertModel(bert.config, add_pooling_layer=False).train(False)
    same.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in unpack(stored).items()})
    ids, mask = pad(rows(4, 9, 20), 0)
    with torch.no_grad():
        wanted = same(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(mask).long(),
            token_type_ids=torch.from_numpy(token_types(ids, mask, SEP)),
        ).last_hidden_state.numpy()[mask]
    found = forward(ids, mask)[mask]
    if not int8:
        assert found == pytest.approx(wanted, abs=1e-4)
    cosines = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() > 0.998
    for row, vectors in zip(rows(4, 9, 20), forward(ids, mask), strict=True):
        alone = forward(*pad([row], 0))[0]
        assert vectors[: len(row)] == pytest.approx(alone, abs=1e-4)


def test_a_network_does_not_need_the_tensors_it_was_made_from(bert: BertModel) -> None:
    stored = {name: tensor.copy() for name, tensor in pack(tensors(bert)).items()}
    forward = load(stored, bert.config.to_dict(), sep=SEP, where=Path("x"), int8=False)
    ids, mask = pad(rows(4, 9), 0)
    before = forward(ids, mask)
    for name, tensor in stored.items():
        if not name.startswith(TABLE):  # whose rows are read as they are needed
            tensor.fill(1)
    assert np.array_equal(forward(ids, mask), before)


def test_token_types_are_one_behind_the_first_separator() -> None:
    ids, mask = pad([[2, 7, SEP, 8, SEP, 9, SEP], [2, 7, 7]], 0)
    assert token_types(ids, mask, SEP).tolist() == [[0, 0, 0, 1, 1, 1, 1], [0] * 7]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni avx512_bf16\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", True),
        ("model name\t: no avx_vnni\nflags\t\t: fpu avx2 avx512vl\n", False),
        ("Features\t: fp asimd asimddp i8mm\n", False),
        (None, False),
    ],
)
def test_the_processor_says_whether_it_is_made_for_whole_numbers(
    text: str | None, wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    if text:
        path.write_text(text)
    monkeypatch.setattr(processor, "_CPUINFO", path)
    processor.has_fast_int8.cache_clear()
    assert processor.has_fast_int8() == wanted
    processor.has_fast_int8.cache_clear()
