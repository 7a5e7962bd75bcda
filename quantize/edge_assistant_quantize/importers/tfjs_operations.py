"""TensorFlow operations as ONNX nodes, for the operations that the imported detectors use.

TensorFlow keeps channels last and ONNX first. Nothing is transposed for that: a value remembers in which order ONNX
holds its axes, a TensorFlow `Transpose` only changes that memory, and a real one is written only where a reshape or an
output needs the axes in TensorFlow's own order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers.onnx_graph import Builder

if TYPE_CHECKING:
    from pathlib import Path

MAX_FOLDED = 4_096  # elements of a constant that is computed here: shapes and paddings, nothing else
_CHANNELS_FIRST = (0, 2, 3, 1)  # where ONNX's N, C, H, W holds TensorFlow's N, H, W, C
_OTHER = "use an importer made for this model"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    name: str  # unique in its graph
    op: str  # TensorFlow's name of the operation
    inputs: tuple[str, ...]  # names of values, `node` or `node:output`, in order
    attributes: Mapping[str, Any]  # decoded to str, int, float, bool, or lists of them


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph model: its nodes by name and the constants among them."""

    nodes: Mapping[str, Node]
    constants: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A computed value: ONNX's name of it, and for each axis in TensorFlow's order its axis in ONNX."""

    name: str
    order: tuple[int, ...]


Value = Tensor | np.ndarray


def ordered(builder: Builder, value: Value, order: tuple[int, ...], name: str) -> str:
    """The value with its axes held in this order, transposed if they are not."""
    if isinstance(value, np.ndarray):
        array = value.reshape((1,) * (len(order) - value.ndim) + value.shape)
        return builder.weight(name, np.transpose(array, np.argsort(order)))
    if len(value.order) != len(order):
        raise ModelCorrupt(f"{name} combines values of different rank", _OTHER)
    if value.order == order:
        return value.name
    wanted = [value.order[order.index(axis)] for axis in range(len(order))]
    return builder.op("Transpose", value.name, name=name, perm=wanted)


def translate(graph: Graph, output: Path, *, name: str, take: Mapping[str, str], give: Mapping[str, str]) -> None:
    """Write the ONNX model that computes the wanted outputs; `name`, `take` and `give` as of `tfjs.convert`.

    Raises:
        ModelCorrupt: the graph has a loop, or an operation or form of one that is not translated.
    """
    builder = Builder()
    values: dict[str, Value] = {}
    inputs = {}
    for node in _in_order(graph, list(give)):
        if node.op == "Placeholder":
            label, shape = take[node.name], node.attributes["shape"]
            inputs[label] = shape
            outputs: list[Value] = [Tensor(label, tuple(range(len(shape))))]
        elif node.op == "Const":
            outputs = [graph.constants[node.name]]
        elif node.op in _OPERATIONS:
            outputs = _OPERATIONS[node.op](builder, node, [values[source] for source in node.inputs])
        else:
            raise ModelCorrupt(f"operation {node.op} is not translated", _OTHER)
        values |= {node.name if i == 0 else f"{node.name}:{i}": value for i, value in enumerate(outputs)}
    results = {}
    for source, label in give.items():
        value = values[source]
        rank = value.ndim if isinstance(value, np.ndarray) else len(value.order)
        builder.op("Identity", ordered(builder, value, tuple(range(rank)), f"{label}/ordered"), name=label)
        results[label] = [None] * rank
    builder.save(output, name, inputs, results)


def _in_order(graph: Graph, wanted: list[str]) -> list[Node]:
    """The nodes that the wanted ones need, each after those that it needs."""
    ordered: dict[str, Node] = {}
    path: set[str] = set()
    todo = list(reversed(wanted))
    while todo:
        name = todo[-1].partition(":")[0]
        if name in ordered:
            todo.pop()
            continue
        missing = [source for source in graph.nodes[name].inputs if source.partition(":")[0] not in ordered]
        if missing and name in path:
            raise ModelCorrupt(f"the graph has a loop at {name}", "get the model's files again")
        if missing:
            path.add(name)
            todo.extend(reversed(missing))
        else:
            ordered[name] = graph.nodes[name]
    return list(ordered.values())


Operation = Callable[[Builder, Node, list[Value]], list[Value]]


def _tensor(value: Value) -> Tensor:
    if not isinstance(value, Tensor):
        raise ModelCorrupt("an operation on constants is not translated", _OTHER)
    return value


def _constant(value: Value) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise ModelCorrupt("a computed shape or weight is not translated", _OTHER)
    return value


def _integers(value: Value) -> list[int]:
    return [int(number) for number in _constant(value).reshape(-1)]


def _require(node: Node, **wanted: object) -> None:
    for key, value in wanted.items():
        if node.attributes.get(key) != value:
            raise ModelCorrupt(f"{node.op} with {key} other than {value} is not translated", "use another importer")


def _window(node: Node) -> dict[str, Any]:
    """ONNX attributes of a convolution's or pooling's window."""
    _require(node, data_format="NHWC")
    padding = {"SAME": "SAME_UPPER", "VALID": "VALID"}[node.attributes["padding"]]
    found = {"auto_pad": padding, "strides": node.attributes["strides"][1:3]}
    if "dilations" in node.attributes:
        found["dilations"] = node.attributes["dilations"][1:3]
    return found


def _convolve(builder: Builder, node: Node, values: list[Value], kernel: np.ndarray, group: int = 1) -> list[Value]:
    """A convolution with an ONNX kernel [out, in / group, height, width] and the bias, if there is one."""
    x = ordered(builder, values[0], _CHANNELS_FIRST, f"{node.name}/input")
    weights = [builder.weight(f"{node.name}/kernel", kernel)]
    weights += [builder.weight(f"{node.name}/bias", _constant(bias)) for bias in values[2:]]
    return [Tensor(builder.op("Conv", x, *weights, name=node.name, group=group, **_window(node)), _CHANNELS_FIRST)]


def _conv2d(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    return _convolve(builder, node, values, _constant(values[1]).transpose(3, 2, 0, 1))


def _depthwise(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    kernel = _constant(values[1])
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return _convolve(builder, node, values, kernel, group=channels)


def _fused_conv2d(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    outputs = _conv2d(builder, node, values)
    if node.attributes["fused_ops"] == ["BiasAdd", "Relu"]:
        return _unary("Relu")(builder, node, outputs)
    _require(node, fused_ops=["BiasAdd"])
    return outputs


def _unary(op: str, *names: str) -> Operation:
    """An operation on every element by itself, with its attributes of these names."""

    def operation(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
        x = _tensor(values[0])
        attributes = {name: node.attributes[name] for name in names}
        return [Tensor(builder.op(op, x.name, name=f"{node.name}/{op}", **attributes), x.order)]

    return operation


def _add(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    constants = [value for value in values if isinstance(value, np.ndarray)]
    if len(constants) == len(values):
        _check_folded(np.broadcast_shapes(*(value.shape for value in constants)))
        return [np.add(*constants)]
    order = next(value for value in values if isinstance(value, Tensor)).order
    names = [ordered(builder, value, order, f"{node.name}/{i}") for i, value in enumerate(values)]
    return [Tensor(builder.op("Add", *names, name=node.name), order)]


def _sparse_to_dense(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    positions, shape, content, default = (_constant(value) for value in values)
    _check_folded(tuple(int(size) for size in shape))
    dense = np.full(tuple(shape), default)
    dense[tuple(positions.T)] = content
    return [dense]


def _check_folded(shape: tuple[int, ...]) -> None:
    if not 0 <= prod(shape) <= MAX_FOLDED:
        raise ModelCorrupt(f"a constant of {prod(shape):,} elements is not computed", _OTHER)


def _pad(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    x = _tensor(values[0])
    paddings = _constant(values[1])[np.argsort(x.order)]
    names = [builder.weight(f"{node.name}/pads", paddings.T.reshape(-1).astype(np.int64))]
    names += [builder.weight(f"{node.name}/fill", _constant(value)) for value in values[2:]]
    return [Tensor(builder.op("Pad", x.name, *names, name=node.name), x.order)]


def _max_pool(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    x = ordered(builder, values[0], _CHANNELS_FIRST, f"{node.name}/input")
    kernel = node.attributes["ksize"][1:3]
    return [Tensor(builder.op("MaxPool", x, name=node.name, kernel_shape=kernel, **_window(node)), _CHANNELS_FIRST)]


def _concat(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    order = _tensor(values[0]).order
    (axis,) = _integers(values[-1])
    names = [ordered(builder, value, order, f"{node.name}/{i}") for i, value in enumerate(values[:-1])]
    return [Tensor(builder.op("Concat", *names, name=node.name, axis=order[axis]), order)]


def _split(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    x = _tensor(values[0])
    sizes, (axis,) = _integers(values[1]), _integers(values[2])
    lengths = builder.weight(f"{node.name}/sizes", np.array(sizes, np.int64))
    names = builder.emit("Split", [x.name, lengths], node.name, outputs=len(sizes), axis=x.order[axis])
    return [Tensor(name, x.order) for name in names]


def _resize_bilinear(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    _require(node, align_corners=False, half_pixel_centers=True)
    x = ordered(builder, values[0], _CHANNELS_FIRST, f"{node.name}/input")
    # Resize's attribute `axes` would spare this, but ONNX Runtime 1.2x loses it when it moves a transpose across.
    kept = builder.op("Shape", x, name=f"{node.name}/kept", start=0, end=2)
    size = builder.weight(f"{node.name}/size", np.array(_integers(values[1]), np.int64))
    sizes = builder.op("Concat", kept, size, name=f"{node.name}/sizes", axis=0)
    how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return [Tensor(builder.op("Resize", x, "", "", sizes, name=node.name, **how), _CHANNELS_FIRST)]


def _reshape(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    x, shape = _tensor(values[0]), _integers(values[1])
    plain = ordered(builder, x, tuple(range(len(x.order))), f"{node.name}/input")
    sizes = builder.weight(f"{node.name}/shape", np.array(shape, np.int64))
    return [Tensor(builder.op("Reshape", plain, sizes, name=node.name), tuple(range(len(shape))))]


def _transpose(builder: Builder, node: Node, values: list[Value]) -> list[Value]:
    x, permutation = _tensor(values[0]), _integers(values[1])
    if sorted(permutation) != list(range(len(x.order))):
        raise ModelCorrupt(f"{node.name} does not permute its axes", "get the model's files again")
    return [Tensor(x.name, tuple(x.order[axis] for axis in permutation))]


_OPERATIONS: dict[str, Operation] = {
    "Add": _add,
    "AddV2": _add,
    "ConcatV2": _concat,
    "Conv2D": _conv2d,
    "DepthwiseConv2dNative": _depthwise,
    "Identity": lambda builder, node, values: values[:1],
    "LeakyRelu": _unary("LeakyRelu", "alpha"),
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Relu": _unary("Relu"),
    "Reshape": _reshape,
    "ResizeBilinear": _resize_bilinear,
    "Sigmoid": _unary("Sigmoid"),
    "SparseToDense": _sparse_to_dense,
    "SplitV": _split,
    "Transpose": _transpose,
    "_FusedConv2D": _fused_conv2d,
}
