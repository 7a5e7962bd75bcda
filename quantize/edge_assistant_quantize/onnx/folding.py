"""An ONNX graph made ready for quantization: constants known by value, padding and bias taken into the convolutions.

Exporters leave a convolution's padding and bias as nodes of their own, and half-precision weights behind a Cast. An
integer convolution takes all three, so they are brought together first; what the graph computes stays the same.
numpy and onnx only, and the same graph in whatever release of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_FLOAT = 1  # TensorProto.FLOAT
LEAST_OPSET = 13  # the first whose DequantizeLinear takes a scale for each channel
_STANDARD = frozenset({"", "ai.onnx"})


def title(node: onnx.NodeProto) -> str:
    """What a node is called: its name, or that of its first output, which is unique too."""
    return str(node.name or node.output[0])


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the model in which every node has a name, and convolutions their padding and bias.

    A model of an older operator set than `LEAST_OPSET` is converted, if onnx knows its operators.

    Values keep their names, but for those between a convolution and what it has taken in, which are gone.
    """
    import onnx
    from onnx import version_converter

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        node.name = title(node)
    if 0 < opset(model) < LEAST_OPSET:
        with suppress(RuntimeError, version_converter.ConvertError):
            copy = version_converter.convert_version(copy, LEAST_OPSET)
    graph = copy.graph
    for node in graph.node:  # conversion adds some
        node.name = title(node)
    known = constants(graph)
    _pad(graph, known)
    _add_biases(graph, known)
    drop_unused(graph)
    return copy


def standard(node: onnx.NodeProto) -> bool:
    """Whether its operator is one of the standard's."""
    return node.domain in _STANDARD


def opset(model: onnx.ModelProto) -> int:
    """The version of the standard's operators; 0 if the model names none."""
    return max((item.version for item in model.opset_import if item.domain in _STANDARD), default=0)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def plain(node: onnx.NodeProto) -> bool:
    """Whether a product is of rows and a matrix as they are, neither scaled nor turned rows."""
    said = attributes(node)
    return said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA", 0)


def constants(graph: onnx.GraphProto) -> Mapping[str, Array]:
    """Every value of the graph that never changes, by name: initializers, Constant nodes, and their Casts."""
    from onnx import numpy_helper

    inputs = {value.name for value in graph.input}
    known: dict[str, Array] = {
        tensor.name: np.asarray(numpy_helper.to_array(tensor))
        for tensor in graph.initializer
        if tensor.name not in inputs
    }
    for node in graph.node:
        if node.op_type == "Constant" and standard(node) and node.attribute and node.attribute[0].name == "value":
            known[node.output[0]] = np.asarray(numpy_helper.to_array(node.attribute[0].t))
        elif standard(node) and node.input and node.input[0] in known:
            value = known[node.input[0]]
            if node.op_type == "Identity":
                known[node.output[0]] = value
            elif node.op_type == "Transpose":
                known[node.output[0]] = value.transpose(attributes(node).get("perm"))
            elif node.op_type == "Cast" and attributes(node)["to"] == _FLOAT and value.dtype.kind in "fiu":
                known[node.output[0]] = value.astype(np.float32)
    return known


def widen(model: onnx.ModelProto) -> onnx.ModelProto:
    """`fold`, with every weight a float32 initializer, for what looks at those only."""
    from onnx import numpy_helper

    ready = fold(model)
    known = constants(ready.graph)
    for node in ready.graph.node:
        if node.output and node.output[0] in known:
            ready.graph.initializer.append(numpy_helper.from_array(known[node.output[0]], node.output[0]))
            del node.output[:]
    drop_unused(ready.graph)
    return ready


