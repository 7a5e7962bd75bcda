"""A loaded model to ONNX files by optimum's exporters, each file compared with the model on inputs of other shapes.

Optimum's own comparison is no use here: it looks at inputs like those of the trace, by an absolute tolerance, and says
of no output how far away it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed, UsageError, WeightsRefused
from edge_assistant_quantize.export import Done

if TYPE_CHECKING:
    from edge_assistant.compute.runtime import Runtime

MAX_BYTES = 2_147_483_647  # of an ONNX file: protobuf counts in 31 bits, and the product takes no values from elsewhere
# The share of an output's largest value by which a graph may differ: float32 added up in another order makes some 1e-6
# a layer; a graph that has kept a shape or a mask of the example that it was traced with differs by more than 0.01.
MOST = 1e-3
SEED = 0  # of inputs
# Other than optimum's example, which has batches of 2 with 16 tokens: so what the trace took for constant shows
_SHAPES = {"batch_size": 3, "sequence_length": 11}

_EMBEDDER = frozenset({"input_ids", "attention_mask", "token_type_ids"})  # what language.embedder.Embedder gives
_DETECTORS = frozenset({"rt_detr", "rt_detr_v2", "d_fine"})  # what perception.detectors.RtDetr runs

Deviations = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to export."""

    output: Path  # an existing folder
    opset: int | None  # of ONNX; None for optimum's choice
    runtime: Runtime  # runs the files to compare them
    stage: Callable[[str], None]  # receives the name of each stage that begins
    sizes: Mapping[str, int] = field(default_factory=dict)  # `height` and `width` of pictures, where it is known


def whole(model: Any, task: str | None, target: Target) -> Done:  # noqa: ANN401
    """Export a model as optimum lays it out: one file, or the encoder, the decoder of a first token and that of others.

    Without a task it is that of the model's class.

    Raises:
        WeightsRefused: optimum has no exporter for the architecture.
        UsageError: not for this task, or not in this operator set.
        ModelTooLarge: a file would be larger than ONNX files can be.
        QuantizationFailed: a file does not compute what the model computes.
    """
    from optimum.exporters.onnx import export_models
    from optimum.exporters.onnx.utils import _get_submodels_and_onnx_configs
    from optimum.utils import DEFAULT_DUMMY_SHAPES

    task = _task(model, task)
    options = {"monolith": False, "custom_onnx_configs": {}, "custom_architecture": False, "_variant": "default"}
    config, pairs = _get_submodels_and_onnx_configs(model, task, library_name="transformers", **options)
    for name, (module, _) in pairs.items():
        check_size(name, module)
    opset, files = target.opset or config.DEFAULT_ONNX_OPSET, [f"{name}.onnx" for name in pairs]
    shapes = {**DEFAULT_DUMMY_SHAPES, **target.sizes}
    target.stage("exporting")
    where = {"output_dir": target.output, "output_names": files, "input_shapes": shapes}
    _, outputs = export_models(models_and_onnx_configs=pairs, opset=opset, **where)
    # Optimum would go on to merge the decoders of the first and of later tokens into one graph of two branches: half
    # the bytes, but quantization, calibration and measurement need plain graphs
    target.stage("comparing with the model")
    found = {
        file: _deviations(module, its, target.output / file, names, {**shapes, **_SHAPES}, target.runtime)
        for file, (module, its), names in zip(files, pairs.values(), outputs, strict=True)
    }
    role = "embedder" if task == "feature-extraction" and _EMBEDDER.issuperset(config.inputs) else ""
    if task == "object-detection" and model.config.model_type in _DETECTORS:
        role = "detector"
    return Done(task, type(model).__name__, opset, files, role, found)


def _task(model: Any, task: str | None) -> str:  # noqa: ANN401
    """The task, with what a decoder has computed of earlier tokens handed on if there is such an exporter."""
    from optimum.exporters.tasks import TasksManager

    kind = model.config.model_type
    named: str = task or TasksManager.infer_task_from_model(type(model), library_name="transformers")
    named = str(TasksManager.map_from_synonym(named))
    try:
        known = TasksManager.get_supported_tasks_for_model_type(kind, "onnx", library_name="transformers")
    except KeyError:
        what = f"optimum has no exporter for the architecture {kind}"
        raise WeightsRefused(what, "a language model can be converted to GGUF: name a .gguf as output") from None
    if task is None and f"{named}-with-past" in known:
        return f"{named}-with-past"
    if named not in known:
        hint = f"name another task: {', '.join(sorted(known))}"
        raise UsageError(f"optimum does not export {kind} for {named}", hint)
    return named


