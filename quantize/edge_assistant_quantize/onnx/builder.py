"""An ONNX graph under construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


class GraphBuilder:
    """Nodes and weights of a graph under construction; what adds one gives the name of its value."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}

    def unnamed(self, kind: str) -> str:
        """The name of the next node, if it is given none."""
        return f"{kind}_{len(self.nodes)}"

    def op(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as make_node takes them
        """Add a node with one output, which has its name."""
        from onnx import helper

        result = name or self.unnamed(kind)
        self.nodes.append(helper.make_node(kind, inputs, [result], result, domain=domain, **attributes))
        return result

    def constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - array or numpy scalar
        """Add a weight, once."""
        import numpy as np
        from onnx import numpy_helper

        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name
