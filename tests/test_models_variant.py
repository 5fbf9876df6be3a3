"""Fewer layers, sharper attention, longer windows: against the definition written into the weights of a plain model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from rag.embed.onnx import OnnxEmbedder
from rag.embed.transformers import TransformersEmbedder
from rag.errors import ConfigError
from rag.models.torch_self_extend import group_of
from rag.models.variant import AS_IS, stretch_positions
from rag.types import Vectors
from tests.test_models_backends import SIZES, TEXTS, bert, dense, distilbert, qwen, saved, t5, xlm_roberta

HEADS = {**SIZES, "num_key_value_heads": 2, "head_dim": 4}
ROTARY = {k: v for k, v in SIZES.items() if k != "initializer_range"}
LONG = "lumen makes the router . soup of tarnvik in a building " * 6  # longer than the window of 40


def qwen3() -> Any:
    return transformers.Qwen3Model(transformers.Qwen3Config(**HEADS))


def modernbert() -> Any:
    layers = ["full_attention", "sliding_attention"]
    config = transformers.ModernBertConfig(**ROTARY, cls_token_id=0, sep_token_id=2, local_attention=8)
    config.layer_types = layers
    model = transformers.ModernBertModel(config)
    for parameter in model.layers.parameters():
        parameter.data *= 20  # it starts so small that layers hardly matter
    return model


def gemma() -> Any:
    config = transformers.Gemma3TextConfig(**HEADS, layer_types=["full_attention", "sliding_attention"])
    return transformers.Gemma3TextModel(config)


RUNS: list[tuple[Any, Callable[[], Any]]] = [
    *((OnnxEmbedder, make) for make in (bert, xlm_roberta, distilbert)),
    *((TransformersEmbedder, make) for make in (bert, xlm_roberta, distilbert, qwen, qwen3, modernbert, gemma)),
]
on_all = pytest.mark.parametrize(("backend", "make"), RUNS)


def embedder(backend: Any, folder: Path, **options: Any) -> Any:
    return backend(model=str(folder), **options, **({"device": "cpu"} if backend is TransformersEmbedder else {}))


def reference(folder: Path, texts: list[str], change: Callable[[Any], None]) -> Vectors:
    """Mean of the token vectors of a model that was changed by hand, one text at a time."""
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    change(model)
    rows = []
    for text in texts:
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state[0]
        rows.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy())
    return np.stack(rows)


@on_all
def test_the_first_layers_give_hidden_state_n(tmp_path: Path, backend: Any, make: Callable[[], Any]) -> None:
    """2D Matryoshka (arXiv 2402.14776, equation 3): hidden state n, as angle_emb/angle.py of AnglE takes it.

    Of a pre-norm model that is before its final norm.
    """
    folder = saved(tmp_path / "model", make)
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = transformers.TokenizersBackend.from_pretrained(folder)
    rows = []
    for text in TEXTS:
        tokens = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            hidden = model(**tokens, output_hidden_states=True).hidden_states[1][0]
        rows.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy())
    shallow = dense(embedder(backend, folder, layers=1), TEXTS)
    assert np.abs(shallow - np.stack(rows)).max() < 1e-5
    whole = dense(embedder(backend, folder), TEXTS)
    assert np.abs(shallow - whole).max() > 1e-2
    assert np.abs(dense(embedder(backend, folder, layers=2), TEXTS) - whole).max() < 1e-6
    with pytest.raises(ConfigError, match=r"embed\.layers: 3 is more than the 2 layers that"):
        dense(embedder(backend, folder, layers=3), TEXTS)


def sharpened(temperature: float) -> Callable[[Any], None]:
    """The same by weights: the queries, or what last scales them, divided by the temperature."""

    def change(model: Any) -> None:
        width = model.config.hidden_size
        for name, tensor in model.state_dict().items():
            if "q_norm" in name:  # Gemma's norm multiplies by 1 + weight
                gemma = int(model.config.model_type.startswith("gemma"))
                tensor.copy_((tensor + gemma) / temperature - gemma)
            elif "Wqkv" in name:
                tensor[:width] /= temperature
            elif not hasattr(model.config, "head_dim") and any(f".{q}." in name for q in ("query", "q_lin", "q_proj")):
                tensor /= temperature

    return change


@on_all
def test_temperature_divides_what_attention_compares(tmp_path: Path, backend: Any, make: Callable[[], Any]) -> None:
    folder = saved(tmp_path / "model", make)
    plain = dense(embedder(backend, folder), TEXTS)
    for temperature in (0.5, 0.8):
        sharp = dense(embedder(backend, folder, temperature=temperature), TEXTS)
        assert np.abs(sharp - reference(folder, TEXTS, sharpened(temperature))).max() < 1e-5
        assert np.abs(sharp - plain).max() > 1e-3
    assert np.array_equal(dense(embedder(backend, folder, temperature=1.0), TEXTS), plain)


def slowed(factor: float) -> Callable[[Any], None]:
    """Longer positions by hand: an interpolated table, or rotary frequencies of a larger base in global layers."""

    def change(model: Any) -> None:
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        if table is not None:
            first = 2 if model.config.model_type == "xlm-roberta" else 0
            rows = table.weight.detach().double()
            spread = torch.nn.functional.interpolate(
                rows[first:].T[None],
                size=int((len(rows) - first) * factor) - int(factor) + 1,
                mode="linear",
                align_corners=True,
            )[0].T
            last = spread[-1:].repeat(int(factor) - 1, 1)
            table.weight.data = torch.cat([rows[:first], spread, last]).float()
            model.embeddings.token_type_ids = torch.zeros(1, 1000, dtype=torch.int64)
            model.embeddings.position_ids = torch.arange(1000)[None]
            return
        for name, buffer in model.rotary_emb.named_buffers():
            if "original" in name or name.startswith("sliding"):
                continue
            rope = model.config.rope_parameters
            base, size = rope.get("full_attention", rope)["rope_theta"], 2 * len(buffer)
            theta = base * factor ** (size / (size - 2))
            buffer.copy_(theta ** (-torch.arange(0, size, 2) / size))

    return change


@on_all
def test_stretched_positions_equal_the_definition(tmp_path: Path, backend: Any, make: Callable[[], Any]) -> None:
    folder = saved(tmp_path / "model", make)
    texts = [text for text in TEXTS if text] + [LONG]
    long = embedder(backend, folder, stretch=2)
    vectors = dense(long, texts)
    assert long._spec.max_tokens == 2 * embedder(backend, folder)._spec.max_tokens >= 66
    assert np.abs(vectors - reference(folder, texts, slowed(2))).max() < 1e-5
    plain = dense(embedder(backend, folder), texts)
    assert np.abs(vectors - plain).max(axis=1)[-1] > 1e-3
    assert np.array_equal(dense(embedder(backend, folder, stretch=1), texts), plain)
    with pytest.raises(ConfigError, match=r"embed\.max_tokens: 1000 is more than the"):
        dense(embedder(backend, folder, stretch=2, max_tokens=1000), texts)


def shared(near: int, group: int) -> Callable[[Any], None]:
    """SelfExtend by hand: the score of each pair of tokens by the distance at which one sees the other."""

    def distance(i: int, j: int) -> int:
        if abs(i - j) < near:
            return i - j
        shift = near - near // group
        return i // group - j // group + (shift if i > j else -shift)

    def change(model: Any) -> None:
        def attend(
            self: Any, hidden_states: Any, position_embeddings: Any, attention_mask: Any = None, **_: Any
        ) -> Any:
            t, size = hidden_states.shape[1], self.head_dim
            parts = [p(hidden_states).view(1, t, -1, size)[0] for p in (self.q_proj, self.k_proj, self.v_proj)]
            if hasattr(self, "q_norm"):
                parts = [self.q_norm(parts[0]), self.k_norm(parts[1]), parts[2]]
            query, key, value = (one.repeat_interleave(parts[0].shape[1] // one.shape[1], dim=1) for one in parts)
            angles = model.config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2) / size)
            scores = torch.full((query.shape[1], t, t), float("-inf"))
            for i in range(t):
                for j in range(i + 1):
                    turn = distance(i, j) * torch.cat([angles, angles])
                    left, right = query[i].chunk(2, dim=-1)
                    turned = query[i] * turn.cos() + torch.cat([-right, left], dim=-1) * turn.sin()
                    scores[:, i, j] = (turned * key[j]).sum(-1) * self.scaling
            mixed = torch.einsum("hij,jhd->ihd", scores.softmax(-1), value)
            return self.o_proj(mixed.reshape(1, t, -1)), None

        for layer in model.layers:
            layer.self_attn.forward = attend.__get__(layer.self_attn)

    return change


@pytest.mark.parametrize("make", [qwen, qwen3])
def test_far_tokens_share_positions_as_defined(tmp_path: Path, make: Callable[[], Any]) -> None:
    """SelfExtend, arXiv 2401.01325, section 3; a window of 40 with 8 neighbours, twice as long, has groups of 3."""
    assert group_of(40, 2, 8) == 3
    folder = saved(tmp_path / "model", make)
    texts = [text for text in TEXTS if text] + [LONG]
    long = embedder(TransformersEmbedder, folder, stretch=2, neighbours=8)
    vectors = dense(long, texts)
    assert np.abs(vectors - reference(folder, texts, shared(8, 3))).max() < 1e-5
    assert np.abs(vectors - dense(embedder(TransformersEmbedder, folder, stretch=2), texts))[-1].max() > 1e-4
    assert len({one.fingerprint for one in (long, embedder(TransformersEmbedder, folder, stretch=2))}) == 2


def test_sharing_positions_takes_a_window_to_stretch_and_rotary_positions(tmp_path: Path) -> None:
    folder, other = saved(tmp_path / "qwen", qwen), saved(tmp_path / "bert", bert)
    for model, options, said in (
        (folder, {"neighbours": 8}, "say `stretch: 2`"),
        (folder, {"neighbours": 40, "stretch": 2}, "40 is not less than the model's window of 40"),
        (other, {"neighbours": 8, "stretch": 2}, "has no rotary positions"),
    ):
        with pytest.raises(ConfigError, match=said):
            dense(embedder(TransformersEmbedder, model, **options), TEXTS)


def test_a_table_is_interpolated_between_its_rows() -> None:
    table = np.array([[9], [9], [0], [2], [6]], np.float32)
    assert np.array_equal(stretch_positions(table, 1, 2), table)
    assert stretch_positions(table, 2, 2)[:, 0].tolist() == [9, 9, 0, 1, 2, 4, 6, 6]
    assert stretch_positions(table, 1.5, 0)[:, 0].tolist() == pytest.approx([9, 9, 6, 0, 4 / 3, 10 / 3, 6], abs=1e-6)


def test_what_an_architecture_has_nothing_for_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "t5", t5)
    with pytest.raises(ConfigError, match=r"embed\.stretch: .* neither learned nor rotary positions"):
        dense(embedder(TransformersEmbedder, folder, stretch=2), TEXTS)

    def scaled() -> Any:
        rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
        return transformers.Qwen3Model(transformers.Qwen3Config(**HEADS, rope_parameters=rope))

    folder = saved(tmp_path / "scaled", scaled)
    with pytest.raises(ConfigError, match=r"embed\.stretch: .* scales its positions already \(linear\)"):
        dense(embedder(TransformersEmbedder, folder, stretch=2), TEXTS)


def test_every_option_is_part_of_the_fingerprint_and_its_default_of_none(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", bert)
    options: list[dict[str, Any]] = [{}, {"layers": 1}, {"temperature": 0.8}, {"stretch": 2}, {"stretch": 3}]
    prints = [embedder(OnnxEmbedder, folder, **option).fingerprint for option in options]
    assert len(set(prints)) == len(prints)
    assert prints == [embedder(TransformersEmbedder, folder, **option).fingerprint for option in options]
    assert embedder(OnnxEmbedder, folder, temperature=1, stretch=1).fingerprint == prints[0] and not AS_IS.facts


def test_the_query_model_is_left_as_it_is(tmp_path: Path) -> None:
    large, small = saved(tmp_path / "large", bert), str(saved(tmp_path / "small", distilbert))
    pair = embedder(OnnxEmbedder, large, query_model=small, layers=1, temperature=0.5)
    assert np.array_equal(dense(pair, TEXTS), dense(OnnxEmbedder(model=small), TEXTS))
