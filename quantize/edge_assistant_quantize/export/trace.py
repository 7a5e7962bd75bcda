"""A loaded model to ONNX files by optimum's exporters, each file compared with the model on inputs of other shapes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed, UsageError, WeightsRefused

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

Stages = Callable[[str], None]
Deviations = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to export."""

    output: Path  # an existing folder
    opset: int | None  # of ONNX; None for optimum's choice
    runtime: Runtime  # runs the files to compare them
    stage: Stages  # receives the name of each stage that begins


@dataclass(frozen=True, slots=True)
class TracedExport:
    """Exported files."""

    task: str  # by optimum's name
    opset: int  # of ONNX
    deviations: Deviations  # by file and output, the largest difference as a share of its largest value
    role: str = ""  # of the product that they can have as they are; empty for none


def whole(model: Any, task: str | None, target: Target) -> TracedExport:  # noqa: ANN401
    """Export a model as optimum lays it out: one file, or the encoder, the decoder of a first token and that of others.

    Without a task it is that of the model's class.

    Raises:
        WeightsRefused: optimum has no exporter for the architecture.
        UsageError: not for this task, or not in this operator set.
        ModelTooLarge: a file would be larger than ONNX files can be.
        QuantizationFailed: a file does not compute what the model computes.
    """
    task = _task(model, task)
    return _export(*_submodels(model, task), task, target)


def decoder(model: Any, target: Target) -> TracedExport:  # noqa: ANN401
    """Export a decoder that takes embeddings in place of tokens, for a vision-language model; else as `whole`."""
    task = "text-generation-with-past"
    config, pairs = _submodels(model, task)
    return _export(config, {"decoder_model": (model, _taking_embeddings(pairs["model"][1]))}, task, target)


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


def _submodels(model: Any, task: str) -> tuple[Any, dict[str, tuple[Any, Any]]]:  # noqa: ANN401
    """Optimum's configuration of the export, and for each file the module that goes into it with its own."""
    from optimum.exporters.onnx.utils import _get_submodels_and_onnx_configs

    config, pairs = _get_submodels_and_onnx_configs(
        model=model,
        task=task,
        monolith=False,
        custom_onnx_configs={},
        custom_architecture=False,
        _variant="default",
        library_name="transformers",
        preprocessors=[],
    )
    return config, dict(pairs)


def _taking_embeddings(config: Any) -> Any:  # noqa: ANN401
    """An exporter's configuration of a decoder, changed to take `inputs_embeds` in place of `input_ids`."""

    class Embedded(type(config)):  # type: ignore[misc]
        """The same with another first input; optimum's examples are made of tokens and then replaced."""

        of_tokens = False

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            name = "input_ids" if self.of_tokens else "inputs_embeds"
            return {name if key == "input_ids" else key: axes for key, axes in super().inputs.items()}

        def generate_dummy_inputs(self, framework: str = "pt", **shapes: Any) -> dict[str, Any]:  # noqa: ANN401
            import torch

            self.of_tokens = True
            made = super().generate_dummy_inputs(framework, **shapes)
            self.of_tokens = False
            return {"inputs_embeds": torch.randn(*made.pop("input_ids").shape, self._config.hidden_size), **made}

    config.__class__ = Embedded
    return config


def _export(config: Any, pairs: Mapping[str, tuple[Any, Any]], task: str, target: Target) -> TracedExport:  # noqa: ANN401
    from optimum.exporters.onnx import export_models

    for name, (module, _) in pairs.items():
        check_size(name, module)
    opset, files = target.opset or config.DEFAULT_ONNX_OPSET, [f"{name}.onnx" for name in pairs]
    target.stage("exporting")
    where = {"output_dir": target.output, "output_names": files}
    _, outputs = export_models(models_and_onnx_configs=pairs, opset=opset, **where)
    # Optimum would go on to merge the decoders of the first and of later tokens into one graph of two branches: half
    # the bytes, but quantization, calibration and measurement need plain graphs
    target.stage("comparing with the model")
    found = {
        file: _deviations(module, its, target.output / file, names, target.runtime)
        for file, (module, its), names in zip(files, pairs.values(), outputs, strict=True)
    }
    role = "embedder" if task == "feature-extraction" and _EMBEDDER.issuperset(config.inputs) else ""
    return TracedExport(task, opset, found, role)


def _deviations(model: Any, config: Any, path: Path, outputs: Sequence[str], runtime: Runtime) -> dict[str, float]:  # noqa: ANN401
    """The largest difference of each output between a graph and its model, as a share of the output's largest value.

    The inputs, of optimum's configuration, have other shapes than those of the trace.

    Raises:
        QuantizationFailed: one differs by more than `MOST`, or is not finite.
        ModelCorrupt: the product does not open the file.
    """
    import torch

    torch.manual_seed(SEED)
    given = config.generate_dummy_inputs(framework="pt", **_SHAPES)
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
    return {name: checked(path, name, *pair) for name, *pair in zip(outputs, made, wanted, strict=True)}


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