def _deviations(
    model: Any,  # noqa: ANN401
    config: Any,  # noqa: ANN401
    path: Path,
    outputs: Sequence[str],
    shapes: Mapping[str, int],
    runtime: Runtime,
) -> dict[str, float]:
    """The largest difference of each output between a graph and its model, as a share of the output's largest value.

    Raises:
        QuantizationFailed: one differs by more than `MOST`, or is not finite.
        ModelCorrupt: the product does not open the file.
    """
    import torch

    torch.manual_seed(SEED)
    given = config.generate_dummy_inputs(framework="pt", **shapes)
    own = config.rename_ambiguous_inputs(copy.deepcopy(given))  # some models change their inputs
    with config.patch_model_for_export(model), torch.inference_mode():
        results = model(**own)
    expected = {{"past_key_values": "present"}.get(name, name): value for name, value in results.items()}
    session = runtime.session(path)
    names = [item.name for item in session.get_inputs()]
    feeds = _flat(config, config.generate_dummy_inputs_for_validation(given, names))
    made = session.run(list(outputs), {name: feeds[name].numpy() for name in names})
    reference = _flat(config, expected)
    back = {new: old for old, new in config.torch_to_onnx_output_map.items()}
    wanted = [reference[back.get(name, name)].numpy() for name in outputs]
    if config.task == "object-detection":
        made = _in_order_of(wanted, made)
    return {name: checked(path, name, *pair) for name, *pair in zip(outputs, made, wanted, strict=True)}


def _in_order_of(wanted: Sequence[NDArray[np.float32]], made: Sequence[NDArray[np.float32]]) -> list[Any]:
    """A detector's outputs [pictures, rows, n] with each row in the place of the most like of the wanted ones.

    Such models take what looks most like an object first, and rounding decides between two that are alike.
    """
    one, other = (np.concatenate(rows, axis=-1) for rows in (wanted, made))
    if one.shape != other.shape:
        return list(made)
    nearest = np.stack([np.abs(a[:, None] - b).max(axis=-1).argmin(axis=1) for a, b in zip(one, other, strict=True)])
    return [np.take_along_axis(rows, nearest[..., None], axis=1) for rows in made]


def _flat(config: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Tensors by their names in the graph, which has a name for each part of a list of lists."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple | dict):
            mapped = config.torch_to_onnx_output_map.get(name, name)
            found.update(config.flatten_output_collection_property(mapped, value))
        elif value is not None:
            found[name] = value
    return found


def checked(path: Path, name: str, made: NDArray[np.float32], wanted: NDArray[np.float32], most: float = MOST) -> float:
    """The largest difference of an output as a share of its largest value, at most `most`; 0 if both are 0.

    Raises:
        QuantizationFailed: it is too large, or not finite.
    """
    hint = "try another operator set: --opset; optimum may not know this variant of the architecture"
    if made.shape != wanted.shape:
        what = f"{path.name} gives {name} as {list(made.shape)} where the model gives {list(wanted.shape)}"
        raise QuantizationFailed(what, hint)
    if not np.isfinite(wanted).all():
        hint = "the weights are damaged, or the training diverged: take an earlier checkpoint"
        raise QuantizationFailed(f"the model itself computes NaN or infinity in {name}", hint)
    difference = float(np.abs(made - wanted).max(initial=0.0))
    share = difference / max(float(np.abs(wanted).max(initial=0.0)), 1e-30) if difference else 0.0
    if not share <= most:
        raise QuantizationFailed(f"{path.name} differs from the model by {share:.2g} of the largest {name}", hint)
    return share


def check_size(name: str, module: Any) -> None:  # noqa: ANN401
    """Check before the export that a module's weights fit into an ONNX file.

    Raises:
        ModelTooLarge: they do not.
    """
    size = sum(weight.numel() * 4 for weight in {id(weight): weight for weight in module.parameters()}.values())
    if size > MAX_BYTES:
        what = f"{name} has {size / 1e9:.1f} GB of weights in float32 and an ONNX file holds 2.1 GB"
        raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
