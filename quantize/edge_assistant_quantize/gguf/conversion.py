"""Weights of Hugging Face to GGUF, by llama.cpp's own converter of the version that will load the file."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge_assistant.storage.atomic import storing, writing
from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat
from edge_assistant_quantize import progress, worker
from edge_assistant_quantize.errors import InputMissing, ToolMissing
from edge_assistant_quantize.fetching import llama
from edge_assistant_quantize.gguf import checkpoint, converter
from edge_assistant_quantize.gguf.checkpoint import Checkpoint
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.room import check_disk, check_memory

PACKED = "packed"  # as F16, but weights that GPTQ, AWQ or AutoRound has packed in 4 bits keep them
# Bytes of a value in the file: of q8_0 34 for each 32 (ggml's block_q8_0)
PRECISIONS: Mapping[str, float] = {"f32": 4.0, "bf16": 2.0, "f16": 2.0, "q8_0": 34 / 32, PACKED: 2.0}
_HEADER_BYTES = 64 << 20  # vocabulary and merges of the largest models, and vectors, which are F32 in all precisions
_BASE_MEMORY = 1 << 30  # torch, transformers and a tokenizer: 0.4 GiB with 49,000 tokens, 1.0 with 262,000, measured
_COPIES = 3  # of the largest tensor in F32: as read, as computed with, as written
_LIBRARIES = ("torch", "transformers", "sentencepiece")
# A tokenizer that was built anew may lack what llama.cpp looks up without asking, such as the tokens of single bytes
_UNUSUAL = (
    "the model may be unusual, or its tokenizer lack tokens such as those of bytes, as one built anew may: put "
    "tokenizer.json, and tokenizer.model if there is one, of the model that it was trained from into the folder"
)


def convert(
    folder: Path,
    output: Path,
    *,
    precision: str = "f16",
    pre: str | None = None,
    adapter: Path | None = None,
    projector: bool = False,
    threads: int,
    watch: Watch,
) -> Checkpoint:
    """Convert a folder to one GGUF file, whole or not at all.

    The converter sees links to the data in the folder, and none of its code: if `auto_map` asks for a class that a
    model brings along, transformers' own takes its place or the conversion fails.

    Args:
        folder: config.json, tokenizer and safetensors.
        output: the file to write; its folder exists.
        precision: one of `PRECISIONS`; vectors are F32 in all of them.
        pre: how a byte-pair tokenizer splits text, by llama.cpp's name of a model family that does it likewise; None
            if the converter recognises it.
        adapter: a folder of a LoRA adapter, as PEFT saves it, that is added to the weights.
        projector: whether to write the picture encoder and projector of a vision-language model (mmproj), and not its
            language model.
        threads: cores to use.
        watch: receives the steps.

    Returns:
        The content of the folder.

    Raises:
        InputMissing, WeightsRefused: the folder is no model or the adapter none, or weights or tokenizer are refused.
        ToolMissing: the converter, or a library of it, is not installed.
        ModelTooLarge, StorageFull: memory or disk do not suffice.
        QuantizationFailed: the converter failed, or llama.cpp does not load its output.
    """
    if adapter is not None and not (adapter / "adapter_config.json").is_file():
        raise InputMissing(f"{adapter.name} holds no adapter_config.json", "name the folder that PEFT saved it to")
    found = checkpoint.read(folder, language=not projector)
    tool = llama.source()
    require_libraries("llama.cpp's converter", _LIBRARIES)
    check_disk(output.name, int(found.values * PRECISIONS[precision]) + _HEADER_BYTES, output.parent)
    check_memory(f"converting {folder.name}", _BASE_MEMORY + found.largest * 4 * _COPIES)
    found.check_finite(progress.counted("reading the weights, MiB", found.bytes, watch))
    with storing(output.name), writing(output) as file, tempfile.TemporaryDirectory() as work:
        request = {
            "tool": tool,
            "folder": found.stage(Path(work)),
            "output": f"/dev/fd/{file.fileno()}",
            "name": output.name,
            "kind": "f16" if precision == PACKED else precision,
            "keep": precision == PACKED,
            "pre": pre,
            "architecture": found.architecture,
            "projector": projector,
            "adapter": adapter and adapter.absolute(),
        }
        worker.run(
            converter.__name__,
            request,
            watch,
            failure=f"{folder.name} cannot be converted",
            hint=_UNUSUAL,
            descriptor=file.fileno(),
            environment={**worker.LIBRARIES, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
        )
        with Path(f"/dev/fd/{file.fileno()}").open("rb") as made:
            headers.check(made, HeaderFormat.GGUF, output.name)
    return found


def require_libraries(what: str, libraries: tuple[str, ...]) -> None:
    """Check that libraries of the extra are installed.

    Raises:
        ToolMissing: one is not.
    """
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if missing:
        hint = "install the extra: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing(f"{what} needs {', '.join(missing)}", hint)
