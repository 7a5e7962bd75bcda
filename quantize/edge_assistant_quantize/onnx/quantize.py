"""One ONNX model in another precision, by one of `METHODS`."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Collection, Mapping
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
from edge_assistant_quantize.onnx import external, folding, graphs, halves, qdq, ranges, rules
from edge_assistant_quantize.onnx.methods import (
    DYNAMIC,
    FP16,
    GPTQ,
    INT4,
    INT8,
    METHODS,
    STATIC,
    calibrates,
    check_options,
    parse_rules,
)
from edge_assistant_quantize.onnx.plan import plan
from edge_assistant_quantize.progress import ProgressStep, Watch

if TYPE_CHECKING:
    import onnx

    from edge_assistant_quantize.onnx.calibration import Calibration

__all__ = [
    "METHODS",
    "Job",
    "calibrates",
    "check_options",
    "measured",
    "prepared",
    "quantize",
    "rewritten",
    "transformed",
]


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
    job = Job(method, calibration, exclude, checked, threads, watch)
    again, before = graphs.quantized_nodes(graph), external.size(model)
    try:
        made = transformed(graph, job)
    except QuantizationFailed as error:
        if not again:
            raise
        raise QuantizationFailed(f"{error.message}; it was quantized already", "take the float model") from error
    graphs.save(made, output, threads=threads)
    notes = []
    if again:
        notes.append(f"{model.name} was quantized already ({again} nodes): expect worse than from its float model")
    if (size := output.stat().st_size) >= before:
        share = rules.share(graph) if method in {INT8, INT4} else None
        why = "" if share is None else f", as products and tables have {share:.0%} of its weights"
        notes.append(f"{output.name} is no smaller than {model.name} ({size / before:.0%}){why}")
    return "; ".join(notes)


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


def transformed(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """A graph in another precision; see `quantize`."""
    unknown = set(job.exclude) - {folding.title(node) for node in graph.graph.node}
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
    if job.method == STATIC:
        options = job.options if "ranges" in job.options else measured(graph, job)
        bits = options.get("weight_bits", qdq.WEIGHT_BITS)
        return qdq.static_int8(graph, options["ranges"], job.exclude, means=options.get("means"), weight_bits=bits)
    if job.method in {INT8, INT4}:
        return _in_blocks(graph, job)
    if job.method == FP16:
        return halves.half(graph, job.exclude)
    if job.method == DYNAMIC:
        return _dynamic(graph, job)
    if job.exclude:
        raise UsageError("rules name weights, not nodes", "put a rule for what is to stay before the others")
    return rules.apply(graph, parse_rules(job.options["rules"]))


def _in_blocks(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """Weights in blocks, for GPTQ by what products are given over calibration data."""
    options = dict(job.options)
    if options.pop("algorithm", "") == GPTQ:
        ready = folding.widen(graph)
        products = [node for node in rules.candidates(ready) if node.op_type != "Gather"]
        names = {node.input[0] for node in products if node.name not in job.exclude}
        how: dict[str, Any] = {"threads": job.threads, "watch": job.watch}
        options["moments"] = ranges.moments(ready, sorted(names), _feeds(job), **how)
    return rules.weights_only(graph, 8 if job.method == INT8 else 4, job.exclude, **options)


def _feeds(job: Job) -> ranges.Feeds:
    if job.calibration is None:
        raise CalibrationInvalid(f"{job.method} needs calibration data", "give some: --calibration DIR --role ROLE")
    return job.calibration.feeds


def measured(graph: onnx.ModelProto, job: Job) -> dict[str, Any]:
    """The options of `static-int8` with the ranges and means of all values that it reads, whatever is excluded later.

    They are rounded as tables write them, so that the same model can be made from a table.
    """
    feeds = _feeds(job)
    ready = folding.fold(graph)
    planned = plan(ready)
    if not planned.measurable:
        return {**job.options, "ranges": {}, "means": {}}
    how: dict[str, Any] = {"threads": job.threads, "watch": job.watch}
    found = ranges.measure(
        ready,
        planned.measurable,
        feeds,
        calibrator=job.options.get("calibrator", ranges.DEFAULT),
        slopes=_slopes(ready.graph),
        **how,
    )
    corrects = job.options.get("bias_correction", True)
    means = ranges.means(ready, planned.averaged, feeds, **how) if corrects else {}
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

    job.watch(ProgressStep("dynamic int8", 0, 1))
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
        job.watch(ProgressStep("dynamic int8", 1, 1))
        return onnx.load(str(path))
