"""TensorFlow.js graph models: read `model.json` and its weights, and write the same graph as ONNX.

Translated are the operations that the imported detectors use. TensorFlow keeps channels last and ONNX first. Nothing is
transposed for that: a value remembers in which order ONNX holds its axes, a TensorFlow `Transpose` only changes that
memory, and a real one is written only where a reshape or an output needs the axes in TensorFlow's own order.

The format: `modelTopology.node` is a list of TensorFlow nodes (name, op, inputs, attributes) in the JSON form of
protocol buffers; `weightsManifest` names the constants in the order in which their bytes lie in the weight file
(https://github.com/tensorflow/tfjs, tfjs-core/src/io/types.ts). What is not translated raises ValueError inside.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_assistant_models import regular
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.onnx.builder import GraphBuilder

INPUTS = ("graph", "weights")
MAX_GRAPH_BYTES = 16 << 20  # the largest graphs in use have 1 MB of JSON; what is cut off is none
MAX_WEIGHT_BYTES = 512 << 20
_DTYPES = {"float32": "<f4", "int32": "<i4", "float16": "<f2"}
MAX_FOLDED = 4_096  # elements of a constant that is computed here: shapes and paddings, nothing else
_CHANNELS_FIRST = (0, 2, 3, 1)  # where ONNX's N, C, H, W holds TensorFlow's N, H, W, C

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    name: str  # unique in its graph
    op: str  # TensorFlow's name of the operation
    inputs: tuple[str, ...]  # names of values, `node` or `node:output`, in order
    attributes: Mapping[str, Any]  # decoded to str, int, float, bool, or lists of them


@dataclass(frozen=True, slots=True)
class Tensor:
    """A computed value: ONNX's name of it, and for each axis in TensorFlow's order its axis in ONNX."""

    name: str
    order: tuple[int, ...]


Value = Tensor | Array


def convert(
    inputs: Mapping[str, Path],
    output: Path,
    quantization: str | None = None,
    *,
    name: str,
    take: Mapping[str, str],
    give: Mapping[str, str],
) -> None:
    """Write `model.onnx` from model.json and its one weight file; see the package.

    `name` is the ONNX graph's; `take` and `give` have the names of its inputs and wanted outputs, in order, by their
    names in the source.
    """
    try:
        graph = _Translation(*_read(inputs["graph"], inputs["weights"]), take)
        values = {label: graph.value(source) for source, label in give.items()}
        results = {label: [None] * graph.give(value, label) for label, value in values.items()}
        graph.write(output / "model.onnx", name, graph.inputs, results)
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        what = f"{inputs['graph'].name} is not a TensorFlow.js graph model that can be translated"
        hint = "get the model's files again, or use an importer made for this model"
        raise ModelCorrupt(f"{what} ({type(error).__name__}: {error})", hint) from error
    quantizations.apply(quantization, output)


def numbered(outputs: Sequence[str]) -> dict[str, str]:
    """Names of outputs by the converter's names for them: `Identity`, `Identity_1` and so on."""
    return {f"Identity_{number}" if number else "Identity": name for number, name in enumerate(outputs)}


def _read(graph: Path, weights: Path) -> tuple[Mapping[str, Node], Mapping[str, Array]]:
    """The nodes of a graph model whose weights lie in one file, and its constants, by name."""
    document = json.loads(regular.read(graph, MAX_GRAPH_BYTES))
    nodes = {node.name: node for node in map(_node, document["modelTopology"]["node"])}
    manifest = [entry for group in document["weightsManifest"] for entry in group["weights"]]
    return nodes, _constants(manifest, regular.read(weights, MAX_WEIGHT_BYTES))


def _node(entry: Mapping[str, Any]) -> Node:
    attributes = {str(key): _attribute(value) for key, value in entry.get("attr", {}).items() if key != "value"}
    inputs = tuple(str(name) for name in entry.get("input", ()) if not str(name).startswith("^"))  # ^: order only
    return Node(str(entry["name"]), str(entry["op"]), inputs, attributes)


def _attribute(value: Mapping[str, Any]) -> object:
    """An attribute in the JSON form of protocol buffers: 64-bit integers are strings, strings are base64."""
    ((kind, content),) = value.items()
    match kind:
        case "s":
            return base64.b64decode(content).decode("utf-8")
        case "i":
            return int(content)
        case "f":
            return float(content)
        case "b":
            return bool(content)
        case "shape":
            return [int(dimension.get("size", 0)) for dimension in content["shape" if "shape" in content else "dim"]]
        case "list":
            return [_attribute({key: item}) for key, items in content.items() for item in items]
    return content


def _constants(manifest: list[Mapping[str, Any]], data: bytes) -> dict[str, Array]:
    """Constants by name, as they are stored; the manifest must account for every byte."""
    found: dict[str, Array] = {}
    position = 0
    for entry in manifest:
        dtype = np.dtype(_DTYPES[entry.get("quantization", entry)["dtype"]])
        array = np.frombuffer(data, dtype, math.prod(entry["shape"]), position).reshape(entry["shape"])
        found[str(entry["name"])] = array
        position += array.nbytes
    if position != len(data):
        raise ValueError("the weights are longer than their manifest says")
    return found


