"""The process that exports with torch, transformers and optimum, which `export` starts.

A process of its own gives its memory back, can be stopped at any point, and keeps what these libraries change in a
process (threads, warnings, loggers) away from the rest.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.governance.offline import lock
from edge_assistant_quantize.progress import Step, Watch

if TYPE_CHECKING:
    from edge_assistant_quantize.export.trace import Traced

_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Done:
    """A finished export, as `export.json` records it.

    Attributes:
        task: by optimum's name.
        architecture: the class of transformers.
        opset: of the files.
        files: names of the ONNX files.
        role: of the product that the files can have as they are; empty for none.
        deviations: by file and output, the largest difference between the graph and the model on the same inputs, as
            a share of the output's largest value.
        versions: of the libraries.
        note: anything else to say.
    """

    task: str
    architecture: str
    opset: int
    files: list[str]
    role: str
    deviations: Mapping[str, Mapping[str, float]]
    versions: Mapping[str, str]
    note: str = ""


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Export under the offline lock; the fields of `Done`."""
    lock.engage()
    return asdict(export(request, watch))


def export(request: Mapping[str, Any], watch: Watch) -> Done:
    """Export a folder's model, and the tokenizer that goes with it.

    Args:
        request: `folder` with config.json, tokenizer and *.safetensors; `output`, an existing, empty folder; `task`,
            `part` and `opset` as of `export.export`; `threads`, cores to use.
        watch: receives each stage.

    Raises:
        EdgeAssistantError: see `load.model_of`, `trace.whole` and `vision_language`.
    """
    now = ""

    def stage(what: str) -> None:
        nonlocal now
        if now:
            watch(Step(now, 1, 1))
        if what:
            watch(Step(what, 0, 1))
        now = what

    stage("starting torch")
    import torch
    import transformers

    warnings.simplefilter("ignore")  # a tracer warns of each branch; the comparison finds what it gets wrong
    torch.set_num_threads(request["threads"])
    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("optimum").setLevel(logging.ERROR)
    import optimum.exporters.onnx.model_configs  # noqa: F401 - optimum knows its exporters once this is imported

    from edge_assistant_quantize.export import load

    stage("loading the weights")
    folder, output = Path(request["folder"]), Path(request["output"])
    model = load.model_of(folder, request["task"])
    if request["part"] != "vision" and load.reads_text(model):
        load.tokenizer(folder, output)
    traced = _traced(model, output, request, stage)
    stage("")
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    files = sorted(traced.deviations)
    return Done(traced.task, type(model).__name__, traced.opset, files, traced.role, traced.deviations, versions)


def _traced(model: Any, output: Path, request: Mapping[str, Any], stage: Any) -> Traced:  # noqa: ANN401
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_quantize.export import trace, vision_language

    part, target = request["part"], trace.Target(output, request["opset"], Runtime(request["threads"]), stage)
    if part is None and not vision_language.is_one(model):
        return trace.whole(model, request["task"], target)
    parts = {"vision": vision_language.vision, "decoder": vision_language.decoder}
    made = [parts[name](model, target) for name in ([part] if part else parts)]
    deviations = {file: found for one in made for file, found in one.deviations.items()}
    return trace.Traced(made[-1].task, made[-1].opset, deviations)
