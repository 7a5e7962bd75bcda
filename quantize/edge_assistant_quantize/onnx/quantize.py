"""One ONNX model in another precision.

| method | what |
| --- | --- |
| `dynamic-int8` | as `onnxruntime.quantization.quantize_dynamic` does it: a baseline, not a recommendation |
| `static-int8` | 8-bit activations in calibrated ranges and 8-bit weights, as `qdq` writes them |
| `int8-weights`, `int4-weights` | weights in blocks, a scale each: see `weight_only` |
| `fp16` | weights in half precision, computed in float32: half the size at the same speed |
| `rules` | each weight in the form that a rule for its name says: see `rules` |

All but the first give the same tensors on every machine, so that a model quantized here can be made again from its
float weights and a small table (`tables`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import contextmanager
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
    from collections.abc import Iterator

    import onnx

    from edge_assistant_quantize.onnx import rules
    from edge_assistant_quantize.onnx.calibration import Calibration

METHODS = ("dynamic-int8", "static-int8", "int8-weights", "int4-weights", "fp16", "rules")
DYNAMIC, STATIC, INT8, INT4, FP16, RULES = METHODS
CALIBRATED = frozenset({STATIC})

_BLOCKS = {"block_size": int, "symmetric": bool, "accuracy_level": int}
_OPTIONS: Mapping[str, Mapping[str, type]] = {
    DYNAMIC: {"per_channel": bool},
    STATIC: {
        "calibrator": str,
        "percentile": float,
        "weight_bits": int,
        "bias_correction": bool,
        "ranges": dict,
        "means": dict,
    },
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
    """What is to be done to a graph.

    Attributes:
        method: one of `METHODS`.
        calibration: what the model is given in use; of `static-int8`.
        exclude: names of nodes that stay as they are; one without a name is called as its first output.
        options: of the method.
        threads: cores to keep to.
        watch: is told how far it is.
    """

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
        model: float32, or with half-precision weights that are widened where they are used.
        output: an .onnx file, written whole or not at all.
        method: one of `METHODS`.
        calibration: of `static-int8`.
        exclude: names of nodes that stay as they are; one without a name is called as its first output.
        options: of `static-int8` calibrator, percentile, weight_bits, bias_correction, or what `prepared` gives instead
            of calibration; of weights block_size, symmetric, accuracy_level; of `dynamic-int8` per_channel; of
            `rules` rules.
        threads: cores to keep to.
        watch: is told how far it is.

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
    """The options of a method with all that it measures over calibration data, which is then not needed any more.

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
        _rules_of(options)
    return dict(options)


def _rules_of(options: Mapping[str, object]) -> Sequence[rules.Rule]:
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
    with _explained():
        return rewritten(graph, job)


def rewritten(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """A graph in another precision.

    Raises:
        ModelCorrupt: the model has no such nodes or values, a weight is not finite, or the method does not fit it.
    """
    return _METHODS[job.method](graph, job)


@contextmanager
def _explained() -> Iterator[None]:
    """Say of what the writers of graphs refuse what it means here."""
    try:
        yield
    except ModelCorrupt as error:
        kind = WeightsRefused if "finite" in error.message else QuantizationFailed
        raise kind(error.message, error.hint) from None


def _static(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    options = job.options if "ranges" in job.options else measured(graph, job)
    bits = options.get("weight_bits", qdq.WEIGHT_BITS)
    return qdq.static_int8(graph, options["ranges"], job.exclude, means=options.get("means"), weight_bits=bits)


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
    """Of each value that only a leaky ReLU reads, what that leaves of a negative number."""
    read = folding.uses(graph)
    return {
        node.input[0]: float(folding.attributes(node).get("alpha", 0.01))
        for node in graph.node
        if node.op_type == "LeakyRelu" and read[node.input[0]] == 1
    }


def _weights(bits: int) -> Callable[[onnx.ModelProto, Job], onnx.ModelProto]:
    def write(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
        return weight_only.weights_only(graph, bits, job.exclude, **job.options)

    return write


def _half(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    return weight_only.half(graph, job.exclude)


def _by_rules(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    from edge_assistant_quantize.onnx import rules

    if job.exclude:
        raise UsageError("rules name weights, not nodes", "put a rule for what is to stay before the others")
    return rules.apply(graph, _rules_of(job.options))


def _dynamic(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """Convolutions get uint8 weights, as ONNX Runtime has no other for them on a CPU."""
    import os
    import tempfile

    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as `Runtime.session` does, before the library is imported
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    job.watch(Step("dynamic int8", 0, 1))
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder, _quiet():
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
        job.watch(Step("dynamic int8", 1, 1))
        return onnx.load(str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's quantizer writes advice to the root log."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


_METHODS: Mapping[str, Callable[[onnx.ModelProto, Job], onnx.ModelProto]] = {
    DYNAMIC: _dynamic,
    STATIC: _static,
    INT8: _weights(8),
    INT4: _weights(4),
    FP16: _half,
    RULES: _by_rules,
}
