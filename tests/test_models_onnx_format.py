"""ONNX files written by hand are read by the package onnx as what it would have written itself."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from rag.models import onnx_format


def test_a_node_is_that_of_the_package() -> None:
    attributes = {"axis": -1, "num_heads": 300, "epsilon": 1e-12}
    ours = onnx_format.node("Norm", ["x", "", "y"], "z", domain="com.microsoft", attributes=attributes)
    theirs = helper.make_node("Norm", ["x", "", "y"], ["z"], domain="com.microsoft")
    theirs.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    assert onnx.NodeProto.FromString(ours) == theirs


def test_constants_are_those_of_the_package() -> None:
    values = (0, -1, 127, 128, 16_384, 2**63 - 1, -(2**63))
    theirs = helper.make_tensor("n", TensorProto.INT64, [len(values)], values)
    assert TensorProto.FromString(onnx_format.ints("n", values)) == theirs


def test_single_numbers_are_those_of_the_package() -> None:
    for kind, value in ((TensorProto.FLOAT, -0.25), (TensorProto.UINT8, 128)):
        ours = TensorProto.FromString(onnx_format.scalar("n", kind, value))
        assert ours == helper.make_tensor("n", kind, [], [value])


def test_a_whole_model_is_that_of_the_package() -> None:
    table = TensorProto(name="t", data_type=TensorProto.FLOAT16, dims=[200, 3], data_location=TensorProto.EXTERNAL)
    table.external_data.add(key="location", value="given by the session")
    theirs = helper.make_model(
        helper.make_graph(
            [helper.make_node("Gather", ["t", "ids"], ["x"], domain="", axis=0)],
            "encoder",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "t"])],
            [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["b", "t", 3])],
            initializer=[table],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    ours = onnx_format.model(
        [onnx_format.node("Gather", ["t", "ids"], "x", domain="", attributes={"axis": 0})],
        initializers=[onnx_format.external("t", (200, 3), onnx_format.FLOAT16)],
        inputs=[onnx_format.value("ids", onnx_format.INT64, ["b", "t"])],
        outputs=[onnx_format.value("x", onnx_format.FLOAT16, ["b", "t", 3])],
        versions={"": 20},
    )
    read = onnx.load_model_from_string(ours)
    assert [node.op_type for node in read.graph.node] == ["Gather"]
    assert read == theirs
