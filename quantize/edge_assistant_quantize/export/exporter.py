"""The process that exports with torch, transformers and optimum, which `export` starts.

A process of its own gives its memory back, can be stopped at any point, and keeps what these libraries change in a
process (threads, warnings, loggers) away from the rest. Models are of transformers' own classes, in float32; no code
that came with the weights is run. Whisper gets the layout that the product's speech sense runs (`whisper`), everything
else that of optimum.

Each file is compared with the model on inputs of other shapes. Optimum's own comparison is no use here: it looks at
inputs like those of the trace, by an absolute tolerance, and says of no output how far away it is.
"""

from __future__ import annotations

import copy
import logging
import shutil
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance.offline import lock
from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import QuantizationFailed, UsageError, WeightsRefused
from edge_assistant_quantize.export import Done, whisper
from edge_assistant_quantize.gguf.checkpoint import json_of
from edge_assistant_quantize.importers.whisper import OPSET
from edge_assistant_quantize.progress import Watch, stage

# The share of an output's largest value by which a graph may differ: float32 added up in another order makes some 1e-6
# a layer; a graph that has kept a shape or a mask of the example that it was traced with differs by more than 0.01.
MOST = 1e-3
SEED = 0  # of inputs
# Other than optimum's example, which has batches of 2 with 16 tokens: so what the trace took for constant shows
_SHAPES = {"batch_size": 3, "sequence_length": 11}

