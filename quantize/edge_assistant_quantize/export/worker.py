"""The process that exports, with torch, transformers and optimum: is told a `work.Order`, and says `work.Said`.

A process of its own gives its memory back, can be stopped at any point, and keeps what these libraries change in a
process (threads, warnings, loggers) away from the rest.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from edge_assistant.governance.offline import lock
from edge_assistant_quantize.errors import EdgeAssistantError
from edge_assistant_quantize.export import work

if TYPE_CHECKING:
    from edge_assistant_quantize.export.trace import Traced

_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime")


def main() -> int:
    """Do what is ordered on the command line; 0, or 1 after a reason was said."""
    lock.engage()
    said = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    order = msgspec.json.decode(sys.argv[1], type=work.Order)
    try:
        done = export(order, Stages(said))
    except EdgeAssistantError as error:
        print(work.line(work.Refused(type(error).__name__, error.message, error.hint)), file=said)
        return 1
    print(work.line(done), file=said)
    return 0


class Stages:
    """Says each stage as it begins, and so that the one before it has ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._now = ""

    def __call__(self, what: str) -> None:
        """Go on to a stage; an empty one is the end."""
        if self._now:
            print(work.line(work.Stage(self._now, True)), file=self._stream)
        if what:
            print(work.line(work.Stage(what, False)), file=self._stream)
        self._now = what


def export(order: work.Order, stage: Stages) -> work.Done:
    """Export a folder's model, and the tokenizer and configurations that go with it.

    Raises:
        EdgeAssistantError: see `load.model_of`, `trace.whole` and `vision_language`.
    """
    stage("starting torch")
    import torch

    warnings.simplefilter("ignore")  # a tracer warns of each branch; what it gets wrong the comparison finds
    torch.set_num_threads(order.threads)
    _quiet()
    import optimum.exporters.onnx.model_configs  # noqa: F401 - optimum knows its exporters once this is imported

    from edge_assistant_quantize.export import load

    stage("loading the weights")
    folder, output = Path(order.folder), Path(order.output)
    model = load.model_of(folder, order.task)
    if order.part != "vision" and load.reads_text(model):
        load.tokenizer(folder, output)
    traced = _traced(model, order, stage)
    stage("")
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    files = sorted(traced.deviations)
    return work.Done(traced.task, type(model).__name__, traced.opset, files, traced.role, traced.deviations, versions)


def _traced(model: Any, order: work.Order, stage: Stages) -> Traced:  # noqa: ANN401
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant_quantize.export import trace, vision_language

    runtime, output = Runtime(order.threads), Path(order.output)
    if order.part is None and not vision_language.is_one(model):
        return trace.whole(model, output, order.task, order.opset, runtime, stage)
    parts = {"vision": vision_language.vision, "decoder": vision_language.decoder}
    wanted = [order.part] if order.part else list(parts)
    made = [parts[name](model, output, order.opset, runtime, stage) for name in wanted]
    deviations = {file: found for one in made for file, found in one.deviations.items()}
    return trace.Traced(made[-1].task, made[-1].opset, deviations)


def _quiet() -> None:
    import logging

    import transformers

    transformers.utils.logging.set_verbosity_error()
    logging.getLogger("optimum").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
