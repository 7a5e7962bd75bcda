"""An ONNX graph as an importer builds it: nodes without names, in operator set 18."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.onnx.builder import FLOAT, GraphBuilder

if TYPE_CHECKING:
    from edge_assistant_quantize.onnx.builder import Shapes

OPSET = 18  # read by ONNX Runtime 1.14 and later
IR_VERSION = 8  # the one that came with it


class Builder(GraphBuilder):
    """The graph as it grows; values are float32 unless an operation says otherwise."""

    def emit(self, kind: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any) -> list[str]:  # noqa: ANN401 - as make_node takes them
        """Add a node; its outputs are called by its name, with a number from the second on."""
        from onnx import helper

        names = [name if i == 0 else f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def op(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:  # noqa: ANN401
        """Add a node with one output, which has its name."""
        return self.emit(kind, inputs, name, **attributes)[0]

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant; half-precision weights stay so in the file and are widened when the model is loaded."""
        self.constant(name, np.ascontiguousarray(array))
        return self.op("Cast", name, name=f"{name}/float32", to=FLOAT) if array.dtype == np.float16 else name

    def save(self, path: Path, name: str, inputs: Shapes, outputs: Shapes, kinds: Mapping[str, int] = {}) -> None:
        """See `write`."""
        self.write(path, name, inputs, outputs, kinds=kinds, opsets={"": OPSET}, ir_version=IR_VERSION)
