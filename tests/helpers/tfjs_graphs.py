"""Tiny TensorFlow.js graph models, written as the converter writes them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np


class GraphModel:
    """A graph model as it grows; write it with `write`."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.manifest: list[dict[str, Any]] = []
        self.data = b""

    def input(self, name: str, shape: list[int]) -> str:
        dimensions = {"shape": {"dim": [{"size": str(size)} for size in shape]}}
        return self.node("Placeholder", name, [], {"shape": {"shape": dimensions["shape"]}})

    def constant(self, name: str, array: np.ndarray, *, half: bool = False) -> str:
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
        if half:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            array = array.astype("<f2")
        self.manifest.append(entry)
        self.data += array.tobytes()
        return self.node("Const", name, [], {})

    def node(self, op: str, name: str, inputs: list[str], attributes: dict[str, Any]) -> str:
        self.nodes.append({"name": name, "op": op, "input": inputs, "attr": attributes})
        return name

    def write(self, folder: Path) -> dict[str, Path]:
        document = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": self.manifest}],
        }
        paths = {"graph": folder / "model.json", "weights": folder / "weights.bin"}
        paths["graph"].write_text(json.dumps(document))
        paths["weights"].write_bytes(self.data)
        return paths


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def integers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def window(padding: str, stride: int, **more: Any) -> dict[str, Any]:
    return {
        "data_format": text("NHWC"),
        "padding": text(padding),
        "strides": integers(1, stride, stride, 1),
        **more,
    }