class _Translation(GraphBuilder):
    """The ONNX graph of the values that were asked for.

    An operation that is given an array where it takes a tensor, or the reverse, is an AttributeError: not translated.
    """

    def __init__(self, nodes: Mapping[str, Node], constants: Mapping[str, Array], take: Mapping[str, str]) -> None:
        super().__init__()
        self.source, self.constants, self.take = nodes, constants, take
        self.values: dict[str, Value] = {}
        self.inputs: dict[str, list[int]] = {}

    def give(self, value: Value, label: str) -> int:
        """Make a value an output, with its axes in TensorFlow's order; returns their number."""
        rank = value.ndim if isinstance(value, Array) else len(value.order)
        self.op("Identity", self.ordered(value, tuple(range(rank)), f"{label}/ordered"), name=label)
        return rank

    def value(self, source: str) -> Value:
        """A value of the source, after those that it needs; a loop is a RecursionError."""
        if source not in self.values:
            node = self.source[source.partition(":")[0]]
            found = self.translated(node, [self.value(each) for each in node.inputs])
            outputs = found if isinstance(found, list) else [found]
            self.values |= {f"{node.name}:{i}" if i else node.name: value for i, value in enumerate(outputs)}
        return self.values[source]

    def translated(self, node: Node, given: list[Value]) -> Value | list[Value]:
        if node.op == "Placeholder":
            label, shape = self.take[node.name], node.attributes["shape"]
            self.inputs[label] = shape
            return Tensor(label, tuple(range(len(shape))))
        if node.op == "Const":
            return self.constants[node.name]
        if node.op not in _OPERATIONS:
            raise ValueError(f"operation {node.op} is not translated")
        return _OPERATIONS[node.op](self, node, *given)

    def made(self, kind: str, order: tuple[int, ...], name: str, *inputs: str, **attributes: Any) -> Tensor:  # noqa: ANN401 - as make_node takes them
        return Tensor(self.op(kind, *inputs, name=name, **attributes), order)

    def ordered(self, value: Value, order: tuple[int, ...], name: str) -> str:
        """The value with its axes held in this order, transposed if they are not."""
        if isinstance(value, Array):
            array = value.reshape((1,) * (len(order) - value.ndim) + value.shape)
            return self.weight(name, np.transpose(array, np.argsort(order)))
        if len(value.order) != len(order):
            raise ValueError(f"{name} combines values of different rank")
        if value.order == order:
            return value.name
        wanted = [value.order[order.index(axis)] for axis in range(len(order))]
        return self.op("Transpose", value.name, name=name, perm=wanted)

    def channels_first(self, value: Value, node: Node) -> str:
        return self.ordered(value, _CHANNELS_FIRST, f"{node.name}/input")

    def integers(self, name: str, numbers: Array) -> str:
        return self.weight(name, numbers.astype(np.int64).reshape(-1))

    def convolve(self, node: Node, x: Value, kernel: Array, bias: Sequence[Array], group: int = 1) -> Tensor:
        """A convolution with an ONNX kernel [out, in / group, height, width] and the bias, if there is one."""
        names = [self.channels_first(x, node), self.weight(f"{node.name}/kernel", kernel)]
        names += [self.weight(f"{node.name}/bias", each) for each in bias]
        return self.made("Conv", _CHANNELS_FIRST, node.name, *names, group=group, **_window(node))

    def conv2d(self, node: Node, x: Value, kernel: Array, *bias: Array) -> Tensor:
        return self.convolve(node, x, kernel.transpose(3, 2, 0, 1), bias)

    def depthwise(self, node: Node, x: Value, kernel: Array, *bias: Array) -> Tensor:
        height, width, channels, multiplier = kernel.shape
        turned = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        return self.convolve(node, x, turned, bias, group=channels)

    def fused_conv2d(self, node: Node, x: Value, kernel: Array, *bias: Array) -> Tensor:
        made = self.conv2d(node, x, kernel, *bias)
        if node.attributes["fused_ops"] == ["BiasAdd", "Relu"]:
            return self.made("Relu", made.order, f"{node.name}/Relu", made.name)
        _require(node, fused_ops=["BiasAdd"])
        return made

    def add(self, node: Node, *given: Value) -> Value:
        constants = [value for value in given if isinstance(value, Array)]
        if len(constants) == len(given):
            _check_folded(np.broadcast_shapes(*(value.shape for value in constants)))
            return np.asarray(np.add(*constants))
        order = next(value for value in given if isinstance(value, Tensor)).order
        names = [self.ordered(value, order, f"{node.name}/{i}") for i, value in enumerate(given)]
        return self.made("Add", order, node.name, *names)

    def sparse_to_dense(self, node: Node, positions: Array, shape: Array, content: Array, default: Array) -> Array:
        _check_folded(tuple(map(int, shape)))
        dense = np.full(tuple(shape), default)
        dense[tuple(positions.T)] = content
        return dense

    def pad(self, node: Node, x: Tensor, paddings: Array, *fill: Array) -> Tensor:
        names = [self.integers(f"{node.name}/pads", paddings[np.argsort(x.order)].T)]
        names += [self.weight(f"{node.name}/fill", each.reshape(1)) for each in fill]
        return self.made("Pad", x.order, node.name, x.name, *names)

    def max_pool(self, node: Node, x: Value) -> Tensor:
        how = {"kernel_shape": node.attributes["ksize"][1:3], **_window(node)}
        return self.made("MaxPool", _CHANNELS_FIRST, node.name, self.channels_first(x, node), **how)

    def concat(self, node: Node, x: Tensor, *more: Any) -> Tensor:  # noqa: ANN401 - values, and the axis as an array
        names = [self.ordered(value, x.order, f"{node.name}/{i}") for i, value in enumerate([x, *more[:-1]])]
        return self.made("Concat", x.order, node.name, *names, axis=x.order[more[-1].item()])

    def split(self, node: Node, x: Tensor, sizes: Array, axis: Array) -> list[Value]:
        names = [f"{node.name}:{i}" if i else node.name for i in range(sizes.size)]
        lengths = self.integers(f"{node.name}/sizes", sizes)
        return [
            Tensor(name, x.order) for name in self.ops("Split", [x.name, lengths], names, axis=x.order[axis.item()])
        ]

    def resize_bilinear(self, node: Node, x: Value, size: Array) -> Tensor:
        _require(node, align_corners=False, half_pixel_centers=True)
        name = self.channels_first(x, node)
        # Resize's attribute `axes` would spare this, but ONNX Runtime 1.2x loses it when it moves a transpose across.
        kept = self.op("Shape", name, name=f"{node.name}/kept", start=0, end=2)
        sizes = self.op("Concat", kept, self.integers(f"{node.name}/size", size), name=f"{node.name}/sizes", axis=0)
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.made("Resize", _CHANNELS_FIRST, node.name, name, "", "", sizes, **how)

    def reshape(self, node: Node, x: Tensor, shape: Array) -> Tensor:
        plain = self.ordered(x, tuple(range(len(x.order))), f"{node.name}/input")
        return self.made(
            "Reshape", tuple(range(shape.size)), node.name, plain, self.integers(f"{node.name}/shape", shape)
        )

    def transpose(self, node: Node, x: Tensor, permutation: Array) -> Tensor:
        if sorted(permutation) != [*range(len(x.order))]:
            raise ValueError(f"{node.name} does not permute its axes")
        return Tensor(x.name, tuple(x.order[axis] for axis in permutation))

    def each(self, node: Node, x: Tensor) -> Tensor:
        """An operation on every element by itself, which ONNX has by the same name."""
        how = {name: node.attributes[name] for name in {"alpha"} & node.attributes.keys()}
        return self.made(node.op, x.order, f"{node.name}/{node.op}", x.name, **how)


