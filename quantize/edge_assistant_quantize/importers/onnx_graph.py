"""An ONNX graph as an importer builds it: nodes and constants one by one, then the model whose bytes never vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

OPSET = 18  # read by ONNX Runtime 1.14 and later
IR_VERSION = 8  # the one that came with it


@dataclass(slots=True)
class Builder:
    """The graph as it grows; names must be unique, values are float32 unless an operation says otherwise."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def emit(self, op: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any) -> list[str]:  # noqa: ANN401 - as make_node takes them
        """Add a node; its outputs are called by its name, with a number from the second on."""
        from onnx import helper

        names = [name if i == 0 else f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    def constant(self, array: NDArray[Any], name: str) -> str:
        """Add a constant; half-precision weights stay so in the file and are widened when the model is loaded."""
        import numpy as np
        from onnx import TensorProto, numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        if array.dtype != np.float16:
            return name
        return self.emit("Cast", [name], f"{name}/float32", to=TensorProto.FLOAT)[0]

    def write(
        self, path: Path, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> None:
        """Write the model."""
        from onnx import helper

        save(helper.make_graph(self.nodes, name, inputs, outputs, self.initializers), path, {"": OPSET}, IR_VERSION)


def save(graph: onnx.GraphProto, path: Path, opsets: Mapping[str, int], ir_version: int) -> None:
    """Write a graph as a model; equal graphs give equal bytes, whatever release of onnx writes them."""
    from onnx import helper

    domains = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    model = helper.make_model(graph, producer_name="edge-assistant", ir_version=ir_version, opset_imports=domains)
    path.write_bytes(model.SerializeToString(deterministic=True))
