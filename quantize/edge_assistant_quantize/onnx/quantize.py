"""One ONNX model in another precision, by a method of `methods`."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_assistant_quantize.errors import CalibrationInvalid, QuantizationFailed, UsageError
from edge_assistant_quantize.onnx import folding, graphs, qdq, ranges, rules
from edge_assistant_quantize.onnx.methods import Fp16, Int4Weights, Int8Weights, Method, Rules, StaticInt8
from edge_assistant_quantize.onnx.plan import IntegerPlan

if TYPE_CHECKING:
    import onnx

    from edge_assistant_quantize.onnx.calibration import Calibration


def quantize(model: Path, output: Path, method: Method, *, calibration: Calibration | None = None, threads: int) -> str:
    """Write a model in another precision; the same input gives the same tensors.

    Args:
        model: float32, or with half-precision weights that are widened for use.
        output: an .onnx file, written whole or not at all.
        method: how.
        calibration: if the method calibrates.
        threads: cores to use.

    Returns:
        What is to be known of the result: the model was quantized already, or is no smaller now; else empty.

    Raises:
        UsageError: there is no node that is to be excluded.
        CalibrationInvalid: calibration data is missing, or not of the kind that the model takes.
        WeightsRefused: the file is unsound, or holds what is not finite.
        QuantizationFailed: the method does not fit the model, or ONNX Runtime cannot run the result.
        ModelTooLarge, StorageFull: there is no room.
    """
    graph = graphs.load(model)
    again, before = graphs.quantized(graph), graph.ByteSize()
    try:
        made = rewritten(graph, method, calibration)
    except QuantizationFailed as error:
        if not again:
            raise
        raise QuantizationFailed(f"{error.message}; it was quantized already", "take the float model") from error
    graphs.save(made, output, threads=threads)
    notes = []
    if again:
        notes.append(f"{model.name} was quantized already ({again} weights): expect worse than from its float model")
    if (size := output.stat().st_size) >= before:
        why = ", as products and tables have few of its weights" if isinstance(method, Int8Weights) else ""
        notes.append(f"{output.name} is no smaller than {model.name} ({size / before:.0%}){why}")
    return "; ".join(notes)


def calibrated(model: onnx.ModelProto, method: Method, calibration: Calibration | None) -> Method:
    """A method with what is measured of a float model over calibration data, which is then not needed any more.

    Ranges and means are of all values that `static-int8` reads, whatever is excluded later, and rounded as tables write
    them, so that the same model can be made from a table. Of GPTQ they are the moments of what products are given.

    Raises:
        EdgeAssistantError: see `quantize`.
    """
    if not method.calibrates:
        return method
    if calibration is None:
        what = f"{method.__struct_config__.tag} needs calibration data"
        raise CalibrationInvalid(what, "give some: --calibration DIR --role ROLE")
    ready = folding.fold(model)
    if not isinstance(method, StaticInt8):
        names = {node.input[0] for node in rules.candidates(ready) if node.op_type != "Gather"}
        return replace(method, moments=ranges.moments(ready, sorted(names), calibration))
    planned = IntegerPlan(ready)
    found = ranges.measure(ready, planned.measurable, calibration, method.calibrator)
    means = ranges.means(ready, [*planned.averaged], calibration)
    return replace(
        method,
        ranges={name: (float(f"{low:.7g}"), float(f"{high:.7g}")) for name, (low, high) in found.items()},
        means={name: [float(f"{mean:.3g}") for mean in each] for name, each in means.items()},
    )


def rewritten(model: onnx.ModelProto, method: Method, calibration: Calibration | None = None) -> onnx.ModelProto:
    """A model in another precision.

    Raises:
        EdgeAssistantError: see `quantize`.
    """
    if unknown := {*method.excluded} - {folding.title(node) for node in model.graph.node}:
        raise UsageError(f"the model has no node '{min(unknown)}'", "see 'edge-quantize sensitivity' for their names")
    match method := calibrated(model, method, calibration):
        case StaticInt8():
            return qdq.static_int8(model, method.ranges or {}, method.excluded, method.means)
        case Int4Weights():
            return rules.in_blocks(model, 4, method.block_size, method.excluded, method.moments)
        case Int8Weights():
            return rules.in_blocks(model, 8, method.block_size, method.excluded)
        case Fp16():
            return rules.half(model, method.excluded)
        case Rules():
            return rules.apply(model, method.rules)
    return _dynamic(model, method)


def _dynamic(model: onnx.ModelProto, method: Method) -> onnx.ModelProto:
    """Convolutions get uint8 weights, as ONNX Runtime has no other for them on a CPU."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as `Runtime.session` does, before the library is imported
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # ONNX Runtime's quantizer writes advice to the root log
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
        path = Path(folder) / "model.onnx"
        wide, kept = folding.widen(model), list(method.excluded)
        try:
            quantize_dynamic(wide, path, weight_type=QuantType.QUInt8, nodes_to_exclude=kept)
        except (RuntimeError, ValueError, KeyError, AttributeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise QuantizationFailed(f"ONNX Runtime cannot quantize it ({reason})", "take another method") from error
        finally:
            logging.disable(disabled)
        return onnx.load(str(path))