def _require(node: Node, **wanted: object) -> None:
    for key, value in wanted.items():
        if node.attributes.get(key) != value:
            raise ValueError(f"{node.op} with {key} other than {value} is not translated")


def _window(node: Node) -> dict[str, Any]:
    """ONNX attributes of a convolution's or pooling's window."""
    _require(node, data_format="NHWC")
    padding = {"SAME": "SAME_UPPER", "VALID": "VALID"}[node.attributes["padding"]]
    sizes = {key: node.attributes[key][1:3] for key in ("strides", "dilations") if key in node.attributes}
    return {"auto_pad": padding, **sizes}


def _check_folded(shape: tuple[int, ...]) -> None:
    if not 0 <= math.prod(shape) <= MAX_FOLDED:
        raise ValueError(f"a constant of {math.prod(shape):,} elements is not computed")


_OPERATIONS: dict[str, Callable[..., Value | list[Value]]] = {
    "Add": _Translation.add,
    "AddV2": _Translation.add,
    "ConcatV2": _Translation.concat,
    "Conv2D": _Translation.conv2d,
    "DepthwiseConv2dNative": _Translation.depthwise,
    "Identity": lambda graph, node, value: value,
    "LeakyRelu": _Translation.each,
    "MaxPool": _Translation.max_pool,
    "Pad": _Translation.pad,
    "PadV2": _Translation.pad,
    "Relu": _Translation.each,
    "Reshape": _Translation.reshape,
    "ResizeBilinear": _Translation.resize_bilinear,
    "Sigmoid": _Translation.each,
    "SparseToDense": _Translation.sparse_to_dense,
    "SplitV": _Translation.split,
    "Transpose": _Translation.transpose,
    "_FusedConv2D": _Translation.fused_conv2d,
}