def uses(graph: onnx.GraphProto) -> Counter[str]:
    """How often each value is read: by nodes, by graphs within them, and as an output of the graph."""
    count: Counter[str] = Counter(value.name for value in graph.output)
    for node in graph.node:
        count.update(name for name in node.input if name)
        for inner in subgraphs(node):
            count.update(uses(inner))
    return count


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs that a node holds, such as the branches of an If."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def drop_unused(graph: onnx.GraphProto) -> None:
    """Take out the nodes and initializers that nothing reads."""
    read = uses(graph)
    kept = []
    for node in reversed(list(graph.node)):
        if any(read[name] for name in node.output if name):
            kept.append(node)
            continue
        read.subtract(name for name in node.input if name)
        for inner in subgraphs(node):
            read.subtract(uses(inner))
    replace(graph, reversed(kept))
    weights = [tensor for tensor in graph.initializer if read[tensor.name] > 0]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def replace(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give a graph these nodes in place of its own."""
    held = list(nodes)
    del graph.node[:]
    graph.node.extend(held)


def _pad(graph: onnx.GraphProto, known: Mapping[str, Array]) -> None:
    """Let a convolution pad its input with zeros by itself, and a MaxPool with what is never the greatest."""
    from onnx import helper

    fills = {"Conv": 0.0, "MaxPool": -np.inf}
    pads = {node.output[0]: node for node in graph.node if node.op_type == "Pad" and standard(node)}
    for node in graph.node:
        if node.op_type not in fills or not standard(node) or node.input[0] not in pads:
            continue
        pad, said = pads[node.input[0]], attributes(node)
        around = _around(pad, known, fills[node.op_type])
        if around is None or said.get("auto_pad", b"NOTSET") not in {b"NOTSET", b"VALID"}:
            continue
        own = said.get("pads", [0] * len(around))
        kept = [attribute for attribute in node.attribute if attribute.name not in {"auto_pad", "pads"}]
        del node.attribute[:]
        whole = helper.make_attribute("pads", [a + b for a, b in zip(own, around, strict=True)])
        node.attribute.extend([*kept, whole])
        node.input[0] = pad.input[0]


def _around(pad: onnx.NodeProto, known: Mapping[str, Array], fill: float) -> list[int] | None:
    """The amounts of `fill` that a Pad node adds before and after each spatial axis; None if it does anything else."""
    _, amount, value, axes = [*pad.input, "", "", ""][:4]
    if attributes(pad).get("mode", b"constant") != b"constant" or amount not in known or axes:
        return None
    if (value and value not in known) or (float(known[value].item()) if value else 0.0) != fill:
        return None
    amounts = [int(each) for each in known[amount]]
    before, after = amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :]
    return None if min(amounts) < 0 or any((*before[:2], *after[:2])) else before[2:] + after[2:]


def _add_biases(graph: onnx.GraphProto, known: Mapping[str, Array]) -> None:
    """Let a convolution add the constant behind it by itself."""
    from onnx import numpy_helper

    read = uses(graph)
    made = {output: node for node in graph.node if node.op_type == "Conv" for output in node.output}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        adds = node.op_type == "Add" and standard(node)
        ways = (tuple(node.input), tuple(reversed(node.input))) if adds else ()
        for value, constant in ways:
            convolution = made.get(value)
            if convolution is None or read[value] != 1 or not _a_channel(constant, convolution, known):
                continue
            parts = [known[name].reshape(-1).astype(np.float32) for name in (constant, *convolution.input[2:]) if name]
            del convolution.input[2:]
            convolution.input.append(f"{convolution.name}/whole_bias")
            convolution.output[0] = node.output[0]
            graph.initializer.append(numpy_helper.from_array(np.sum(parts, axis=0), convolution.input[2]))
            break
        else:
            nodes.append(node)
    replace(graph, nodes)


def _a_channel(constant: str, convolution: onnx.NodeProto, known: Mapping[str, Array]) -> bool:
    """Whether a constant is one number for each channel of a convolution, of which all is known."""
    if any(name and name not in known for name in (constant, *convolution.input[1:])):
        return False
    weight, shape = known[convolution.input[1]], known[constant].shape
    whole = (1,) * (weight.ndim - len(shape)) + shape
    return whole == (1, len(weight), *(1,) * (weight.ndim - 2))
