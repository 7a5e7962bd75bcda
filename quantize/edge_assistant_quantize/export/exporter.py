"""The process that exports with torch, transformers and optimum, which `export` starts.

A process of its own gives its memory back, can be stopped at any point, and keeps what these libraries change in a
process (threads, warnings, loggers) away from the rest. Models are of transformers' own classes, in float32; no code
that came with the weights is run.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from edge_assistant.governance.offline import lock
from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import UsageError, WeightsRefused
from edge_assistant_quantize.export import Done
from edge_assistant_quantize.progress import ProgressStep, Watch

_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime")
_VOCABULARIES = ("vocab.txt", "vocab.json", "tokenizer.model", "sentencepiece.bpe.model", "spiece.model")
_LARGEST = 4096  # pixels of a side of an example
_SHOWN_KEYS = 3  # names of weights in a message
_OFFLINE = {"local_files_only": True, "trust_remote_code": False}
_AGAIN = "fetch the model again, or name the task that it was trained for: --task"


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Export under the offline lock; the fields of `Done`."""
    lock.engage()
    return asdict(export(request, watch))


def export(request: Mapping[str, Any], watch: Watch) -> Done:
    """Export a folder's model, and the tokenizer that goes with it.

    The request has `folder` with config.json, tokenizer and *.safetensors; `output`, an existing, empty folder; `task`,
    `part` and `opset` as of `export.export`; `threads`, cores to use.

    Raises:
        EdgeAssistantError: see `load_model`, `trace.whole` and `vision_language`.
    """
    now = ""

    def stage(what: str) -> None:
        nonlocal now
        if now:
            watch(ProgressStep(now, 1, 1))
        if what:
            watch(ProgressStep(what, 0, 1))
        now = what

    stage("starting torch")
    import torch
    import transformers

    warnings.simplefilter("ignore")  # a tracer warns of each branch; the comparison finds what it gets wrong
    torch.set_num_threads(request["threads"])
    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("optimum").setLevel(logging.ERROR)
    import optimum.exporters.onnx.model_configs  # noqa: F401 - optimum knows its exporters once this is imported

    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_quantize.export import trace, vision_language

    stage("loading the weights")
    folder, output, part = Path(request["folder"]), Path(request["output"]), request["part"]
    model = load_model(folder, request["task"])
    if part != "vision" and hasattr(model.config.get_text_config(), "vocab_size"):
        _check_tokenizer(folder, output)
    target = trace.Target(output, request["opset"], Runtime(request["threads"]), stage, _picture_size(folder))
    if part is None and not vision_language.is_one(model):
        done = trace.whole(model, request["task"], target)
    else:
        done = vision_language.vision(model, target)
        if part is None:
            rest = vision_language.decoder(model, target)
            done = replace(rest, files=[*done.files, *rest.files], deviations={**done.deviations, **rest.deviations})
    stage("")
    return replace(done, files=sorted(done.files), versions={name: metadata.version(name) for name in _LIBRARIES})


def _picture_size(folder: Path) -> dict[str, int]:
    """Height and width of the pictures that a model was trained on, where the folder says it."""
    path = folder / "preprocessor_config.json"
    size = json.loads(path.read_text("utf-8")).get("size") if path.is_file() else None
    found = {side: size.get(side) for side in ("height", "width")} if isinstance(size, dict) else {}
    return {side: pixels for side, pixels in found.items() if isinstance(pixels, int) and 0 < pixels <= _LARGEST}


def load_model(folder: Path, task: str | None) -> Any:  # noqa: ANN401 - a class of a library that is imported late
    """Load a model for evaluation; every weight that it has comes from the folder, which `gguf.checkpoint` has checked.

    Raises:
        WeightsRefused: the architecture is unknown, the weights are quantized already or do not fit it.
        UsageError: nothing of this architecture does the task.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if "quantization_config" in config:
        hint = "take the weights that they were made from: quantization comes after the export"
        raise WeightsRefused(f"the weights of {folder.name} are quantized already", hint)
    kind = _class_for(config.get("model_type"), task) if task else _class_named(folder, config)
    model, missing = _loaded(folder, kind)
    if missing and all(name.startswith("pooler.") for name in missing):
        model, missing = _loaded(folder, kind, add_pooling_layer=False)  # those who fine-tune often leave it out
    if missing:
        shown = ", ".join(printable(name) for name in missing[:_SHOWN_KEYS])
        raise WeightsRefused(f"{folder.name} lacks {len(missing)} weights of {kind.__name__}, such as {shown}", _AGAIN)
    return model.eval()


def _loaded(folder: Path, kind: Any, **options: Any) -> tuple[Any, list[str]]:  # noqa: ANN401
    """The model, and the names of weights that the folder lacks or has in another shape."""
    import torch

    options |= {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    try:
        model, found = kind.from_pretrained(folder, **_OFFLINE, **options)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, OSError) as error:
        raise _refused(f"{folder.name} cannot be loaded as {kind.__name__}", error, _AGAIN) from error
    return model, sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})


def _refused(what: str, error: Exception, hint: str) -> WeightsRefused:
    reason = printable(str(error).strip().partition("\n")[0])[:200]
    return WeightsRefused(f"{what} ({reason})", hint)


def _check_tokenizer(folder: Path, output: Path) -> None:
    """See that there is a tokenizer; `tokenizer.json`, which the product reads, is made from an older form of it.

    Raises:
        WeightsRefused: there is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    if (folder / "tokenizer.json").is_file():
        return
    hint = "copy tokenizer.json of the model that it was trained from into the folder"
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise WeightsRefused(f"{folder.name} has no tokenizer", hint)
    try:
        found = AutoTokenizer.from_pretrained(folder, use_fast=True, **_OFFLINE)
        found.backend_tokenizer.save(str(output / "tokenizer.json"))
    except Exception as error:  # each kind of tokenizer raises its own
        raise _refused(f"the tokenizer of {folder.name} cannot be read", error, hint) from error


def _class_named(folder: Path, config: dict[str, Any]) -> Any:  # noqa: ANN401
    """The class that config.json says the weights were saved from, if transformers itself has it."""
    import transformers

    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    found = getattr(transformers, name, None) if name.isidentifier() else None
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    if not name:
        what, hint = f"config.json of {folder.name} names no architecture", "name what it does: --task"
    else:
        what = f"transformers {transformers.__version__} does not know the architecture {printable(name)}"
        hint = "code that comes with weights is not run; take a model whose architecture is part of transformers"
    raise WeightsRefused(what, hint)


def _class_for(kind: object, task: str) -> Any:  # noqa: ANN401
    from optimum.exporters.tasks import TasksManager
    from transformers import CONFIG_MAPPING

    plain = TasksManager.map_from_synonym(task.removesuffix("-with-past"))
    if plain not in TasksManager.get_all_tasks():
        known = ", ".join(sorted(TasksManager.get_all_tasks()))
        raise UsageError(f"there is no task {task}", f"name one of {known}")
    auto = TasksManager.get_model_class_for_task(plain, framework="pt", library="transformers")
    try:
        return auto._model_mapping[CONFIG_MAPPING[kind]]
    except KeyError:
        raise UsageError(f"no {printable(str(kind))} does {plain}", "leave --task out, or name another") from None
