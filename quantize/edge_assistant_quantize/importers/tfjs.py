"""TensorFlow.js graph models: read `model.json` and its weights, and write the same graph as ONNX.

The format: `modelTopology.node` is a list of TensorFlow nodes (name, op, inputs, attributes) in the JSON form of
protocol buffers; `weightsManifest` names the constants in the order in which their bytes lie in the weight file
(https://github.com/tensorflow/tfjs, tfjs-core/src/io/types.ts). Files are untrusted: every size is checked against the
file, and unknown forms are refused.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_assistant_models import regular
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.importers.tfjs_operations import Graph, Node, translate

INPUTS = ("graph", "weights")
MAX_GRAPH_BYTES = 16 << 20  # the largest graphs in use have 1 MB of JSON; what is cut off is none
MAX_WEIGHT_BYTES = 512 << 20
MAX_NODES = 20_000
_DTYPES = {"float32": "<f4", "int32": "<i4", "float16": "<f2"}
_AGAIN = "get the model's files again"


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
    source = inputs["graph"].name
    try:
        translate(_read(inputs["graph"], inputs["weights"]), output / "model.onnx", name=name, take=take, give=give)
    except ModelCorrupt:
        raise
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelCorrupt(
            f"{source} is not a TensorFlow.js graph model that can be read ({reason})", _AGAIN
        ) from error
    quantizations.apply(quantization, output)


def numbered(outputs: Sequence[str]) -> dict[str, str]:
    """Names of outputs by the converter's names for them: `Identity`, `Identity_1` and so on."""
    return {f"Identity_{number}" if number else "Identity": name for number, name in enumerate(outputs)}


def _read(graph: Path, weights: Path) -> Graph:
    """Read a graph model whose weights lie in one file."""
    document = json.loads(regular.read(graph, MAX_GRAPH_BYTES))
    nodes = [_node(entry) for entry in document["modelTopology"]["node"]]
    if len(nodes) > MAX_NODES or len({node.name for node in nodes}) != len(nodes):
        raise ModelCorrupt(f"{graph.name} has too many nodes or two of one name", _AGAIN)
    manifest = [entry for group in document["weightsManifest"] for entry in group["weights"]]
    constants = _constants(manifest, regular.read(weights, MAX_WEIGHT_BYTES), weights.name)
    return Graph({node.name: node for node in nodes}, constants)


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


def _constants(manifest: list[Mapping[str, Any]], data: bytes, source: str) -> dict[str, np.ndarray]:
    """Constants by name, as they are stored; the manifest must account for every byte."""
    found: dict[str, np.ndarray] = {}
    position = 0
    for entry in manifest:
        dtype = np.dtype(_DTYPES[entry.get("quantization", entry)["dtype"]])
        shape = tuple(int(size) for size in entry["shape"])
        count = math.prod(shape)
        if any(not 0 <= size < 2**31 for size in shape) or position + count * dtype.itemsize > len(data):
            raise ModelCorrupt(f"{source} is shorter than its manifest says", _AGAIN)
        found[str(entry["name"])] = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += count * dtype.itemsize
    if position != len(data):
        raise ModelCorrupt(f"{source} is longer than its manifest says", _AGAIN)
    return found
