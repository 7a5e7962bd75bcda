"""The digest sees what an ONNX file computes, and not the bytes that hold it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper, numpy_helper

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.tensors import tensor_digest


def build(**changes: Any) -> ModelProto:
    """y = x * scale + shift, with a branch."""
    weights = {"scale": [2.0, 3.0], "shift": [0.5, -0.5]} | changes.get("weights", {})
    tensors = [numpy_helper.from_array(np.array(values, np.float32), name) for name, values in weights.items()]
    then = helper.make_graph(
        [
            helper.make_node(
                "Constant", [], ["t"], value=numpy_helper.from_array(np.float32(changes.get("constant", 1)))
            )
        ],
        "then",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, [])],
    )
    nodes = [
        helper.make_node(changes.get("operation", "Mul"), ["x", "scale"], ["m"]),
        helper.make_node("Add", ["m", "shift"], ["y"]),
        helper.make_node("LeakyRelu", ["y"], ["z"], alpha=changes.get("alpha", 0.1)),
        helper.make_node("If", ["c"], ["i"], then_branch=then, else_branch=then),
        helper.make_node("Transpose", ["z"], ["w"], perm=changes.get("perm", [0])),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [changes.get("size", 2)]),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("w", "i")]
    graph = helper.make_graph(nodes, changes.get("name", "graph"), inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", changes.get("opset", 17))])
    model.producer_version = changes.get("producer", "1")
    return model


@pytest.fixture
def digest(tmp_path: Path) -> Callable[[ModelProto], str]:
    def write(model: ModelProto) -> str:
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return tensor_digest(path)

    return write


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"scale": [2.0, 3.0000002]}},
        {"weights": {"scale": [[2.0, 3.0]]}},
        {"operation": "Div"},
        {"alpha": 0.11},
        {"perm": [-1]},
        {"constant": 2},
        {"size": 3},
        {"size": "n"},
        {"opset": 18},
    ],
    ids=str,
)
def test_what_changes_the_computation_changes_the_digest(digest: Any, change: dict[str, Any]) -> None:
    assert digest(build(**change)) != digest(build())


def test_layout_and_origin_do_not(digest: Any) -> None:
    expected = digest(build())
    turned = build(producer="2", name="other")
    tensors = list(turned.graph.initializer)
    del turned.graph.initializer[:]
    turned.graph.initializer.extend(reversed(tensors))
    turned.graph.node[0].doc_string = "said"
    assert digest(turned) == expected
    typed = build()
    typed.graph.initializer[0].CopyFrom(helper.make_tensor("scale", TensorProto.FLOAT, [2], [2.0, 3.0]))
    assert not typed.graph.initializer[0].HasField("raw_data")
    assert digest(typed) == expected


def test_data_outside_the_file_is_refused(digest: Any) -> None:
    model = build()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    with pytest.raises(ModelCorrupt, match="keeps weights outside the file"):
        digest(model)


def test_sparse_weights_and_functions_are_refused(digest: Any) -> None:
    sparse, functions = build(), build()
    sparse.graph.sparse_initializer.add()
    functions.functions.add()
    for model in (sparse, functions):
        with pytest.raises(ModelCorrupt):
            digest(model)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_no_content_does_more_than_be_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with contextlib.suppress(ModelCorrupt):
        assert len(tensor_digest(path)) == 64


def test_every_kind_of_attribute_counts(digest: Any) -> None:
    seen = {digest(build())}
    for kind, value in {
        "INT": 1,
        "FLOATS": [1.0],
        "STRING": b"a",
        "STRINGS": [b"a"],
        "TENSORS": [numpy_helper.from_array(np.int64([1]))],
        "GRAPHS": [GraphProto()],
    }.items():
        model = build()
        model.graph.node[0].attribute.append(
            helper.make_attribute("extra", value, attr_type=getattr(AttributeProto, kind))
        )
        seen.add(digest(model))
    assert len(seen) == 7
