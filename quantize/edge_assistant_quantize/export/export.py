"""`edge-quantize convert` to ONNX: a model of Hugging Face to ONNX files, whole or not at all.

`exporter` writes them in a process of its own, and compares each graph with the model. What a sense of the product
opens as it is becomes a candidate (`product`).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

import msgspec

from edge_assistant_quantize import worker
from edge_assistant_quantize.arguments import option
from edge_assistant_quantize.errors import ModelTooLarge, QuantizationFailed, UsageError, WeightsRefused
from edge_assistant_quantize.export import Done, product
from edge_assistant_quantize.gguf import checkpoint
from edge_assistant_quantize.gguf.conversion import require_libraries
from edge_assistant_quantize.progress import Watch, counted, ignore
from edge_assistant_quantize.room import check_disk, check_memory, check_new, new_folder

EXAMPLES = """  edge-quantize convert my-whisper --output my-whisper-onnx
  edge-quantize convert all-MiniLM-L6-v2 --output minilm --task feature-extraction"""
TASK = option("--task", metavar="T", help="such as feature-extraction (default: what config.json names)")
REPORT = "export.json"  # in the output: task, operator set, deviations, versions

_EXPORTER = "edge_assistant_quantize.export.exporter"  # which is imported in its process only
_WHISPER = "WhisperForConditionalGeneration"  # the one that writes text and is exported
_WRITERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")  # ends of names of architectures that write text
_NEEDED = ("torch", "transformers", "optimum")
_BASE_MEMORY = 1 << 30  # torch and transformers without a model: 0.4 GB, measured
_COPIES = 4  # of the weights in float32 at the peak, during serialisation: 3.6 of 91 MB and 4.0 of 682 MB, measured
_MAX_BYTES = 2_147_483_647  # of an ONNX file: protobuf counts in 31 bits; the product takes no values from elsewhere


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
    most = max(share for outputs in done.deviations.values() for share in outputs.values())
    said.append(f"compared with the model on the same inputs: at most {most:.1e} of an output's largest value")
    return [*said, f"note: {done.note}"] if done.note else said


def export(
    folder: Path,
    output: Path,
    *,
    task: str | None = None,
    threads: int,
    watch: Watch = ignore,
) -> tuple[Done, dict[str, Path]]:
    """Export a folder of Hugging Face to a folder of ONNX files.

    Args:
        folder: config.json, tokenizer and *.safetensors.
        output: is made; one that holds anything is left alone.
        task: by optimum's name; None for that of the architecture.
        threads: cores to use.
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
    size, whisper = found.values * 4, found.architecture == _WHISPER
    if found.architecture.endswith(_WRITERS) and not whisper:
        hint = "name a .gguf as output; with --mmproj that is the picture encoder of a vision-language model"
        raise WeightsRefused(f"{folder.name} writes text, and the product runs such models as GGUF", hint)
    require_libraries("the export to ONNX", _NEEDED)
    if size > _MAX_BYTES and not whisper:  # whose two files are in half precision
        what = f"{folder.name} has {size / 1e9:.1f} GB of weights in float32 and an ONNX file holds 2.1 GB"
        raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
    check_memory(f"exporting {folder.name}", _BASE_MEMORY + size * _COPIES)
    check_disk(f"exporting {folder.name}", size, output)
    found.check_finite(counted("reading the weights, MiB", found.bytes, watch))
    with new_folder(output) as making:
        with tempfile.TemporaryDirectory() as seen:  # the data of the checkpoint and none of its code
            staged = found.stage(Path(seen))
            answer = worker.run(
                _EXPORTER,
                {"folder": str(staged), "output": str(making), "task": task, "threads": threads},
                watch,
                failure=f"{folder.name} cannot be exported",
                hint="try another task: --task",
                environment={**worker.LIBRARIES, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
            )
        done = Done(**answer)
        if not done.deviations or not all(done.deviations.values()):
            what = f"no output of {done.files[0]} could be compared with the model"
            raise QuantizationFailed(what, "it cannot be trusted; name another task: --task")
        done = product.as_candidate(done, folder, making, output.name)
        (making / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(asdict(done)), indent=1) + b"\n")
    there = [path for name in [*done.files, "tokenizer.json", "config.json"] if (path := output / name).is_file()]
    return done, {path.stem.removesuffix("_model"): path for path in there}
