"""An ONNX graph under construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.onnx.folding import drop_unused, replace

if TYPE_CHECKING:
    import onnx

Shapes = Mapping[str, Sequence[int | str | None]]

CONTRIBUTED = "com.microsoft"  # domain of the operators that ONNX Runtime adds to the standard's
OPSET, IR_VERSION = 18, 8  # read by ONNX Runtime 1.14 and later
FLOAT, HALF = 1, 10  # onnx.TensorProto, without its import


class GraphBuilder:
    """Nodes and weights of a graph; each method that adds one returns the name of its value."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}

    def unnamed(self, kind: str) -> str:
        """The name of the next node, if it is given none."""
        return f"{kind}_{len(self.nodes)}"

    def op(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as make_node takes them
        """Add a node with one output, which has its name."""
        return self.ops(kind, inputs, [name or self.unnamed(kind)], domain, **attributes)[0]

    def ops(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        domain: str = "",
        **attributes: Any,  # noqa: ANN401 - as make_node takes them
    ) -> Sequence[str]:
        """Add a node, which has the name of its first output; returns the outputs."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, outputs[0], domain=domain, **attributes))
        return outputs

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a weight, once; in half precision it stays so in the file, and is widened when the model is loaded."""
        if array.dtype != np.float16:
            return self.constant(name, array)
        if name not in self.weights:
            self.op("Cast", self.constant(name, array), name=f"{name}/float32", to=FLOAT)
        return f"{name}/float32"

    def constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - array or numpy scalar
        """Add a weight, once."""
        from onnx import numpy_helper

        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def replace(self, model: onnx.ModelProto, *, domain: str = CONTRIBUTED) -> None:
        """Replace a model's nodes by these, add the weights and the operator domain, and drop unused weights."""
        from onnx import helper

        replace(model.graph, self.nodes)
        model.graph.initializer.extend(self.weights.values())
        drop_unused(model.graph)
        if domain and all(item.domain != domain for item in model.opset_import):
            model.opset_import.append(helper.make_opsetid(domain, 1))

    def write(
        self,
        path: Path,
        name: str,
        inputs: Shapes,
        outputs: Shapes,
        *,
        kinds: Mapping[str, int] = {},
        opsets: Mapping[str, int] = {"": OPSET},
        ir_version: int = IR_VERSION,
    ) -> None:
        """Write the graph as a model; equal graphs give equal bytes, whatever release of onnx writes them.

        Inputs and outputs are shapes by name; `kinds` are the element types of those that are not float32, `opsets` the
        versions of operator sets by domain.
        """
        from onnx import helper

        given, made = (
            [helper.make_tensor_value_info(key, kinds.get(key, FLOAT), shape) for key, shape in values.items()]
            for values in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, name, given, made, list(self.weights.values()))
        domains = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        model = helper.make_model(graph, producer_name="edge-assistant", ir_version=ir_version, opset_imports=domains)
        path.write_bytes(model.SerializeToString(deterministic=True))
