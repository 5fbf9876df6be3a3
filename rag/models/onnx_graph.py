"""The ONNX graph of a BERT-like encoder, written down node by node: word vectors and mask in, token vectors out.

Covers bert, roberta, xlm-roberta, camembert and distilbert with absolute positions and exact GELU (Devlin et al.,
arXiv 1810.04805). No weights are in it: initialisers name tensors of model.safetensors. The table of the vocabulary's
vectors is no part of it, for onnxruntime would copy it, half of a small model. Dense products run on all tokens of a
batch as one matrix, attention is onnxruntime's fused operator.

Of packed weights (`rag.models.packing`) products can be those of whole numbers: each row of what is multiplied with
them gets a scale of its own, so that neither another token nor another text of the batch changes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rag.models import onnx_format as onnx
from rag.models.spec import first_position

_FUSED = "com.microsoft"
SCALE = ".scale"  # ends the name of a packed tensor's scales
GELU_LEAST = -0.17  # no less comes out of GELU

# "stored": weights are float32 (out, in); else they are packed, and multiplied as floats or as whole numbers
Products = Literal["stored", "unpacked", "int8"]

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

    def __init__(self, epsilon: float, products: Products) -> None:
        self.epsilon, self.products = epsilon, products
        self.rows: dict[str, tuple[str, str, str, str]] = {}  # what was quantized, by name: q, k and v share theirs
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.read: set[str] = set()  # names that nodes take
        self.written: set[str] = {"", "words", "mask", "kinds"}  # and those that are there for them

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

    def number(self, value: float, kind: int = onnx.FLOAT) -> str:
        name = f"number_{len(self.constants)}"
        self.constants.append(onnx.scalar(name, kind, value))
        self.written.add(name)
        return name

    def unpacked(self, name: str) -> str:
        """A packed weight as floats (in, out), computed once, when the session opens."""
        return self("Mul", self("Cast", name, to=onnx.FLOAT), name + SCALE)

    def linear(self, x: str, name: str, least: float | None = None) -> str:
        """x times the weight `name`, plus its bias; nothing in x is below `least` if it is given."""
        if self.products == "stored":
            return self("Gemm", x, f"{name}.weight", f"{name}.bias", transB=1)
        if self.products == "unpacked":
            return self("Gemm", x, self.unpacked(f"{name}.weight"), f"{name}.bias")
        return self._int8(x, f"{name}.weight", f"{name}.bias", least)

    def _int8(self, x: str, weight: str, bias: str, least: float | None) -> str:
        if x not in self.rows:
            self.rows[x] = self._quantize(x, least)
        whole, size, one, zero = self.rows[x]
        product = self("MatMulIntegerToFloat", whole, weight, one, weight + SCALE, zero, domain=_FUSED)
        if least is not None:  # what was taken from x for the product
            sums = self("ReduceSum", self.unpacked(weight), self.ints(0), keepdims=0)
            bias = self("Add", bias, self("Mul", sums, self.number(least)))
        return self("Add", self("Mul", product, size), bias)

    def _quantize(self, x: str, least: float | None) -> tuple[str, str, str, str]:
        """Each row of x divided by its size, as uint8; the sizes (n, 1); what stands for 1 and for 0 in it."""
        steps, zero = (127, 128) if least is None else (255, 0)
        if least is not None:
            x = self("Sub", x, self.number(least))
        reach = self("Abs", x) if least is None else x
        size = self("Max", self("ReduceMax", reach, self.ints(-1), keepdims=1), self.number(1e-12))
        one, middle = self.number(1 / steps), self.number(zero, onnx.UINT8)
        return self("QuantizeLinear", self("Div", x, size), one, middle), size, one, middle

    def norm(self, x: str, name: str) -> str:
        return self("LayerNormalization", x, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=self.epsilon)


def graph(
    config: Mapping[str, Any],
    shapes: Mapping[str, Sequence[int]],
    *,
    temperature: float = 1.0,
    products: Products = "stored",
    kinds: bool = False,
) -> bytes:
    """The model's graph: `words` (b, t, width) float32 and `mask` (b, t) int32 -> `hidden` (b, t, hidden) float32.

    `words` are the vocabulary's vectors of the tokens. `shapes` are those of the tensors the session will bring:
    float32, packed ones with scales int8. `temperature` is that of attention's softmax. With `kinds` the token types
    (b, t) int64 are a third input; without it all are 0. Padding must stand on the right. Raises ValueError or KeyError
    for a model that is something else: another architecture, tensors too few or too many.
    """
    names = _check(config)
    first = first_position(config)
    width = shapes["embeddings.LayerNorm.weight"][0]
    op = _Graph(float(config.get("layer_norm_eps", 1e-12)), products)  # distilbert names none and has this one

    cube, rows, zero, start = op("Shape", "words"), op.ints(-1, width), op.ints(0), op.ints(first)
    end = op("Add", op("Gather", cube, op.ints(1)), start)
    x = op("Add", "words", op("Slice", "embeddings.position_embeddings.weight", start, end, zero))
    if (types := "embeddings.token_type_embeddings.weight") in shapes:
        x = op("Add", x, op("Gather", types, "kinds") if kinds else op("Slice", types, zero, op.ints(1), zero))
    x = op("Reshape", op.norm(x, "embeddings.LayerNorm"), rows)
    how: dict[str, Any] = {"num_heads": int(config[names["heads"]])}
    if temperature != 1:
        how["scale"] = (width // how["num_heads"]) ** -0.5 / temperature
    for i in range(int(config[names["layers"]])):
        at = f"{names['layer']}.{i}."
        heads = [op("Reshape", op.linear(x, at + names[name]), cube) for name in ("query", "key", "value")]
        attended = op("MultiHeadAttention", *heads, "", "mask", domain=_FUSED, **how)
        attended = op.linear(op("Reshape", attended, rows), at + names["attended"])
        x = op.norm(op("Add", attended, x), at + names["attended_norm"])
        inner = op("Gelu", op.linear(x, at + names["up"]), domain=_FUSED)
        x = op.norm(op("Add", op.linear(inner, at + names["down"], GELU_LEAST), x), at + names["down_norm"])
    op("Reshape", x, cube, output="hidden")
    missing = op.read - op.written
    for name in sorted(missing ^ shapes.keys()):
        raise ValueError(f"its tensor {name} is {'missing' if name in missing else 'one too many'}")

    numbers = {name: onnx.INT8 if name + SCALE in shapes else onnx.FLOAT for name in shapes}
    tokens = {"mask": onnx.INT32} | ({"kinds": onnx.INT64} if kinds else {})
    return onnx.model(
        op.nodes,
        initializers=[*op.constants, *(onnx.external(name, shape, numbers[name]) for name, shape in shapes.items())],
        inputs=[
            onnx.value("words", onnx.FLOAT, ["b", "t", width]),
            *(onnx.value(name, kind, ["b", "t"]) for name, kind in tokens.items()),
        ],
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
