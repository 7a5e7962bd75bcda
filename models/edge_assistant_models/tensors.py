"""The digest of an ONNX file by what it computes: weights, nodes, inputs and outputs, not the bytes that hold them.

Another release of onnx may lay out the same model in other bytes; this digest stays.
`python -m edge_assistant_models.tensors FILE...` prints it.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models.errors import ModelCorrupt

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, TensorProto, ValueInfoProto


class _Digest:
    """A sha256 over fields, each led by its length, so that no two sequences of fields are the same bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, *fields: object) -> None:
        for value in fields:
            content = value if isinstance(value, bytes) else str(value).encode()
            self._hash.update(struct.pack("<Q", len(content)))
            self._hash.update(content)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def tensor_digest(path: Path) -> str:
    """Digest an ONNX file.

    Covered are the operator sets, the metadata, inputs and outputs with type and shape, every initializer in the order
    of names (name, type, shape, little-endian bytes), and the nodes in order with their attributes and subgraphs.

    Raises:
        ModelCorrupt: it is not ONNX, or refers to data outside the file.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise ModelCorrupt(f"{path.name} is not an ONNX file ({error})", "pull the model again") from error
    digest = _Digest()
    for opset in sorted(model.opset_import, key=lambda opset: opset.domain):
        digest.add("opset", opset.domain, opset.version)
    for item in sorted(model.metadata_props, key=lambda item: item.key):
        digest.add("metadata", item.key, item.value)
    if model.functions:
        raise ModelCorrupt(f"{path.name} defines functions of its own", "export the model without them")
    _add_graph(digest, model.graph, path.name)
    return digest.hexdigest()


def _add_graph(digest: _Digest, graph: GraphProto, name: str) -> None:
    if graph.sparse_initializer:
        raise ModelCorrupt(f"{name} has sparse weights", "export the model with dense ones")
    for kind, values in (("input", graph.input), ("output", graph.output)):
        for value in values:
            _add_value(digest, kind, value)
    for tensor in sorted(graph.initializer, key=lambda tensor: tensor.name):
        _add_tensor(digest, tensor, name)
    for node in graph.node:
        digest.add("node", node.domain, node.op_type, len(node.input), *node.input, len(node.output), *node.output)
        for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
            _add_attribute(digest, attribute, name)
    digest.add("end")


def _add_value(digest: _Digest, kind: str, value: ValueInfoProto) -> None:
    shape = value.type.tensor_type.shape
    sizes = [size.dim_param or size.dim_value for size in shape.dim]
    digest.add(kind, value.name, value.type.tensor_type.elem_type, len(sizes), *sizes)


def _add_tensor(digest: _Digest, tensor: TensorProto, name: str) -> None:
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ModelCorrupt(f"{name} keeps weights outside the file", "export the model into one file")
    digest.add("tensor", tensor.name, tensor.data_type, len(tensor.dims), *tensor.dims)
    if tensor.HasField("raw_data"):
        digest.add(tensor.raw_data)
    elif tensor.data_type == TensorProto.STRING:
        digest.add(len(tensor.string_data), *tensor.string_data)
    else:
        values = numpy_helper.to_array(tensor)
        digest.add(values.astype(values.dtype.newbyteorder("<")).tobytes())


def _add_attribute(digest: _Digest, attribute: AttributeProto, name: str) -> None:
    digest.add("attribute", attribute.name, attribute.type)
    digest.add(struct.pack("<f", attribute.f), attribute.i, attribute.s)
    digest.add(len(attribute.floats), struct.pack(f"<{len(attribute.floats)}f", *attribute.floats))
    digest.add(len(attribute.ints), *attribute.ints)
    digest.add(len(attribute.strings), *attribute.strings)
    for tensor in ([attribute.t] if attribute.HasField("t") else []) + list(attribute.tensors):
        _add_tensor(digest, tensor, name)
    for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
        _add_graph(digest, graph, name)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(tensor_digest(Path(argument)), argument)
