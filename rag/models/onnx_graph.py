"""The ONNX graph of a BERT-like encoder, written down node by node: token ids and mask in, token vectors out.

Covers bert, roberta, xlm-roberta, camembert and distilbert with absolute positions and exact GELU (Devlin et al.,
arXiv 1810.04805). No weights are in it: initialisers name tensors of model.safetensors, which the session maps. Dense
products run on all tokens of a batch as one matrix, attention and layer norms are onnxruntime's fused operators.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rag.models import onnx_format as onnx
from rag.models.spec import TABLE, first_position

_FUSED = "com.microsoft"


# what BERT and its kin call it, and what DistilBERT does: tensors, those of a layer below it, and keys of config.json
_NAMES = {
    "layer": ("encoder.layer", "transformer.layer"),
    "query": ("attention.self.query", "attention.q_lin"),
    "key": ("attention.self.key", "attention.k_lin"),
    "value": ("attention.self.value", "attention.v_lin"),
    "attended": ("attention.output.dense", "attention.out_lin"),
    "attended_norm": ("attention.output.LayerNorm", "sa_layer_norm"),
    "up": ("intermediate.dense", "ffn.lin1"),
    "down": ("output.dense", "ffn.lin2"),
    "down_norm": ("output.LayerNorm", "output_layer_norm"),
    "heads": ("num_attention_heads", "n_heads"),
    "layers": ("num_hidden_layers", "n_layers"),
    "activation": ("hidden_act", "activation"),
}
ARCHITECTURES = {"bert": 0, "roberta": 0, "xlm-roberta": 0, "camembert": 0, "distilbert": 1}  # their columns


class _Graph:
    """Nodes in order; every operator returns the name of its output."""

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.read: set[str] = set()  # names that nodes take
        self.written: set[str] = {"", "ids", "mask"}  # and those that are there for them

    def __call__(self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: int | float) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(onnx.node(kind, inputs, output, domain=domain, attributes=attributes))
        self.read.update(inputs)
        self.written.add(output)
        return output

    def ints(self, *values: int) -> str:
        name = f"ints_{len(self.constants)}"
        self.constants.append(onnx.ints(name, values))
        self.written.add(name)
        return name

    def linear(self, x: str, name: str) -> str:
        return self("Gemm", x, f"{name}.weight", f"{name}.bias", transB=1)

    def add_norm(self, x: str, y: str, name: str) -> str:
        inputs = (x, y, f"{name}.weight", f"{name}.bias")
        return self("SkipLayerNormalization", *inputs, domain=_FUSED, epsilon=self.epsilon)


def graph(
    config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], *, half: bool = False, temperature: float = 1.0
) -> bytes:
    """The model's graph: `ids` (b, t) int64 and `mask` (b, t) int32 -> `hidden` (b, t, hidden) float32.

    `shapes` are those of the tensors the session will bring, all float32 but with `half` the vocabulary's table, which
    is float16; `temperature` is that of attention's softmax. Padding must stand on the right. Raises ValueError or
    KeyError for a model that is something else: another architecture, tensors too few or too many.
    """
    names = _check(config)
    first = first_position(config)
    width = shapes[TABLE][1]
    op = _Graph(float(config.get("layer_norm_eps", 1e-12)))  # distilbert names none and has this one

    shape = op("Shape", "ids")
    rows, zero, start = op.ints(-1, width), op.ints(0), op.ints(first)
    cube = op("Concat", shape, op.ints(width), axis=0)
    end = op("Add", op("Gather", shape, op.ints(1)), start)
    x = op("Gather", TABLE, "ids")
    if half:
        x = op("Cast", x, to=onnx.FLOAT)
    x = op("Add", x, op("Slice", "embeddings.position_embeddings.weight", start, end, zero))
    if (kinds := "embeddings.token_type_embeddings.weight") in shapes:
        x = op("Add", x, op("Slice", kinds, zero, op.ints(1), zero))  # one text, so all tokens are of kind 0
    norm = ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias")
    x = op("Reshape", op("LayerNormalization", x, *norm, axis=-1, epsilon=op.epsilon), rows)
    how: dict[str, Any] = {"num_heads": int(config[names["heads"]])}
    if temperature != 1:
        how["scale"] = (width // how["num_heads"]) ** -0.5 / temperature
    for i in range(int(config[names["layers"]])):
        at = f"{names['layer']}.{i}."
        heads = [op("Reshape", op.linear(x, at + names[name]), cube) for name in ("query", "key", "value")]
        attended = op("MultiHeadAttention", *heads, "", "mask", domain=_FUSED, **how)
        attended = op.linear(op("Reshape", attended, rows), at + names["attended"])
        x = op.add_norm(attended, x, at + names["attended_norm"])
        inner = op("Gelu", op.linear(x, at + names["up"]), domain=_FUSED)
        x = op.add_norm(op.linear(inner, at + names["down"]), x, at + names["down_norm"])
    op("Reshape", x, cube, output="hidden")
    missing = op.read - op.written
    for name in sorted(missing ^ shapes.keys()):
        raise ValueError(f"its tensor {name} is {'missing' if name in missing else 'one too many'}")

    types = {name: onnx.FLOAT16 if half and name == TABLE else onnx.FLOAT for name in shapes}
    return onnx.model(
        op.nodes,
        initializers=[*op.constants, *(onnx.external(name, shape, types[name]) for name, shape in shapes.items())],
        inputs=[onnx.value("ids", onnx.INT64, ["b", "t"]), onnx.value("mask", onnx.INT32, ["b", "t"])],
        outputs=[onnx.value("hidden", onnx.FLOAT, ["b", "t", width])],
        versions={"": 20, _FUSED: 1},
    )


def _check(config: Mapping[str, Any]) -> dict[str, str]:
    """Where the architecture keeps what. Raises ValueError for what this graph would compute otherwise."""
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES:
        raise ValueError(f"its architecture is {kind}, not one of {', '.join(ARCHITECTURES)}")
    names = {name: columns[ARCHITECTURES[kind]] for name, columns in _NAMES.items()}
    wanted = {names["activation"]: "gelu", "position_embedding_type": "absolute", "is_decoder": False}
    for key, value in wanted.items():
        if config.get(key, value) != value:
            raise ValueError(f"its {key} is {config[key]!r}, not {value!r}")
    return names
