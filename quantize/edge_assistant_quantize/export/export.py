"""A model of Hugging Face to ONNX files, whole or not at all.

Whisper gets the layout that the product's speech sense runs, which needs no torch (`whisper`); everything else goes
through optimum in a process of its own (`worker`).
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.schema import printable
from edge_assistant_quantize import errors
from edge_assistant_quantize.candidate import Candidate, model_name
from edge_assistant_quantize.errors import (
    EdgeAssistantError,
    QuantizationFailed,
    ToolMissing,
    UsageError,
)
from edge_assistant_quantize.export import pooling, whisper, work
from edge_assistant_quantize.gguf import checkpoint, processes
from edge_assistant_quantize.gguf.checkpoint import Checkpoint
from edge_assistant_quantize.gguf.staging import stage
from edge_assistant_quantize.progress import Step, Watch, ignore
from edge_assistant_quantize.room import check_disk, check_memory, check_new, new_folder

REPORT = "export.json"  # in the output: task, operator set, deviations, versions

_NEEDED = ("torch", "transformers", "optimum")
_BASE_MEMORY = 1 << 30  # torch and transformers without a model: 0.4 GB, seen
_COPIES = 4  # of the weights in float32 at the peak, while they are serialised: 3.6 of 91 MB and 4.0 of 682 MB, seen
_FILES = 2  # of the weights in float32 on the disk at most: a decoder without and with a past
# The library's names of files, and what those who use them call them here
_KEYS = {
    "encoder_model.onnx": "encoder",
    "encoder.onnx": "encoder",
    "decoder.onnx": "decoder",
    "decoder_model.onnx": "decoder",
    "decoder_with_past_model.onnx": "decoder_with_past",
    "vision_encoder.onnx": "vision",
    "embed_tokens.onnx": "embeddings",
    "tokenizer.json": "tokenizer",
    "config.json": "config",
}
# What stands beside the weights and says how inputs are made: data by these names, and no code
_BESIDE = (
    "config.json", "generation_config.json", "*processor_config.json", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "normalizer.json", "vocab.txt",
    "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "chat_template.json", "*.jinja",
)  # fmt: skip
_RUN_AS = {  # nothing is fetched, nothing is reported
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        files: by key: `model`; or `encoder`, `decoder` (of a first token) and `decoder_with_past` (of later ones); or
            `vision`, `embeddings` and `decoder`; `tokenizer` and `config` where there are such.
        done: task, operator set, deviations and versions.
    """

    files: Mapping[str, Path]
    done: work.Done

    @property
    def deviation(self) -> float | None:
        """The largest difference of any output between graph and model, as a share of the output's largest value.

        None where they were not compared, as the model's own code did not run.
        """
        shares = [share for outputs in self.done.deviations.values() for share in outputs.values()]
        return max(shares) if shares else None


def export(
    folder: Path, output: Path, *, task: str | None = None, threads: int | None = None, watch: Watch = ignore
) -> dict[str, Path]:
    """Export a model with all its parts; the files by key. See `run`."""
    return dict(run(folder, output, task=task, threads=threads, watch=watch).files)


