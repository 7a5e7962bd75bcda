"""Matrix products with 8-bit weights as ONNX nodes.

There are two, because a CPU is good at different things for many rows and for one:

- `integer`, for many rows: weights of 7 bits with a scale per output, activations of 8 bits with a scale per
  row (token), multiplied in integers. A scale per row keeps the error at half of what ONNX Runtime's own
  DynamicQuantizeMatMul has, whose one scale for all rows is set by the loudest. 7 bits, because without VNNI
  instructions x86 adds two products in 16 bits, which 255 * 127 * 2 overflows and 255 * 63 * 2 does not.
- `blockwise`, for one row at a time: weights of 8 bits with a scale per 32, read from memory as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.onnx.builder import CONTRIBUTED, GraphBuilder

BLOCK = 32  # weights that share a scale
_WEIGHT_LIMIT = 63
_ACTIVATION_LIMIT = 127


def integer(graph: GraphBuilder, value: str, name: str, weight: NDArray[Any]) -> str:
    """Multiply rows by a weight [outputs, inputs] in integers: f32 [n, inputs] -> f32 [n, outputs]."""
    turned = weight.T.astype(np.float32)
    scale = np.maximum(np.abs(turned).max(axis=0), np.float32(1e-8)) / np.float32(_WEIGHT_LIMIT)
    levels = np.rint(turned / scale).astype(np.int8)
    return integer_product(graph, value, graph.constant(name, levels), graph.constant(f"{name}/scale", scale))


def integer_product(graph: GraphBuilder, value: str, levels: str, scale: str) -> str:
    """Multiply rows by levels i8 [inputs, outputs] with a scale f32 [outputs]: f32 [n, inputs] -> f32 [n, outputs]."""
    zero = graph.constant("activation_zero", np.uint8(128))
    one = graph.constant("one", np.float32(1))
    loudest = graph.op("ReduceMax", graph.op("Abs", value), graph.constant("last_axis", np.array([-1])), keepdims=1)
    step = graph.op("Mul", loudest, graph.constant("activation_step", np.float32(1 / _ACTIVATION_LIMIT)))
    step = graph.op("Max", step, graph.constant("least_step", np.float32(1e-8)))
    rounded = graph.op("QuantizeLinear", graph.op("Div", value, step), one, zero)
    product = graph.op("MatMulIntegerToFloat", rounded, levels, one, scale, zero, domain=CONTRIBUTED)
    return graph.op("Mul", product, step)


def blockwise(graph: GraphBuilder, value: str, name: str, weight: NDArray[Any]) -> str:
    """Multiply rows by a weight [outputs, inputs] quantized in blocks: f32 [n, inputs] -> f32 [n, outputs]."""
    return blockwise_product(graph, value, _stored(graph, name, weight), weight.shape, 8, BLOCK)


def blockwise_product(
    graph: GraphBuilder, value: str, stored: Sequence[str], shape: Sequence[int], bits: int, block: int
) -> str:
    """Multiply rows by levels, scales and maybe zero points of blocks, a weight of shape [outputs, inputs]."""
    how: dict[str, Any] = {"K": shape[1], "N": shape[0], "bits": bits, "block_size": block}
    how["accuracy_level"] = 4  # activations are rounded to 8 bits too
    return graph.op("MatMulNBits", value, *stored, domain=CONTRIBUTED, **how)


def blockwise_rows(graph: GraphBuilder, numbers: str, name: str, weight: NDArray[Any]) -> str:
    """Look up rows of the weight of that name that `blockwise` multiplies by: i64 [n] -> f32 [n, inputs]."""
    found, steps = (graph.op("Gather", each, numbers, axis=0) for each in _stored(graph, name, weight))
    centred = graph.op("Sub", graph.op("Cast", found, to=1), graph.constant("middle", np.float32(128)))
    rows = graph.op("Mul", centred, graph.op("Unsqueeze", steps, graph.constant("last_axis", np.array([-1]))))
    return graph.op("Reshape", rows, graph.constant("rows", np.array([0, -1])))


def _stored(graph: GraphBuilder, name: str, weight: NDArray[Any]) -> tuple[str, str]:
    """Names of the levels u8 [outputs, blocks, block] and scales f32 [outputs, blocks] of a weight."""
    from edge_assistant_quantize.onnx import blocks

    scale = f"{name}/scale"
    if name not in graph.weights:
        levels, scales = blocks.by_error(blocks.padded(weight, BLOCK), BLOCK, 8, kind=np.float32)
        scales[(levels == 128).all(axis=-1)] = 1  # where all is zero
        graph.constant(name, levels)
        graph.constant(scale, scales)
    return name, scale