_EMBEDDER = frozenset({"input_ids", "attention_mask", "token_type_ids"})  # what language.embedder.Embedder gives
_DETECTORS = frozenset({"rt_detr", "rt_detr_v2", "d_fine"})  # what perception.detectors.RtDetr runs
_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime")
_OFFLINE = {"local_files_only": True, "trust_remote_code": False}
_AGAIN = "fetch the model again, or name the task that it was trained for: --task"
# Data beside the weights that says how inputs are made, and no code
_BESIDE = ("*config.json", "*token*.json", "*.model", "*.jinja", "vocab.*", "merges.txt")


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Export under the offline lock; the fields of `Done`."""
    lock.engage()
    return asdict(export(request, watch))


def export(request: Mapping[str, Any], watch: Watch) -> Done:
    """Export a folder's model, with the data beside it.

    The request has `folder` with config.json and *.safetensors; `output`, an existing, empty folder; `task` as of
    `export.export`; `threads`, cores to use.

    Raises:
        WeightsRefused, UsageError: see `load_model`; or there is no exporter for the architecture or the task.
        QuantizationFailed: a file does not compute what the model computes.
    """
    folder, output, runtime = Path(request["folder"]), Path(request["output"]), Runtime(request["threads"])
    with stage("starting torch", watch):
        import optimum.exporters.onnx.model_configs  # noqa: F401 - optimum knows its exporters once this is imported
        import torch
        import transformers

        warnings.simplefilter("ignore")  # a tracer warns of each branch; the comparison finds what it gets wrong
        torch.set_num_threads(request["threads"])
        torch.manual_seed(SEED)
        transformers.utils.logging.set_verbosity_error()
        logging.getLogger("optimum").setLevel(logging.ERROR)
    with stage("loading the weights", watch):
        model = load_model(folder, request["task"])
    task = _task(model, request["task"])
    if isinstance(model, transformers.WhisperForConditionalGeneration):
        with stage("exporting", watch):
            whisper.convert(model, folder, output)
        with stage("comparing with the model", watch):
            pairs, path = whisper.beside(model, output, runtime), output / whisper.DECODER
            found = {path.name: {name: checked(path, name, *pair, whisper.MOST) for name, pair in pairs.items()}}
        role, opset = "speech", OPSET
    else:
        role, opset, found = _by_optimum(model, task, folder, output, runtime, watch)
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    files = sorted(path.name for path in output.glob("*.onnx"))
    return Done(task, type(model).__name__, opset, files, role, found, versions)


def _by_optimum(
    model: Any,  # noqa: ANN401 - a class of a library that is imported late
    task: str,
    folder: Path,
    output: Path,
    runtime: Runtime,
    watch: Watch,
) -> tuple[str, int, dict[str, dict[str, float]]]:
    """Role, operator set and deviations of what optimum writes."""
    from optimum.exporters.onnx import export_models
    from optimum.exporters.onnx.utils import _get_submodels_and_onnx_configs
    from optimum.utils import DEFAULT_DUMMY_SHAPES

    options = {"monolith": False, "custom_onnx_configs": {}, "custom_architecture": False, "_variant": "default"}
    config, pairs = _get_submodels_and_onnx_configs(model, task, library_name="transformers", **options)
    opset, files = config.DEFAULT_ONNX_OPSET, [f"{name}.onnx" for name in pairs]
    shapes = {**DEFAULT_DUMMY_SHAPES, **_picture_size(folder)}
    where = {"output_dir": output, "output_names": files, "input_shapes": shapes}
    with stage("exporting", watch):
        _, outputs = export_models(models_and_onnx_configs=pairs, opset=opset, **where)
    with stage("comparing with the model", watch):
        found = {
            file: _deviations(module, its, output / file, names, {**shapes, **_SHAPES}, runtime)
            for file, (module, its), names in zip(files, pairs.values(), outputs, strict=True)
        }
    for path in {path for pattern in _BESIDE for path in folder.glob(pattern)}:
        shutil.copyfile(path, output / path.name)
    if task == "object-detection" and model.config.model_type in _DETECTORS:
        return "detector", opset, found
    embeds = task == "feature-extraction" and _EMBEDDER.issuperset(config.inputs)
    return "embedder" if embeds else "", opset, found


def _picture_size(folder: Path) -> dict[str, int]:
    """Height and width of the pictures that a model was trained on, where the folder says it."""
    path = folder / "preprocessor_config.json"
    size = json_of(path).get("size") if path.is_file() else None
    found = {side: size.get(side) for side in ("height", "width")} if isinstance(size, dict) else {}
    return {side: pixels for side, pixels in found.items() if isinstance(pixels, int)}


def load_model(folder: Path, task: str | None) -> Any:  # noqa: ANN401 - a class of a library that is imported late
    """Load a model for evaluation; every weight that it has comes from the folder, which `gguf.checkpoint` has checked.

    Raises:
        WeightsRefused: the architecture is unknown, the weights are quantized already or do not fit it.
        UsageError: nothing of this architecture does the task.
    """
    config = json_of(folder / "config.json")
    if "quantization_config" in config:
        hint = "take the weights that they were made from: quantization comes after the export"
        raise WeightsRefused(f"the weights of {folder.name} are quantized already", hint)
    kind = _class_for(config.get("model_type"), task) if task else _class_named(config)
    model, missing = _loaded(folder, kind)
    if missing and all(name.startswith("pooler.") for name in missing):
        model, missing = _loaded(folder, kind, add_pooling_layer=False)  # those who fine-tune often leave it out
    if missing:
        shown = ", ".join(printable(name) for name in missing[:3])
        raise WeightsRefused(f"{folder.name} lacks {len(missing)} weights of {kind.__name__}, such as {shown}", _AGAIN)
    return model.eval()


def _loaded(folder: Path, kind: Any, **options: Any) -> tuple[Any, list[str]]:  # noqa: ANN401
    """The model, and the names of weights that the folder lacks or has in another shape."""
    import torch

    options |= {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    try:
        model, found = kind.from_pretrained(folder, **_OFFLINE, **options)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, OSError) as error:
        reason = printable(str(error).strip().partition("\n")[0])[:200]
        raise WeightsRefused(f"{folder.name} cannot be loaded as {kind.__name__} ({reason})", _AGAIN) from error
    return model, sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})


def _class_named(config: dict[str, Any]) -> Any:  # noqa: ANN401
    """The class that config.json says the weights were saved from, if transformers itself has it."""
    import transformers

    name = str((config.get("architectures") or [""])[0])
    found = getattr(transformers, name, None)
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    what = f"transformers {transformers.__version__} does not know the architecture {printable(name)}"
    hint = "code that comes with weights is not run; take a model whose architecture is part of transformers"
    raise WeightsRefused(what, hint)


def _class_for(kind: object, task: str) -> Any:  # noqa: ANN401
    from optimum.exporters.tasks import TasksManager
    from transformers import CONFIG_MAPPING

    try:
        return TasksManager.get_model_class_for_task(task)._model_mapping[CONFIG_MAPPING[kind]]
    except KeyError:
        what = f"no {printable(str(kind))} of transformers does {printable(task)}"
        raise UsageError(what, "leave --task out, or name another") from None


def _task(model: Any, task: str | None) -> str:  # noqa: ANN401
    """The task by optimum's name, if there is an exporter for it."""
    from optimum.exporters.tasks import TasksManager

    kind, known = model.config.model_type, {}
    named = task or TasksManager.infer_task_from_model(type(model), library_name="transformers")
    named = str(TasksManager.map_from_synonym(named))
    with suppress(KeyError):
        known = TasksManager.get_supported_tasks_for_model_type(kind, "onnx", library_name="transformers")
    if named not in known:
        hint = f"name another task: {', '.join(sorted(known))}" if known else "take another model"
        raise WeightsRefused(f"optimum has no exporter for {kind} and {named}", hint)
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

    given = config.generate_dummy_inputs(framework="pt", **shapes)
    own = config.rename_ambiguous_inputs(copy.deepcopy(given))  # some models change their inputs
    with config.patch_model_for_export(model), torch.inference_mode():
        results = model(**own)
    session = runtime.session(path)
    names = [item.name for item in session.get_inputs()]
    feeds = config.generate_dummy_inputs_for_validation(given, names)
    made = session.run(list(outputs), {name: feeds[name].numpy() for name in names})
    back = {new: old for old, new in config.torch_to_onnx_output_map.items()}
    wanted = [results[back.get(name, name)].numpy() for name in outputs]
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


def checked(path: Path, name: str, made: NDArray[np.float32], wanted: NDArray[np.float32], most: float = MOST) -> float:
    """The largest difference of an output as a share of its largest value, at most `most`; 0 if both are 0.

    Raises:
        QuantizationFailed: it is too large, or not finite.
    """
    hint = "this variant of the architecture is not exported right: please report it"
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
