"""Small ONNX graphs for tests: chains of Conv, Gemm, MatMul, Add and ReLU with weights of a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, SIDE, FEATURES = 16, 6, 12


class Chain:
    """A graph that grows node by node; each layer reads what the one before gave."""

    def __init__(self, seed: int, shape: Sequence[int | str]) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = list(shape)
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.value = "x"

    def weight(self, *shape: int) -> str:
        name = f"w{len(self.tensors)}"
        values = self.random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
        self.tensors.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def numbers(self, values: Sequence[int]) -> str:
        name = f"n{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def emit(self, kind: str, *inputs: str, **said: Any) -> str:
        self.value = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [self.value], **said))
        return self.value

    def add(self, kind: str) -> None:
        """One layer that keeps the shape."""
        match kind:
            case "conv":
                weight = self.weight(CHANNELS, CHANNELS, 3, 3)
                self.emit("Conv", self.value, weight, self.weight(CHANNELS), pads=[1, 1, 1, 1])
            case "gemm":
                self.emit("Gemm", self.value, self.weight(FEATURES, FEATURES), self.weight(FEATURES), transB=1)
            case "matmul":
                self.emit("MatMul", self.value, self.weight(FEATURES, FEATURES))
            case "sum":
                before = self.value
                self.add("conv" if len(self.shape) == 4 else "gemm")
                self.emit("Add", before, self.value)
            case "relu":
                self.emit("Relu", self.value)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(self.value, TensorProto.FLOAT, None)],
            self.tensors,
        )
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def chain(seed: int, kinds: Sequence[str], *, pictures: bool) -> onnx.ModelProto:
    """A chain of layers over pictures [1, 16, 6, 6] or rows [n, 12]."""
    built = Chain(seed, [1, CHANNELS, SIDE, SIDE] if pictures else ["n", FEATURES])
    for kind in kinds:
        built.add(kind)
    return built.model()


def feeds(seed: int, count: int, *, pictures: bool) -> list[dict[str, Any]]:
    """What such a chain is given."""
    random = np.random.default_rng(seed + 1)
    shape = (1, CHANNELS, SIDE, SIDE) if pictures else (5, FEATURES)
    return [{"x": random.normal(0, 1, shape).astype(np.float32)} for _ in range(count)]


def written(model: onnx.ModelProto, path: Path) -> Path:
    """The model in a file."""
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def noise(reference: Any, other: Any) -> float:
    """The relative error in the sense of least squares."""
    exact, found = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    return float(np.linalg.norm(exact - found) / max(np.linalg.norm(exact), 1e-12))
