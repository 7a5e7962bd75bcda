"""Hugging Face to GGUF, by llama.cpp's own converter of the version that will load it."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_assistant.storage.atomic import storing, writing
from edge_assistant_models import headers
from edge_assistant_models.headers import Form
from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import QuantizationFailed, ToolMissing, UsageError, WeightsRefused
from edge_assistant_quantize.fetching import llama
from edge_assistant_quantize.gguf import checkpoint, loads, processes, tokens
from edge_assistant_quantize.gguf.checkpoint import Checkpoint
from edge_assistant_quantize.gguf.staging import stage
from edge_assistant_quantize.progress import Step, Watch
from edge_assistant_quantize.room import check_disk, check_memory

# Bytes of a value in the file: of q8_0 34 for each 32 (ggml's block_q8_0)
PRECISIONS: Mapping[str, float] = {"f32": 4.0, "bf16": 2.0, "f16": 2.0, "q8_0": 34 / 32}
_HEADER_BYTES = 64 << 20  # vocabulary and merges of the largest models, and what stays in F32 whatever the precision
_BASE_MEMORY = 1 << 30  # torch, transformers and a tokenizer: 0.4 GiB with 49,000 tokens, 1.0 with 262,000, measured
_COPIES = 3  # of the largest tensor in F32: as read, as computed with, as written
_WITHOUT = ("torch", "transformers", "sentencepiece")
_WRITTEN = re.compile(r"Writing:\s*(\d+)%")
_RUN_AS = {  # code in a folder is not run, nothing is fetched, and the cores are those that were given
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}


def convert(
    folder: Path, output: Path, *, precision: str = "f16", pre: str | None = None, threads: int, watch: Watch
) -> None:
    """Convert a folder to one GGUF file, whole or not at all.

    The converter sees links to the data in the folder, and none of its code: where `auto_map` asks for a class that a
    model brings along, transformers' own takes its place or the conversion fails.

    Args:
        folder: config.json, tokenizer and safetensors.
        output: the file to write; its folder exists.
        precision: one of `PRECISIONS`; vectors are F32 in all of them.
        pre: how a byte-pair tokenizer splits text, by llama.cpp's name of the model family that does it likewise;
            None where the converter recognises it, or its rules are those of a family.
        threads: cores to keep to.
        watch: is told what is done.

    Raises:
        UsageError: the precision is unknown, or the output is a folder.
        InputMissing, WeightsRefused: the folder is none, or its weights are not taken.
        ToolMissing: the converter, or what it needs, is not installed.
        ModelTooLarge, StorageFull: memory or disk do not suffice.
        QuantizationFailed: the converter could not do it, or llama.cpp does not load what it made.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision}", f"take one of {', '.join(PRECISIONS)}")
    if output.is_dir():
        raise UsageError(f"{output.name} is a folder", "name the file to write")
    found = checkpoint.read(folder)
    tool = llama.source()
    checkpoint.check_architecture(found, checkpoint.known_architectures(tool))
    _require_libraries()
    check_disk(f"{output.name}", expected_bytes(found, precision), output.parent)
    check_memory(f"converting {folder.name}", _BASE_MEMORY + found.largest * 4 * _COPIES)
    moved = _once("reading the weights, MiB", _mebibytes(found.bytes), watch)
    found.check_finite(lambda done: moved(_mebibytes(done)))
    with storing(output.name), writing(output) as file:
        name = f"/dev/fd/{file.fileno()}"
        _convert(found, tool, name, file.fileno(), precision, pre, threads, watch)
        watch(Step("loading it with llama.cpp", 0, 1))
        with Path(name).open("rb") as made:
            headers.check(made, Form.GGUF, output.name)
        _check_tokens(found, loads.load(file.fileno(), output.name, tokens.TEXTS))
        watch(Step("loading it with llama.cpp", 1, 1))


def _once(what: str, total: int, watch: Watch) -> Callable[[int], None]:
    """Tells each number of units done once, however often it is said."""
    told = [-1]

    def moved(done: int) -> None:
        if done != told[0]:
            told[0] = done
            watch(Step(what, done, total))

    return moved


def _mebibytes(size: int) -> int:
    return -(-size >> 20)


def expected_bytes(found: Checkpoint, precision: str) -> int:
    """About as much as the file will have, rather more."""
    return int(found.values * PRECISIONS[precision]) + _HEADER_BYTES


def _require_libraries() -> None:
    missing = [name for name in _WITHOUT if importlib.util.find_spec(name) is None]
    if missing:
        hint = "install the extra: pip install 'edge-assistant-offline[quantize]'"
        raise ToolMissing(f"llama.cpp's converter needs {', '.join(missing)}", hint)


def _convert(
    found: Checkpoint,
    tool: Path,
    name: str,
    descriptor: int,
    precision: str,
    pre: str | None,
    threads: int,
    watch: Watch,
) -> None:
    moved = _once("converting, %", 100, watch)

    def heard(line: str) -> None:
        if match := _WRITTEN.search(line):
            moved(int(match[1]))

    moved(0)
    with tempfile.TemporaryDirectory() as work:
        staged = stage(found, Path(work))
        split = [pre or "-", tokens.split_of(found.folder) or "-"]
        arguments = [str(tool), *split, str(staged), "--outfile", name, "--outtype", precision]
        command = processes.python("edge_assistant_quantize.gguf.converter", *arguments)
        environment = {**_RUN_AS, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        try:
            processes.run(command, [descriptor], environment, heard)
        except processes.Failed as error:
            raise _refusal(found, error) from None
    moved(100)


def _refusal(found: Checkpoint, error: processes.Failed) -> Exception:
    """What the converter's failure means."""
    if any("pre-tokenizer was not recognized" in line for line in error.lines):
        return WeightsRefused(
            f"llama.cpp's converter does not know how the tokenizer of {found.folder.name} splits text",
            "if it splits as that of a known family, say so: --pre-tokenizer llama-bpe, qwen2, smollm, ...",
        )
    return processes.failed(f"{found.folder.name} cannot be converted", error)


def _check_tokens(found: Checkpoint, loaded: loads.Loaded) -> None:
    """Whether llama.cpp splits texts as the tokenizer in the folder does.

    Raises:
        WeightsRefused: it does not, for the converter found no scores in the folder.
        QuantizationFailed: it does not.
    """
    wanted = tokens.of(found.folder, tokens.TEXTS) or loaded.tokens
    rows = zip(tokens.TEXTS, wanted, loaded.tokens, strict=True)
    wrong = next((text for text, ours, theirs in rows if tuple(ours) != theirs), None)
    if wrong is None:
        return
    what = f"llama.cpp splits the text {printable(wrong)[:40]} into other tokens than the model's tokenizer"
    if loaded.pieces and not (found.folder / "tokenizer.model").is_file():  # tokenizer.json has no scores
        raise WeightsRefused(what, "put the tokenizer.model of the model that it was trained from into the folder")
    raise QuantizationFailed(what, "say how it splits: --pre-tokenizer llama-bpe, qwen2, smollm, ...")