def run(
    folder: Path,
    output: Path,
    *,
    task: str | None = None,
    part: work.Part | None = None,
    opset: int | None = None,
    layout: work.Layout | None = None,
    threads: int | None = None,
    watch: Watch = ignore,
) -> Exported:
    """Export a folder of Hugging Face to a folder of ONNX files.

    Args:
        folder: config.json, tokenizer and *.safetensors.
        output: is made; one that holds anything is left alone.
        task: by optimum's name; None for what the architecture was made for.
        part: "vision" or "decoder" of a vision-language model alone.
        opset: of ONNX; None for optimum's choice.
        layout: "optimum" for what other programs read; "product" for what the product's senses run; None for the
            latter where there is a difference, as for Whisper.
        threads: cores to keep to; None for all that there are.
        watch: is told each stage as it begins.

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
    own = _takes_own_layout(found, layout, plain=task is None and part is None and opset is None)
    if not own:
        _require_libraries()
    size = found.values * 4
    check_memory(f"exporting {folder.name}", _BASE_MEMORY + size * _COPIES)
    check_disk(f"exporting {folder.name}", size * _FILES, output)
    read = found.bytes
    found.check_finite(lambda moved: watch(Step("reading the weights", moved, read)))
    with new_folder(output) as making:
        if own:
            done = _as_the_product_runs(found, making, output.name, watch)
        else:
            with tempfile.TemporaryDirectory() as seen:
                staged = stage(found, Path(seen))
                order = work.Order(str(staged), str(making), task, part, opset, threads or Runtime.detect().threads)
                done = _by_optimum(order, found, output.name, watch)
        (making / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(done), indent=1) + b"\n")
    names = [*done.files, "tokenizer.json", "config.json"]
    paths = {_KEYS.get(name, Path(name).stem): output / name for name in names if (output / name).is_file()}
    return Exported(paths, done)


def _require_libraries() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        hint = "install the extra: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing(f"the export to ONNX needs {', '.join(missing)}", hint)


def _beside(folder: Path) -> list[Path]:
    return sorted({path for pattern in _BESIDE for path in folder.glob(pattern) if path.is_file()})


def _takes_own_layout(found: Checkpoint, layout: work.Layout | None, *, plain: bool) -> bool:
    """Whether to write the product's own layout.

    Raises:
        UsageError: it is wanted, and there is none or other options contradict it.
    """
    known = found.architecture == whisper.ARCHITECTURE
    if layout == "product" and not (known and plain):
        what = f"the product has no layout of its own for {printable(found.architecture)} with these options"
        raise UsageError(what, "leave --layout out")
    return known and plain and layout != "optimum"


def _as_the_product_runs(found: Checkpoint, making: Path, name: str, watch: Watch) -> work.Done:
    watch(Step("writing the graphs", 0, 1))
    options = whisper.convert(found, making)
    watch(Step("writing the graphs", 1, 1))
    Candidate(model_name(name), "speech", making, whisper.FILES, options).write()
    files = [whisper.FILES["encoder"], whisper.FILES["decoder"]]
    versions = {library: metadata.version(library) for library in ("numpy", "onnx")}
    return work.Done("automatic-speech-recognition", found.architecture, whisper.OPSET, files, "speech", {}, versions)


def _by_optimum(order: work.Order, found: Checkpoint, name: str, watch: Watch) -> work.Done:
    done = _ordered(order, found, watch)
    making = Path(order.output)
    for path in _beside(found.folder):
        shutil.copyfile(path, making / path.name)
    return _as_embedder(done, found.folder, making, name) if done.role == "embedder" else done


def _as_embedder(done: work.Done, folder: Path, making: Path, name: str) -> work.Done:
    """Make it a candidate for the product's embedder, if that can pool as it was trained to."""
    how = pooling.mode(folder)
    if how not in {"mean", "cls"}:
        return msgspec.structs.replace(done, role="", note=f"the product's embedder does not do {how}")
    if how == "cls":
        pooling.take_first_token(making / done.files[0])
    files = {"model": done.files[0], "tokenizer": "tokenizer.json"}
    Candidate(model_name(name), "embedder", making, files).write()
    return done


def _ordered(order: work.Order, found: Checkpoint, watch: Watch) -> work.Done:
    """Let the process do it.

    Raises:
        EdgeAssistantError: see `run`.
    """
    said: list[work.Said] = []

    def heard(line: str) -> None:
        if (one := work.heard(line)) is None:
            return
        said.append(one)
        if isinstance(one, work.Stage):
            watch(Step(one.what, int(one.ended), 1))

    command = processes.python("edge_assistant_quantize.export.worker", msgspec.json.encode(order).decode())
    environment = {**_RUN_AS, "OMP_NUM_THREADS": str(order.threads), "MKL_NUM_THREADS": str(order.threads)}
    try:
        processes.run(command, (), environment, heard)
    except processes.Failed as error:
        raise _reason(said, found, error) from None
    if said and isinstance(said[-1], work.Done):
        return said[-1]
    raise QuantizationFailed(f"{found.folder.name} cannot be exported (the process said nothing)", "report it")


def _reason(said: list[work.Said], found: Checkpoint, error: processes.Failed) -> EdgeAssistantError:
    if said and isinstance(said[-1], work.Refused):
        kind: type[EdgeAssistantError] = getattr(errors, said[-1].kind, QuantizationFailed)
        return kind(said[-1].message, said[-1].hint)
    hint = "try another task or operator set: --task, --opset"
    return QuantizationFailed(f"{found.folder.name} cannot be exported ({printable(error.reason)})", hint)
