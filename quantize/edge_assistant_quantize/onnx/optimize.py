"""A graph simplified once instead of at each start: ONNX Runtime's basic level, which any runtime can read.

That level folds constants, drops nodes without effect and joins standard operators (such as a batch normalisation with
its convolution); higher levels bring ONNX Runtime's own operators and layouts of this very processor
(https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html). Shapes are inferred.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.errors import CalibrationInvalid, QuantizationFailed, UsageError
from edge_assistant_quantize.onnx import folding, graphs, halves, sensitivity
from edge_assistant_quantize.onnx.builder import HALF

if TYPE_CHECKING:
    import onnx

_TOLERANCE_DB = -60.0  # of the difference that another order of float32 sums makes: 0.1 % and less
_SIZES = (1, 2, 8, 16, 64)  # that free axes are tried with
_FATAL = 4  # ONNX Runtime's level of logging


def optimize(model: Path, output: Path, *, threads: int) -> None:
    """Write a model that computes the same with fewer nodes, whole or not at all; it has to take made-up inputs.

    Raises:
        WeightsRefused: the file is unsound.
        UsageError, CalibrationInvalid: it does not take made-up inputs.
        QuantizationFailed: ONNX Runtime cannot run it, or computes something else afterwards.
        StorageFull: the disk does not take it.
    """
    before = graphs.load(model)
    with graphs.making(output, 3 * before.ByteSize()) as path:
        one = path.with_name("before.onnx")  # the model itself may keep weights in other files
        one.write_bytes(before.SerializeToString())
        after = _inferred(_basic(one, path, model.name))
        if any(tensor.data_type == HALF for tensor in before.graph.initializer):
            after = halves.half(after, exact=True)  # folding has widened the weights in half precision
        path.write_bytes(after.SerializeToString(deterministic=True))
        given = _made_up(path, threads)
        exact = list(sensitivity.outputs(before, given, threads))
        lost = sensitivity.noise_db(exact, sensitivity.outputs(after, given, threads))
        if lost > _TOLERANCE_DB:
            what = f"{model.name} computes something else when it is optimized (noise of {lost:.0f} dB)"
            raise QuantizationFailed(what, "quantize it as it is")


def _basic(model: Path, path: Path, name: str) -> onnx.ModelProto:
    """The graph of ONNX Runtime's basic level; the name is for messages.

    `Runtime.session` has no option to write the optimized graph.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = _FATAL
    try:
        onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own classes, which derive from Exception directly
        reason = str(error).splitlines()[0].replace(str(model), name)
        raise QuantizationFailed(f"{name} cannot be optimized ({reason})", "export it again") from error
    optimized = onnx.load(str(path))
    needed = [item for item in optimized.opset_import if item.domain in _domains(optimized.graph)]
    del optimized.opset_import[:]  # ONNX Runtime names every set that it knows
    optimized.opset_import.extend(needed)
    return optimized


def _domains(graph: onnx.GraphProto) -> set[str]:
    """The operator sets that a graph and those within it need."""
    names = {""} | {node.domain for node in graph.node}
    for node in graph.node:
        for inner in folding.subgraphs(node):
            names |= _domains(inner)
    return names


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same with the shapes of its values, where onnx knows its operators."""
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(model)
    except (shape_inference.InferenceError, ValueError):
        return model


def _made_up(path: Path, threads: int) -> list[dict[str, Any]]:
    """Feeds that the model takes: normal numbers, and zeros and ones for integers."""
    session = Runtime(threads).session(path)
    for size in _SIZES:
        feed = dict(_inputs(session.get_inputs(), size))
        try:
            session.run(None, feed)
        except Exception as error:
            if not graphs.is_refusal(error):
                raise
            continue
        return [feed]
    raise UsageError(f"{path.name} does not take made-up inputs", "give feeds of its kind to compare with")


def _inputs(inputs: Sequence[Any], size: int) -> Iterator[tuple[str, Any]]:
    random = np.random.default_rng(0)
    kinds = {"float": np.float32, "float16": np.float16, "double": np.float64, "bool": np.bool_, "uint8": np.uint8}
    kinds |= {"int64": np.int64, "int32": np.int32}
    for value in inputs:
        kind = kinds.get(value.type.removeprefix("tensor(").removesuffix(")"))
        if kind is None:
            raise CalibrationInvalid(f"the input '{value.name}' is a {value.type}", "give feeds to compare with")
        shape = [axis if isinstance(axis, int) and axis > 0 else size for axis in value.shape]
        whole = kind in {np.bool_, np.int64, np.int32, np.uint8}
        numbers = random.integers(0, 2, shape) if whole else random.normal(0, 1, shape)
        yield value.name, numbers.astype(kind)
