"""Writing ONNX files: the few of their messages that an encoder's graph needs, in protobuf's wire format.

It saves the package onnx, 33 MB. A message is bytes; `join` puts fields together. Field numbers are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), the encoding is that of https://protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

FLOAT, UINT8, INT8, INT32, INT64, FLOAT16 = 1, 2, 3, 6, 7, 10  # TensorProto.DataType
_EXTERNAL = 1  # TensorProto.DataLocation


def node(kind: str, inputs: Sequence[str], output: str, *, domain: str, attributes: Mapping[str, int | float]) -> bytes:
    """An operator; its attributes are whole numbers or floats."""
    return _join(
        *((1, name) for name in inputs),
        (2, output),
        (4, kind),
        *((5, _attribute(name, value)) for name, value in attributes.items()),
        (7, domain),
    )


def ints(name: str, values: Sequence[int]) -> bytes:
    """A constant row of int64."""
    return _join((1, len(values)), (2, INT64), *((7, value) for value in values), (8, name))


def scalar(name: str, kind: int, value: float) -> bytes:
    """A constant number, FLOAT or UINT8."""
    return _join((2, kind), (4, value) if kind == FLOAT else (5, int(value)), (8, name))


def external(name: str, shape: Sequence[int], kind: int) -> bytes:
    """A tensor that the session brings."""
    location = _join((1, "location"), (2, "given by the session"))
    return _join(*((1, n) for n in shape), (2, kind), (8, name), (13, location), (14, _EXTERNAL))


def value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """An input or output; a dimension is a number or a name."""
    dimensions = (_join((1, n) if isinstance(n, int) else (2, n)) for n in shape)
    tensor = _join((1, kind), (2, _join(*((1, dimension) for dimension in dimensions))))
    return _join((1, name), (2, _join((1, tensor))))


def model(
    nodes: Iterable[bytes],
    *,
    initializers: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    versions: Mapping[str, int],
) -> bytes:
    """The file; `versions` are those of the operators of each domain."""
    numbered = ((1, nodes), (5, initializers), (11, inputs), (12, outputs))
    graph = _join((2, "encoder"), *((number, part) for number, parts in numbered for part in parts))
    sets = ((8, _join((1, domain), (2, version))) for domain, version in versions.items())
    return _join((1, 9), (7, graph), *sets)  # 9: the format's version


def _attribute(name: str, value: int | float) -> bytes:
    return _join((1, name), (3, value), (20, 2)) if isinstance(value, int) else _join((1, name), (2, value), (20, 1))


def _join(*fields: tuple[int, bytes | str | int | float]) -> bytes:
    """Fields by number, encoded by the type of their value."""
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: bytes | str | int | float) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value % (1 << 64))
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, the least first; the eighth says that more follow."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
