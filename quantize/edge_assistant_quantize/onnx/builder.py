"""An ONNX graph under construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.onnx.folding import drop_unused

if TYPE_CHECKING:
    import onnx

CONTRIBUTED = "com.microsoft"  # domain of the operators that ONNX Runtime adds to the standard's
BLOCK_SIZES = (16, 32, 64, 128, 256)  # inputs that share a scale, as its MatMulNBits has them


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

    def replace(self, model: onnx.ModelProto) -> None:
        """Put the nodes and weights in the place of a model's nodes, and drop the weights that nothing reads then."""
        from onnx import helper

        del model.graph.node[:]
        model.graph.node.extend(self.nodes)
        model.graph.initializer.extend(self.weights.values())
        drop_unused(model.graph)
        if all(item.domain != CONTRIBUTED for item in model.opset_import):
            model.opset_import.append(helper.make_opsetid(CONTRIBUTED, 1))
