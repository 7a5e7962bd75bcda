"""One ONNX model in another precision, by one of `METHODS`."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    ModelCorrupt,
    QuantizationFailed,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.onnx import folding, graphs, qdq, ranges, rules
from edge_assistant_quantize.onnx.methods import (
    DYNAMIC,
    FP16,
    INT4,
    INT8,
    STATIC,
    calibrates,
    check_options,
    parse_rules,
)
from edge_assistant_quantize.onnx.plan import plan
from edge_assistant_quantize.progress import Watch

if TYPE_CHECKING:
    import onnx

    from edge_assistant_quantize.onnx.calibration import Calibration


def quantize(
    model: Path,
    output: Path,
    method: str,
    *,
    calibration: Calibration | None = None,
    exclude: Collection[str] = (),
    options: Mapping[str, object] = {},
    threads: int,
    watch: Watch,
) -> str:
    """Write a model in another precision; the same input gives the same tensors.

    Args:
        model: float32, or with half-precision weights that are widened for use.
        output: an .onnx file, written whole or not at all.
        method: one of `METHODS`.
        calibration: of `static-int8` and of GPTQ.
        exclude: names of nodes that stay as they are; a node without a name has that of its first output.
        options: of the method, see `methods`; the result of `prepared` replaces calibration.
        threads: cores to use.
        watch: receives the steps.

    Returns:
        What is to be known of the result: the model was quantized already, or is no smaller now; else empty.

    Raises:
        UsageError: an unknown method, option or node.
        CalibrationInvalid: calibration data is missing, or not of the kind that the model takes.
        WeightsRefused: the file is unsound, or holds what is not finite.
        QuantizationFailed: the method does not fit the model, or ONNX Runtime cannot run the result.
        ModelTooLarge, StorageFull: there is no room.
    """
    checked = check_options(method, options)
    graph = graphs.load(model)
    unknown = set(exclude) - {folding.title(node) for node in graph.graph.node}
    if unknown:
        raise UsageError(f"the model has no node '{min(unknown)}'", "see 'edge-quantize sensitivity' for their names")
    again, before = graphs.quantized_nodes(graph), graph.ByteSize()
    try:
        ready = prepared(graph, method, checked, calibration, threads=threads, watch=watch)
        made = transformed(graph, method, ready, exclude)
    except QuantizationFailed as error:
        if not again:
            raise
        raise QuantizationFailed(f"{error.message}; it was quantized already", "take the float model") from error
    graphs.save(made, output, threads=threads)
    notes = []
    if again:
        notes.append(f"{model.name} was quantized already ({again} nodes): expect worse than from its float model")
    if (size := output.stat().st_size) >= before:
        why = ", as products and tables have few of its weights" if method in {INT8, INT4} else ""
        notes.append(f"{output.name} is no smaller than {model.name} ({size / before:.0%}){why}")
    return "; ".join(notes)


def prepared(
    graph: onnx.ModelProto,
    method: str,
    options: Mapping[str, object],
    calibration: Calibration | None,
    *,
    threads: int,
    watch: Watch,
) -> dict[str, Any]:
    """The options of a method with its measurements over calibration data, which is then not needed any more.

    Ranges and means are of all values that `static-int8` reads, whatever is excluded later, and rounded as tables write
    them, so that the same model can be made from a table. Of GPTQ they are the moments of what products are given.

    Raises:
        EdgeAssistantError: see `quantize`.
    """
    checked = check_options(method, options)
    if not calibrates(method, checked) or "moments" in checked:
        return checked
    if calibration is None:
        raise CalibrationInvalid(f"{method} needs calibration data", "give some: --calibration DIR --role ROLE")
    how: dict[str, Any] = {"feeds": calibration, "threads": threads, "watch": watch}
    if method == INT4:
        ready = folding.widen(graph)
        names = {node.input[0] for node in rules.candidates(ready) if node.op_type != "Gather"}
        return {**checked, "moments": ranges.moments(ready, sorted(names), **how)}
    ready = folding.fold(graph)
    try:
        planned = plan(ready)
    except ModelCorrupt as error:
        raise QuantizationFailed(error.message, error.hint) from None
    if not planned.measurable:
        return {**checked, "ranges": {}, "means": {}}
    calibrator, slopes = checked.get("calibrator", ranges.DEFAULT), _slopes(ready.graph)
    found = ranges.measure(ready, planned.measurable, calibrator=calibrator, slopes=slopes, **how)
    means = ranges.means(ready, planned.averaged, **how) if planned.averaged else {}
    return {
        **checked,
        "ranges": {name: (float(f"{low:.7g}"), float(f"{high:.7g}")) for name, (low, high) in found.items()},
        "means": {name: [float(f"{mean:.3g}") for mean in each] for name, each in means.items()},
    }


def transformed(
    graph: onnx.ModelProto, method: str, options: Mapping[str, Any], exclude: Collection[str]
) -> onnx.ModelProto:
    """A graph in another precision, with options of `prepared`; see `quantize`."""
    try:
        return rewritten(graph, method, options, exclude)
    except ModelCorrupt as error:  # tables take it as it is
        kind = WeightsRefused if "finite" in error.message else QuantizationFailed
        raise kind(error.message, error.hint) from None


def rewritten(
    graph: onnx.ModelProto, method: str, options: Mapping[str, Any], exclude: Collection[str]
) -> onnx.ModelProto:
    """A graph in another precision, with options that need no calibration any more.

    Raises:
        ModelCorrupt: the model has no such nodes or values, a weight is not finite, or the method does not fit it.
    """
    if method == STATIC:
        how = {name: value for name, value in options.items() if name in {"means", "weight_bits"}}
        return qdq.static_int8(graph, options["ranges"], exclude, **how)
    if method in {INT8, INT4}:
        how = {name: value for name, value in options.items() if name != "algorithm"}
        return rules.weights_only(graph, 8 if method == INT8 else 4, exclude, **how)
    if method == FP16:
        return rules.half(graph, exclude)
    if method == DYNAMIC:
        return _dynamic(graph, exclude)
    if exclude:
        raise UsageError("rules name weights, not nodes", "put a rule for what is to stay before the others")
    return rules.apply(graph, parse_rules(options["rules"]))


def _slopes(graph: onnx.GraphProto) -> dict[str, float]:
    """Of each value that only a leaky ReLU reads, its factor for negative numbers."""
    read = folding.uses(graph)
    return {
        node.input[0]: float(folding.attributes(node).get("alpha", 0.01))
        for node in graph.node
        if node.op_type == "LeakyRelu" and read[node.input[0]] == 1
    }


def _dynamic(graph: onnx.ModelProto, exclude: Collection[str]) -> onnx.ModelProto:
    """Convolutions get uint8 weights, as ONNX Runtime has no other for them on a CPU."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as `Runtime.session` does, before the library is imported
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # ONNX Runtime's quantizer writes advice to the root log
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
        path = Path(folder) / "model.onnx"
        wide, kept = folding.widen(graph), list(exclude)
        try:
            quantize_dynamic(wide, path, weight_type=QuantType.QUInt8, nodes_to_exclude=kept)
        except (RuntimeError, ValueError, KeyError, AttributeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise QuantizationFailed(f"ONNX Runtime cannot quantize it ({reason})", "take another method") from error
        finally:
            logging.disable(disabled)
        return onnx.load(str(path))
