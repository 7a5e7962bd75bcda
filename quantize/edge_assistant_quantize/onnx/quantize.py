"""One ONNX model in another precision.

| method | result |
| --- | --- |
| `dynamic-int8` | of `onnxruntime.quantization.quantize_dynamic`: a baseline, not a recommendation |
| `static-int8` | 8-bit activations in calibrated ranges and 8-bit weights, as `qdq` writes them |
| `int8-weights`, `int4-weights` | weights in blocks, a scale each: see `weight_only` |
| `fp16` | weights in half precision, computed in float32: half the size at the same speed |
| `rules` | each weight in the form that a rule for its name says: see `rules` |

All but the first give the same tensors on every machine, so that a model quantized here can be made again from its
float weights and a small table (`tables`).
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    ModelCorrupt,
    QuantizationFailed,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.onnx import folding, graphs, qdq, ranges, weight_only
from edge_assistant_quantize.onnx.builder import BLOCK_SIZES
from edge_assistant_quantize.onnx.plan import plan
from edge_assistant_quantize.progress import Step, Watch

if TYPE_CHECKING:
    import onnx

    from edge_assistant_quantize.onnx import rules
    from edge_assistant_quantize.onnx.calibration import Calibration

METHODS = ("dynamic-int8", "static-int8", "int8-weights", "int4-weights", "fp16", "rules")
DYNAMIC, STATIC, INT8, INT4, FP16, RULES = METHODS
CALIBRATED = frozenset({STATIC})

_BLOCKS = {"block_size": int, "symmetric": bool, "accuracy_level": int}
_MEASURED = {"bias_correction": bool, "ranges": dict, "means": dict}
_OPTIONS: Mapping[str, Mapping[str, type]] = {
    DYNAMIC: {"per_channel": bool},
    STATIC: {"calibrator": str, "percentile": float, "weight_bits": int, **_MEASURED},
    INT8: _BLOCKS,
    INT4: _BLOCKS,
    FP16: {},
    RULES: {"rules": list},
}
_CHOICES: Mapping[str, Collection[object]] = {
    "block_size": BLOCK_SIZES,
    "accuracy_level": (0, 1, 4),
    "calibrator": ranges.CALIBRATORS,
    "weight_bits": (4, 5, 6, 7, 8),
}


@dataclass(frozen=True, slots=True)
class Job:
    """The order to change a graph; see `quantize`."""

    method: str
    calibration: Calibration | None
    exclude: Collection[str]
    options: Mapping[str, Any]
    threads: int
    watch: Watch


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
) -> None:
    """Write a model in another precision; the same input gives the same tensors.

    Args:
        model: float32, or with half-precision weights that are widened for use.
        output: an .onnx file, written whole or not at all.
        method: one of `METHODS`.
        calibration: of `static-int8`.
        exclude: names of nodes that stay as they are; one without a name is called as its first output.
        options: of the method, see `_OPTIONS`; the result of `prepared` replaces calibration.
        threads: cores to use.
        watch: receives the steps.

    Raises:
        UsageError: an unknown method, option or node.
        CalibrationInvalid: calibration data is missing, or not of the kind that the model takes.
        WeightsRefused: the file is unsound, or holds what is not finite.
        QuantizationFailed: the method does not fit the model, or ONNX Runtime cannot run what came of it.
        ModelTooLarge, StorageFull: there is no room.
    """
    checked = check_options(method, options)
    graph = graphs.load(model)
    job = Job(method, calibration, exclude, checked, threads, watch)
    graphs.save(transformed(graph, job), output, threads=threads)


def prepared(
    model: Path,
    method: str,
    options: Mapping[str, object],
    calibration: Calibration | None,
    *,
    threads: int,
    watch: Watch,
) -> dict[str, Any]:
    """The options of a method with its measurements over calibration data, which is then not needed any more.

    Raises:
        EdgeAssistantError: see `quantize`.
    """
    checked = check_options(method, options)
    if method != STATIC or "ranges" in checked:
        return checked
    return measured(graphs.load(model), Job(method, calibration, (), checked, threads, watch))


def check_options(method: str, options: Mapping[str, object]) -> dict[str, Any]:
    """The options of a method, each of its type.

    Raises:
        UsageError: the method or an option is unknown, or has no such value.
    """
    if method not in METHODS:
        raise UsageError(f"no method '{method}' for ONNX models", f"choose one of {', '.join(METHODS)}")
    known = _OPTIONS[method]
    for key, value in options.items():
        if key not in known:
            hint = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{method} has no option '{key}'", hint)
        whole = known[key] is float and isinstance(value, int)
        if not (isinstance(value, known[key]) or whole) or (isinstance(value, bool) and known[key] is not bool):
            raise UsageError(f"'{key}' of {method} is no {known[key].__name__}", "correct its value")
        if key in _CHOICES and value not in _CHOICES[key]:
            choices = ", ".join(str(choice) for choice in _CHOICES[key])
            raise UsageError(f"'{key}' of {method} cannot be {value}", f"choose one of {choices}")
    if not 50 < float(str(options.get("percentile", 99.0))) <= 100:
        raise UsageError("'percentile' is a share in percent, above 50", "such as 99.99")
    if method == RULES:
        _rules(options)
    return dict(options)


def _rules(options: Mapping[str, object]) -> Sequence[rules.Rule]:
    from edge_assistant_quantize.onnx import rules

    try:
        return rules.parse(options.get("rules"))
    except ValueError as error:
        raise UsageError(str(error), f"correct the rules; forms are {', '.join(rules.FORMS)}") from None


def transformed(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """A graph in another precision; see `quantize`."""
    names = {node.name or node.output[0] for node in graph.graph.node}
    unknown = set(job.exclude) - names
    if unknown:
        raise UsageError(f"the model has no node '{min(unknown)}'", "see 'edge-quantize sensitivity' for their names")
    try:
        return rewritten(graph, job)
    except ModelCorrupt as error:  # tables take it as it is
        kind = WeightsRefused if "finite" in error.message else QuantizationFailed
        raise kind(error.message, error.hint) from None


def rewritten(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """A graph in another precision.

    Raises:
        ModelCorrupt: the model has no such nodes or values, a weight is not finite, or the method does not fit it.
    """
    match job.method:
        case "static-int8":
            options = job.options if "ranges" in job.options else measured(graph, job)
            bits = options.get("weight_bits", qdq.WEIGHT_BITS)
            return qdq.static_int8(graph, options["ranges"], job.exclude, means=options.get("means"), weight_bits=bits)
        case "int8-weights" | "int4-weights":
            return weight_only.weights_only(graph, 8 if job.method == INT8 else 4, job.exclude, **job.options)
        case "fp16":
            return weight_only.half(graph, job.exclude)
        case "rules":
            from edge_assistant_quantize.onnx import rules

            if job.exclude:
                raise UsageError("rules name weights, not nodes", "put a rule for what is to stay before the others")
            return rules.apply(graph, _rules(job.options))
    return _dynamic(graph, job)


def measured(graph: onnx.ModelProto, job: Job) -> dict[str, Any]:
    """The options of `static-int8` with the ranges and means of all values that it reads, whatever is excluded later.

    They are rounded as they are written into tables, so that what is quantized here can be made again from those.
    """
    if job.calibration is None:
        raise CalibrationInvalid(f"{job.method} needs calibration data", "give some: --calibration DIR --role ROLE")
    ready = folding.fold(graph)
    planned = plan(ready)
    values = planned.measurable
    if not values:
        return {**job.options, "ranges": {}, "means": {}}
    found = ranges.measure(
        ready,
        values,
        job.calibration.feeds,
        calibrator=job.options.get("calibrator", ranges.DEFAULT),
        percentile=float(job.options.get("percentile", 99.99)),
        slopes=_slopes(ready.graph),
        threads=job.threads,
        watch=job.watch,
    )
    means: Mapping[str, Sequence[float]] = {}
    if job.options.get("bias_correction", True):
        means = ranges.means(ready, planned.averaged, job.calibration.feeds, threads=job.threads, watch=job.watch)
    return {
        **job.options,
        "ranges": {name: (float(f"{low:.7g}"), float(f"{high:.7g}")) for name, (low, high) in found.items()},
        "means": {name: [float(f"{mean:.3g}") for mean in each] for name, each in means.items()},
    }


def _slopes(graph: onnx.GraphProto) -> dict[str, float]:
    """Of each value that only a leaky ReLU reads, its factor for negative numbers."""
    read = folding.uses(graph)
    return {
        node.input[0]: float(folding.attributes(node).get("alpha", 0.01))
        for node in graph.node
        if node.op_type == "LeakyRelu" and read[node.input[0]] == 1
    }


def _dynamic(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """Convolutions get uint8 weights, as ONNX Runtime has no other for them on a CPU."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as `Runtime.session` does, before the library is imported
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    job.watch(Step("dynamic int8", 0, 1))
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # ONNX Runtime's quantizer writes advice to the root log
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            quantize_dynamic(
                folding.widen(graph),
                path,
                per_channel=job.options.get("per_channel", False),
                weight_type=QuantType.QUInt8,
                nodes_to_exclude=list(job.exclude),
            )
        except (RuntimeError, ValueError, KeyError, AttributeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise QuantizationFailed(f"ONNX Runtime cannot quantize it ({reason})", "take another method") from error
        finally:
            logging.disable(disabled)
        job.watch(Step("dynamic int8", 1, 1))
        return onnx.load(str(path))
