"""`edge-quantize convert` to ONNX: a model of Hugging Face to ONNX files, whole or not at all.

Whisper gets the layout that the product's speech sense runs, which needs no torch (`whisper`); everything else goes
through optimum in a process of its own (`exporter`). Each graph is compared with the model. What a sense of the product
opens as it is becomes a candidate.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import worker
from edge_assistant_quantize.arguments import count
from edge_assistant_quantize.candidate import Candidate, model_name
from edge_assistant_quantize.errors import QuantizationFailed, ToolMissing, UsageError
from edge_assistant_quantize.export import Done, exporter, pooling
from edge_assistant_quantize.gguf import checkpoint
from edge_assistant_quantize.gguf.checkpoint import Checkpoint
from edge_assistant_quantize.gguf.conversion import require_libraries
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore, shown
from edge_assistant_quantize.room import check_disk, check_memory, check_new, new_folder

EXAMPLES = """  edge-quantize convert my-whisper --output my-whisper-onnx
  edge-quantize convert all-MiniLM-L6-v2 --output minilm --task feature-extraction
  edge-quantize convert SmolVLM-256M --output eyes --part vision"""
REPORT = "export.json"  # in the output: task, operator set, deviations, versions

_WHISPER = "WhisperForConditionalGeneration"  # the architecture with a layout of the product's own
_COMPARING = ("torch", "transformers")
_NEEDED = (*_COMPARING, "optimum")
_BASE_MEMORY = 1 << 30  # torch and transformers without a model: 0.4 GB, measured
_COPIES = 4  # of the weights in float32 at the peak, during serialisation: 3.6 of 91 MB and 4.0 of 682 MB, measured
_FILES = 2  # of the weights in float32 on the disk at most: a decoder without and with a past
# Data beside the weights that says how inputs are made, and no code
_BESIDE = (
    "*config.json", "*token*.json", "*.model", "*.jinja", "vocab.*", "merges.txt", "normalizer.json",
    "chat_template.json",
)  # fmt: skip

Layout = Literal["product", "optimum"]


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""
    group.add_argument("--task", metavar="T", help="such as feature-extraction (default: what config.json names)")
    group.add_argument("--opset", type=count, metavar="N", help="ONNX operator set (default: the architecture's own)")
    said = "of Whisper; product: as its sense runs it (the default); optimum: as other programs read it"
    group.add_argument("--layout", choices=("product", "optimum"), help=said)
    group.add_argument("--part", choices=("vision",), help="of a vision-language model, the vision encoder alone")


def run(args: argparse.Namespace) -> Exported:
    """Export and print how far the graphs are from the model.

    Raises:
        UsageError: the output is named as a file.
        EdgeAssistantError: see `export`.
    """
    if args.output.suffix.lower() == ".onnx":
        raise UsageError(f"{args.output.name} would be a file, and an export has several", "name a folder")
    options = {name: getattr(args, name) for name in ("task", "part", "opset", "threads")}
    options["layout"] = args.layout or "product"
    with shown() as watch:
        made = export(args.folder, args.output, **options, watch=watch)
    for key, path in made.files.items():
        print(f"{key}: {path} ({path.stat().st_size:,} bytes)")
    print(f"{made.done.architecture} for {made.done.task}, operator set {made.done.opset}")
    shares = [share for outputs in made.done.deviations.values() for share in outputs.values()]
    if shares:
        print(f"compared with the model on the same inputs: at most {max(shares):.1e} of an output's largest value")
    if made.done.note:
        print(f"note: {made.done.note}")
    return made


@dataclass(frozen=True, slots=True)
class Exported:
    """An export."""

    # By key: `model`; or `encoder`, `decoder` (of a first token) and `decoder_with_past` (of later ones); or
    # `vision_encoder`, `embed_tokens` and `decoder`; `tokenizer` and `config` if there are such
    files: Mapping[str, Path]
    done: Done  # task, operator set, deviations and versions


def export(
    folder: Path,
    output: Path,
    *,
    task: str | None = None,
    part: Literal["vision"] | None = None,
    opset: int | None = None,
    layout: Layout = "product",
    threads: int | None = None,
    watch: Watch = ignore,
) -> Exported:
    """Export a folder of Hugging Face to a folder of ONNX files.

    Args:
        folder: config.json, tokenizer and *.safetensors.
        output: is made; one that holds anything is left alone.
        task: by optimum's name; None for that of the architecture.
        part: the vision encoder of a vision-language model alone.
        opset: of ONNX; None for optimum's choice.
        layout: of Whisper: "product" as the product's sense runs it, "optimum" as other programs read it.
        threads: cores to use; None for all.
        watch: receives each stage.

    Raises:
        UsageError: the output is there, or the model does not do the task or has no such part.
        InputMissing, WeightsRefused: there is no model, or its weights are pickled, incomplete, not finite, quantized
            or of an unknown architecture, or the tokenizer is missing.
        ToolMissing: the extra `quantize` is not installed.
        ModelTooLarge, StorageFull: memory or disk do not suffice, or it does not fit into an ONNX file.
        QuantizationFailed: it cannot be exported, or a graph does not compute what the model computes.
    """
    check_new(output)
    found = checkpoint.read(folder, language=False)
    own = found.architecture == _WHISPER and layout == "product" and (task, part, opset) == (None, None, None)
    if not own:
        require_libraries("the export to ONNX", _NEEDED)
    size = found.values * 4
    check_memory(f"exporting {folder.name}", _BASE_MEMORY + size * _COPIES)
    check_disk(f"exporting {folder.name}", size * _FILES, output)
    found.check_finite(lambda moved: watch(ProgressStep("reading the weights", moved, found.bytes)))
    cores = threads or Runtime.detect().threads
    with new_folder(output) as making:
        if own:
            done = _as_the_product_runs(found, making, output.name, cores, watch)
        else:
            done = _by_optimum(found, making, {"task": task, "part": part, "opset": opset, "threads": cores}, watch)
            done = _as_candidate(done, folder, making, output.name)
        (making / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(asdict(done)), indent=1) + b"\n")
    names = [*done.files, "tokenizer.json", "config.json"]
    there = [path for name in names if (path := output / name).is_file()]
    return Exported({path.stem.removesuffix("_model"): path for path in there}, done)


def _as_the_product_runs(found: Checkpoint, making: Path, name: str, cores: int, watch: Watch) -> Done:
    from edge_assistant_quantize.export import whisper
    from edge_assistant_quantize.importers.whisper import OPSET

    watch(ProgressStep("writing the graphs", 0, 1))
    options = whisper.convert(found, making)
    watch(ProgressStep("writing the graphs", 1, 1))
    Candidate(model_name(name), "speech", making, whisper.FILES, options).write()
    files = [whisper.FILES["encoder"], whisper.FILES["decoder"]]
    versions = {library: metadata.version(library) for library in ("numpy", "onnx")}
    done = Done("automatic-speech-recognition", found.architecture, OPSET, files, "speech", {}, versions)
    try:
        require_libraries("that", _COMPARING)
    except ToolMissing as error:
        return replace(done, note=f"the graphs were not compared with the model: {error.message} ({error.hint})")
    deviations = _in_process(whisper.__name__, found, making, {"threads": cores}, watch)
    versions |= {library: metadata.version(library) for library in _COMPARING}
    return replace(done, deviations=deviations, versions=versions)


def _by_optimum(found: Checkpoint, making: Path, order: dict[str, object], watch: Watch) -> Done:
    done = Done(**_in_process(exporter.__name__, found, making, order, watch))
    if without := [file for file in done.files if not done.deviations.get(file)]:
        hint = "it cannot be trusted; export to other files: --task, --part"
        raise QuantizationFailed(f"no output of {without[0]} could be compared with the model", hint)
    for path in _beside(found.folder):
        shutil.copyfile(path, making / path.name)
    return done


def _in_process(module: str, found: Checkpoint, making: Path, order: dict[str, object], watch: Watch) -> Any:  # noqa: ANN401 - JSON
    """The answer of a process that sees the data of the checkpoint and none of its code."""
    cores = str(order["threads"])
    with tempfile.TemporaryDirectory() as seen:
        return worker.run(
            module,
            {"folder": str(found.stage(Path(seen))), "output": str(making), **order},
            watch,
            failure=f"{found.folder.name} cannot be exported",
            hint="try another task or operator set: --task, --opset",
            environment={**worker.LIBRARIES, "OMP_NUM_THREADS": cores, "MKL_NUM_THREADS": cores},
        )


def _beside(folder: Path) -> list[Path]:
    return sorted({path for pattern in _BESIDE for path in folder.glob(pattern) if path.is_file()})


def _as_candidate(done: Done, folder: Path, making: Path, name: str) -> Done:
    """Make it a candidate for the product's embedder or detector, if that gives and takes what it was trained with."""
    from edge_assistant_quantize.export import detector

    files, options, unfit = {"model": done.files[0]}, {}, ""
    if done.role == "embedder":
        how, files["tokenizer"] = pooling.mode(folder), "tokenizer.json"
        if how == "cls":
            pooling.take_first_token(making / files["model"])
        elif how != "mean":
            unfit = f"does not do {how}"
    elif done.role == "detector":
        options, unfit = detector.OPTIONS, detector.unfit(folder)
        if not unfit:
            detector.fix(folder, making / files["model"])
    if unfit:
        return replace(done, role="", note=f"the product's {done.role} {unfit}")
    if done.role:
        Candidate(model_name(name), done.role, making, files, options).write()
    return done
