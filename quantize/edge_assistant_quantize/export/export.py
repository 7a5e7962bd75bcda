"""`edge-quantize convert` to ONNX: a model of Hugging Face to ONNX files, whole or not at all.

Whisper gets the layout that the product's speech sense runs, which needs no torch (`whisper`); everything else goes
through optimum in a process of its own (`exporter`). Each graph is compared with the model. What a sense of the product
opens as it is becomes a candidate.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import worker
from edge_assistant_quantize.arguments import option
from edge_assistant_quantize.candidate import Candidate, model_name
from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed, ToolMissing, UsageError, WeightsRefused
from edge_assistant_quantize.export import Done, pooling
from edge_assistant_quantize.gguf import checkpoint
from edge_assistant_quantize.gguf.checkpoint import Checkpoint
from edge_assistant_quantize.gguf.conversion import require_libraries
from edge_assistant_quantize.progress import Watch, counted, ignore, stage
from edge_assistant_quantize.room import check_disk, check_memory, check_new, new_folder

EXAMPLES = """  edge-quantize convert my-whisper --output my-whisper-onnx
  edge-quantize convert all-MiniLM-L6-v2 --output minilm --task feature-extraction"""
TASK = option("--task", metavar="T", help="such as feature-extraction (default: what config.json names)")
REPORT = "export.json"  # in the output: task, operator set, deviations, versions

_WHISPER = "WhisperForConditionalGeneration"  # the architecture with a layout of the product's own
_LISTENING = "automatic-speech-recognition"
_WRITERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")  # ends of names of architectures that write text
_COMPARING = ("torch", "transformers")
_NEEDED = (*_COMPARING, "optimum")
_BASE_MEMORY = 1 << 30  # torch and transformers without a model: 0.4 GB, measured
_COPIES = 4  # of the weights in float32 at the peak, during serialisation: 3.6 of 91 MB and 4.0 of 682 MB, measured
_MAX_BYTES = 2_147_483_647  # of an ONNX file: protobuf counts in 31 bits; the product takes no values from elsewhere
# Data beside the weights that says how inputs are made, and no code
_BESIDE = (
    "*config.json", "*token*.json", "*.model", "*.jinja", "vocab.*", "merges.txt", "normalizer.json",
    "chat_template.json",
)  # fmt: skip


def run(args: argparse.Namespace) -> list[str]:
    """Export and say how far the graphs are from the model.

    Raises:
        UsageError: the output is named as a file.
        EdgeAssistantError: see `export`.
    """
    if args.output.suffix.lower() == ".onnx":
        raise UsageError(f"{args.output.name} would be a file, and an export has several", "name a folder")
    done, files = export(args.folder, args.output, task=args.task, threads=args.threads, watch=args.watch)
    said = [f"{key}: {path} ({path.stat().st_size:,} bytes)" for key, path in files.items()]
    said.append(f"{done.architecture} for {done.task}, operator set {done.opset}")
    if shares := [share for outputs in done.deviations.values() for share in outputs.values()]:
        most = f"at most {max(shares):.1e} of an output's largest value"
        said.append(f"compared with the model on the same inputs: {most}")
    return [*said, f"note: {done.note}"] if done.note else said


def export(
    folder: Path,
    output: Path,
    *,
    task: str | None = None,
    threads: int | None = None,
    watch: Watch = ignore,
) -> tuple[Done, dict[str, Path]]:
    """Export a folder of Hugging Face to a folder of ONNX files.

    Args:
        folder: config.json, tokenizer and *.safetensors.
        output: is made; one that holds anything is left alone.
        task: by optimum's name; None for that of the architecture.
        threads: cores to use; None for all.
        watch: receives each stage.

    Returns:
        What was done, and the files by key: `model`; or `encoder` and `decoder`; `tokenizer` and `config` if there.

    Raises:
        UsageError: the output is there, or the model does not do the task.
        InputMissing, WeightsRefused: there is no model, or its weights are pickled, incomplete, not finite, quantized,
            of an unknown architecture, or of a model that writes text and is no Whisper.
        ToolMissing: the extra `quantize` is not installed.
        ModelTooLarge, StorageFull: memory or disk do not suffice, or it does not fit into an ONNX file.
        QuantizationFailed: it cannot be exported, or a graph does not compute what the model computes.
    """
    check_new(output)
    found = checkpoint.read(folder, language=False)
    own, size = found.architecture == _WHISPER, found.values * 4
    if own and task not in {None, _LISTENING}:
        raise UsageError(f"{folder.name} is a Whisper, which does {_LISTENING}", "leave --task out")
    if not own:
        if found.architecture.endswith(_WRITERS):
            hint = "name a .gguf as output; with --mmproj that is the picture encoder of a vision-language model"
            raise WeightsRefused(f"{folder.name} writes text, and the product runs such models as GGUF", hint)
        require_libraries("the export to ONNX", _NEEDED)
        if size > _MAX_BYTES:
            what = f"{folder.name} has {size / 1e9:.1f} GB of weights in float32 and an ONNX file holds 2.1 GB"
            raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
    check_memory(f"exporting {folder.name}", _BASE_MEMORY + size * _COPIES)
    check_disk(f"exporting {folder.name}", size, output)
    found.check_finite(counted("reading the weights, MiB", found.bytes, watch))
    cores = threads or Runtime.detect().threads
    with new_folder(output) as making:
        if own:
            done = _as_the_product_runs(found, making, output.name, cores, watch)
        else:
            done = _by_optimum(found, making, {"task": task, "threads": cores}, watch)
            done = _as_candidate(done, folder, making, output.name)
        (making / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(asdict(done)), indent=1) + b"\n")
    there = [path for name in [*done.files, "tokenizer.json", "config.json"] if (path := output / name).is_file()]
    return done, {path.stem.removesuffix("_model"): path for path in there}


def _as_the_product_runs(found: Checkpoint, making: Path, name: str, cores: int, watch: Watch) -> Done:
    from edge_assistant_quantize.export import whisper
    from edge_assistant_quantize.importers.whisper import OPSET

    with stage("writing the graphs", watch):
        options = whisper.convert(found, making)
    Candidate(model_name(name), "speech", making, whisper.FILES, options).write()
    files = [whisper.FILES["encoder"], whisper.FILES["decoder"]]
    versions = {library: metadata.version(library) for library in ("numpy", "onnx")}
    done = Done(_LISTENING, found.architecture, OPSET, files, "speech", {}, versions)
    try:
        require_libraries("that", _COMPARING)
    except ToolMissing as error:
        return replace(done, note=f"the graphs were not compared with the model: {error.message} ({error.hint})")
    deviations = _in_process(whisper.__name__, found, making, {"threads": cores}, watch)
    versions |= {library: metadata.version(library) for library in _COMPARING}
    return replace(done, deviations=deviations, versions=versions)


def _by_optimum(found: Checkpoint, making: Path, order: dict[str, object], watch: Watch) -> Done:
    from edge_assistant_quantize.export import exporter

    done = Done(**_in_process(exporter.__name__, found, making, order, watch))
    if without := [file for file in done.files if not done.deviations.get(file)]:
        what = f"no output of {without[0]} could be compared with the model"
        raise QuantizationFailed(what, "it cannot be trusted; name another task: --task")
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
            hint="try another task: --task",
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
        if not (making / files["tokenizer"]).is_file():
            unfit = "needs tokenizer.json: copy that of the model that it was trained from into the folder"
        elif how == "cls":
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
