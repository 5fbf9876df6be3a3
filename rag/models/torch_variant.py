"""The changes of `rag.models.variant` to a torch model, by transformers' own means, whatever the architecture.

Temperature divides the queries at the door of the attention function, after rotation and norms, which is the same as
dividing the scores. Rotary positions keep their form with base * stretch ** (d / (d - 2)), d columns a head rotated;
layers that see a sliding window stay, since no distance in them grows. A cut model's vectors are what its last layer
gives, without the norm that pre-norm models have behind their own last one (2D Matryoshka, arXiv 2402.14776: hidden
state n, as AnglE's angle_emb/angle.py takes it). A decoder becomes bidirectional by
`is_causal`, in its configuration for masks and in its layers for where there is no mask; a run over three tokens
shows whether it did.
"""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from rag.errors import ConfigError
from rag.models.spec import ModelSpec, first_position
from rag.models.torch_self_extend import extend, group_of
from rag.models.variant import stretch_positions

_FINAL_NORMS = ("norm", "final_norm", "final_layer_norm", "ln_f")


def stretch_rotary(config: Any, spec: ModelSpec) -> None:
    """Give a model's configuration the longer window; does nothing to one without rotary positions.

    Raises ConfigError where positions are scaled already.
    """
    rope = getattr(config, "rope_parameters", None)
    if spec.variant.stretch == 1 or not rope:
        return
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    layers = {kind: one for kind, one in rope.items() if isinstance(one, dict)} or {"full_attention": rope}
    for kind, one in layers.items():
        if kind == "sliding_attention":
            continue
        if (scaled := one.get("rope_type", "default")) != "default":
            raise ConfigError(f"embed.stretch: {spec.name!r} scales its positions already ({scaled}); leave it out.")
        if spec.variant.neighbours:
            continue
        turned = int(head * one.get("partial_rotary_factor", 1.0))
        one["rope_theta"] *= spec.variant.stretch ** (turned / (turned - 2))
    config.max_position_embeddings = spec.max_tokens


def apply_variant(model: Any, spec: ModelSpec) -> None:
    """Cut layers, interpolate positions, direct and sharpen attention. Raises ConfigError where it cannot."""
    variant = spec.variant
    if variant.attention:
        _direct(model, variant.attention, spec)
    if variant.layers is not None:
        _cut(model, variant.layers, spec)
    rotary = getattr(model.config, "rope_parameters", None)
    if variant.neighbours:
        if not rotary:
            raise ConfigError(f"embed.neighbours: {spec.name!r} has no rotary positions; leave it out.")
        window = int(spec.config["max_position_embeddings"])
        extend(model, group_of(window, variant.stretch, variant.neighbours), variant.neighbours, name=spec.name)
    elif variant.stretch != 1 and not rotary:
        _stretch_learned(model, spec)
    if variant.temperature != 1:
        _sharpen(model, spec)


def _direct(model: Any, attention: str, spec: ModelSpec) -> None:
    causal = attention == "causal"
    model.config.is_causal = causal
    for module in model.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = causal
    same = []
    for mask in ([1, 1, 1], [1, 1, 0]):  # without padding and with
        with torch.inference_mode():
            ids = torch.tensor([[0, 0, 0], [0, 1, 0]])  # the same first token, another one behind it
            first, other = model(input_ids=ids, attention_mask=torch.tensor([mask, mask])).last_hidden_state[:, 0]
        same.append(torch.equal(first, other))
    if same != [causal, causal]:
        raise ConfigError(f"embed.attention: transformers offers no {attention} one for {spec.name!r}; leave it out.")


def _cut(model: Any, layers: int, spec: ModelSpec) -> None:
    count = model.config.num_hidden_layers
    stacks = [
        (owner, child)
        for owner in model.modules()
        for child in owner.children()
        if isinstance(child, torch.nn.ModuleList) and len(child) == count
    ]
    if not stacks:
        raise ConfigError(f"embed.layers: {spec.name!r} has no stack of {count} layers that can be cut; leave it out.")
    owner, stack = stacks[0]
    del stack[layers:]
    model.config.num_hidden_layers = layers
    for name in _FINAL_NORMS:
        if layers < count and hasattr(owner, name):
            setattr(owner, name, torch.nn.Identity())


def _stretch_learned(model: Any, spec: ModelSpec) -> None:
    embeddings = getattr(model, "embeddings", None)
    old = getattr(embeddings, "position_embeddings", None)
    if not isinstance(old, torch.nn.Embedding):
        raise ConfigError(f"embed.stretch: {spec.name!r} has neither learned nor rotary positions; leave it out.")
    first = first_position(spec.config)
    table = stretch_positions(old.weight.detach().float().numpy(), spec.variant.stretch, first)
    weight = torch.from_numpy(table).to(old.weight.dtype)
    assert embeddings is not None  # it has positions
    embeddings.position_embeddings = torch.nn.Embedding(len(weight), weight.shape[1], old.padding_idx, _weight=weight)
    for name, buffer in list(embeddings.named_buffers(recurse=False)):
        if buffer.shape == (1, len(old.weight)):  # as long as the table: positions counted up, or kinds of token
            numbers = torch.arange(len(table)) if name == "position_ids" else torch.zeros(len(table))
            embeddings.register_buffer(name, numbers.to(buffer.dtype)[None], persistent=False)


def _sharpen(model: Any, spec: ModelSpec) -> None:
    temperature, base = spec.variant.temperature, model.config._attn_implementation
    name = f"{base}-{temperature}"
    seen: set[int] = set()
    if base in ALL_ATTENTION_FUNCTIONS:
        attention = ALL_ATTENTION_FUNCTIONS[base]

        def sharper(module: Any, query: torch.Tensor, *args: Any, **options: Any) -> Any:
            seen.add(id(module))
            return attention(module, query / temperature, *args, **options)

        AttentionInterface.register(name, sharper)
        AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[base])
        model.set_attn_implementation(name)
        with torch.inference_mode():  # whether every layer comes by here
            model(input_ids=torch.zeros((1, 1), dtype=torch.int64))
    if len(seen) != model.config.num_hidden_layers:
        raise ConfigError(f"embed.temperature: transformers offers none for {spec.name!r}; leave it out.")
