"""Matrix products with 8-bit weights as ONNX nodes, for importers that quantize while they convert.

Two ways, because a CPU is good at different things for many rows and for one:

- `integer`, for many rows: weights of 7 bits with a scale per output, activations of 8 bits with a scale per
  row (token), multiplied in integers. A scale per row keeps the error at half of what ONNX Runtime's own
  DynamicQuantizeMatMul has, whose one scale for all rows is set by the loudest. 7 bits, because without VNNI
  instructions x86 adds two products in 16 bits, which 255 * 127 * 2 overflows and 255 * 63 * 2 does not.
- `blockwise`, for one row at a time: weights of 8 bits with a scale per 32, read from memory as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.onnx import blocks

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

BLOCK = 32  # weights that share a scale
_WEIGHT_LIMIT = 63
_ACTIVATION_LIMIT = 127


class Graph:
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


def integer(graph: Graph, value: str, name: str, weight: NDArray[Any]) -> str:
    """Multiply rows by a weight [outputs, inputs] in integers: f32 [n, inputs] -> f32 [n, outputs]."""
    import numpy as np

    turned = weight.T.astype(np.float32)
    scale = np.maximum(np.abs(turned).max(axis=0), np.float32(1e-8)) / np.float32(_WEIGHT_LIMIT)
    levels = np.rint(turned / scale).astype(np.int8)
    return integer_product(graph, value, graph.constant(name, levels), graph.constant(f"{name}/scale", scale))


def integer_product(graph: Graph, value: str, levels: str, scale: str) -> str:
    """Multiply rows by levels i8 [inputs, outputs] with a scale f32 [outputs]: f32 [n, inputs] -> f32 [n, outputs]."""
    import numpy as np

    zero = graph.constant("activation_zero", np.uint8(128))
    one = graph.constant("one", np.float32(1))
    loudest = graph.op("ReduceMax", graph.op("Abs", value), graph.constant("last_axis", np.array([-1])), keepdims=1)
    step = graph.op("Mul", loudest, graph.constant("activation_step", np.float32(1 / _ACTIVATION_LIMIT)))
    step = graph.op("Max", step, graph.constant("least_step", np.float32(1e-8)))
    rounded = graph.op("QuantizeLinear", graph.op("Div", value, step), one, zero)
    product = graph.op("MatMulIntegerToFloat", rounded, levels, one, scale, zero, domain="com.microsoft")
    return graph.op("Mul", product, step)


def blockwise(graph: Graph, value: str, name: str, weight: NDArray[Any]) -> str:
    """Multiply rows by a weight [outputs, inputs] quantized in blocks: f32 [n, inputs] -> f32 [n, outputs]."""
    levels, scales, _ = blocks.by_range(weight, BLOCK, 8)
    outputs, inputs = weight.shape
    return graph.op(
        "MatMulNBits",
        value,
        graph.constant(name, levels),
        graph.constant(f"{name}/scale", scales),
        domain="com.microsoft",
        K=inputs,
        N=outputs,
        bits=8,
        block_size=BLOCK,
        accuracy_level=4,  # activations are rounded to 8 bits too
    )


def blockwise_rows(graph: Graph, numbers: str, name: str, weight: NDArray[Any]) -> str:
    """Look up rows of the weight of that name that `blockwise` multiplies by: i64 [n] -> f32 [n, inputs]."""
    import numpy as np

    levels, scales, _ = blocks.by_range(weight, BLOCK, 8)
    found = graph.op("Gather", graph.constant(name, levels), numbers, axis=0)
    steps = graph.op("Gather", graph.constant(f"{name}/scale", scales), numbers, axis=0)
    centred = graph.op("Sub", graph.op("Cast", found, to=1), graph.constant("middle", np.float32(128)))
    rows = graph.op("Mul", centred, graph.op("Unsqueeze", steps, graph.constant("last_axis", np.array([-1]))))
    return graph.op("Reshape", rows, graph.constant("rows", np.array([0, -1])))
