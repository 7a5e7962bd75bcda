"""A GGUF model quantized by llama.cpp's own quantizer, in a process of its own."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_assistant.language import llama
from edge_assistant.storage import atomic
from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import held
from edge_assistant_quantize import room, worker
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    EdgeAssistantError,
    ModelCorrupt,
    QuantizationFailed,
    StorageFull,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import header, imatrix, kinds
from edge_assistant_quantize.gguf.header import Header
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore

_MAX_BUFFER = 1 << 30  # bytes of one tensor's rows that are worked on at once; llama.cpp takes up to 8 GiB if it may
_DONE = re.compile(r"\[ *(\d+)/ *(\d+)\]")
_SIZE = re.compile(r"(model|quant) size +=\s+([\d.]+) MiB")
_HOME = "take the model from its official home"
_MAKE = "make one of this model: edge-quantize imatrix MODEL.gguf --text F --output F.gguf, and give it with --imatrix"

# What llama.cpp says, the error of it, and its hint; {0} is the model, {1} the type, {2} what the expression finds
_REASONS: tuple[tuple[str, type[EdgeAssistantError], str, str], ...] = (
    (r"tensor '(.+)' has invalid data", WeightsRefused, "the tensor {2} of {0} holds what is no finite number", _HOME),
    (r"model architecture: ('.*')", WeightsRefused, "llama.cpp knows no architecture {2}", "take another model"),
    (r"requires an (imatrix)", CalibrationInvalid, "{1} needs an importance matrix, or would be garbage", _MAKE),
    (r"(imatrix size|Missing importance)", CalibrationInvalid, "the importance matrix is of another model", _MAKE),
    (r"(iostream error)", StorageFull, "the quantized model cannot be written", "free some space on the disk"),
    (r"failed to quantize: (.+)", QuantizationFailed, "{0} cannot be quantized ({2})", "look at the model's source"),
    (r"()", QuantizationFailed, "{0} cannot be quantized", "look at the model's source"),
)


def quantize(
    model: Path,
    output: Path,
    kind: str,
    *,
    imatrix: Path | None = None,
    overrides: Mapping[str, str] = {},
    allow_requantize: bool = False,
    threads: int,
    watch: Watch,
) -> dict[str, int]:
    """Write a model in another type; the file is there whole, or not at all.

    Args:
        model: a GGUF file, best in F16, BF16 or F32.
        output: the file to write.
        kind: one of `kinds.MODELS`, such as Q4_K_M: a mixture, which gives sensitive tensors more bits.
        imatrix: an importance matrix of the model, see `imatrix.compute`; types of less than 3 bits need one.
        overrides: type by regular expression: the first that is found in a tensor's name decides.
        allow_requantize: also from a quantized model, which loses twice.
        threads: that compute.
        watch: receives each tensor.

    Returns:
        How many tensors fell back to which type, see `header.Header.fallen`; none of those that are overridden.

    Raises:
        UsageError: there is no such type, an override matches nothing, or the model is quantized already.
        ModelCorrupt: the model is no sound GGUF, or one part of several.
        WeightsRefused: its weights are not finite, or its architecture is unknown.
        CalibrationInvalid: an importance matrix is needed and none is given, or it is of another model.
        StorageFull, ModelTooLarge: disk or memory do not suffice.
        QuantizationFailed: llama.cpp failed.
    """
    found = header.read(model)
    _check(found, model.name, kind, overrides, allow_requantize)
    if output.exists() and output.samefile(model):
        raise UsageError(f"{output.name} would replace the model itself", "name another file for the output")
    largest = max(tensor.n_elements for tensor in found.tensors)
    room.check_memory("quantizing", min(largest * 12, _MAX_BUFFER) + largest)
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        request = {
            "model": model.absolute(),
            "kind": kind.upper(),
            "imatrix": imatrix and imatrix.absolute(),
            "overrides": dict(overrides),
            "allow_requantize": allow_requantize,
            "threads": threads,
            "output": file.fileno(),
            "folder": output.absolute().parent,
        }
        worker.run(__name__, request, watch, descriptor=file.fileno())
        try:
            made = header.read(Path(f"/dev/fd/{file.fileno()}"))
        except ModelCorrupt:  # llama.cpp does not notice every full disk
            raise StorageFull(f"{output.name} was not written whole", "free some space") from None
    fell = [tensor for tensor in made.fallen if not any(re.search(each, tensor.name) for each in overrides)]
    return dict(Counter(map(header.kind_of, fell)).most_common())


def note(fallbacks: Mapping[str, int]) -> str:
    """What fell back in one line for people; empty if nothing did."""
    if not fallbacks:
        return ""
    types = ", ".join(f"{count} to {kind}" for kind, count in fallbacks.items())
    return f"{sum(fallbacks.values())} tensors fell back, {types}: their rows are no multiples of {header.BLOCK}"


def _check(found: Header, name: str, kind: str, overrides: Mapping[str, str], allow_requantize: bool) -> None:
    """All checks that need no computation, raising as `quantize` does."""
    kinds.of_model(kind)
    if found.values.get("general.type", "model") != "model" or not found.tensors:
        raise WeightsRefused(f"{name} holds no model", "name the GGUF file of a model")
    if found.quantized and not allow_requantize:
        before = sorted(set(map(header.kind_of, found.quantized)))
        what = f"{name} is quantized already ({', '.join(before)}), and would lose twice"
        raise UsageError(what, "take the model in F16, or say --allow-requantize")
    if overrides and kind.upper() in kinds.FLOATS:
        raise UsageError(f"{kind} keeps all tensors in one type", "leave --tensor-type out, or take a quantized type")
    for pattern, tensor_kind in overrides.items():
        kinds.of_tensor(tensor_kind)
        hint = "take one such as attn_v, ffn_down or blk.0.attn_q"
        try:
            matches = any(re.search(pattern, tensor.name) for tensor in found.tensors)
        except re.error as error:
            raise UsageError(f"'{pattern}' is no regular expression ({error})", hint) from None
        if not matches:
            raise UsageError(f"no tensor's name matches '{pattern}'", hint)


def work(request: Mapping[str, Any], watch: Watch) -> None:
    """Quantize in the other process, if the disk has room."""
    import llama_cpp

    model, params = Path(request["model"]), llama.library().llama_model_quantize_default_params()
    params.ftype = kinds.of_model(request["kind"])
    params.nthread = request["threads"]
    params.allow_requantize = request["allow_requantize"]
    params.max_buf_size = _MAX_BUFFER
    types = [(pattern.encode(), kinds.of_tensor(kind)) for pattern, kind in request["overrides"].items()]
    params.tt_overrides = (llama_cpp.llama_model_tensor_override * (len(types) + 1))(*types)  # an empty one ends it
    if request["imatrix"]:
        matrix, floats = imatrix.read(Path(request["imatrix"])), ctypes.POINTER(ctypes.c_float)
        rows = [(name.encode(), mean.ctypes.data_as(floats), mean.size) for name, mean in matrix.items()]
        params.imatrix = (llama_cpp.llama_model_imatrix_data * (len(rows) + 1))(*rows)
    with held(model, HeaderFormat.GGUF) as name:
        said = _run(request, name, params, ignore, dry=True)
        sizes = {what: float(size) * (1 << 20) for what, size in _SIZE.findall(said)}
        rest = max(model.stat().st_size - sizes["model"], 0)
        room.check_disk("the quantized model", math.ceil(sizes["quant"] + rest), Path(request["folder"]))
        _run(request, name, params, watch, dry=False)


def _run(request: Mapping[str, Any], name: str, params: Any, watch: Watch, *, dry: bool) -> str:  # noqa: ANN401
    """Let llama.cpp read the model of that name and quantize it, or only say how; what it says."""
    lib, said, what = llama.library(), list[str](), f"quantizing to {request['kind']}"

    def log(level: int, text: bytes, data: object) -> None:
        said.append(text.decode(errors="replace"))
        if found := _DONE.search(said[-1]):
            watch(ProgressStep(what, int(found[1]) - 1, int(found[2])))

    callback = lib.llama_log_callback(log)
    lib.llama_log_set(callback, None)
    params.dry_run = dry
    output = b"" if dry else f"/dev/fd/{request['output']}".encode()
    status = lib.llama_model_quantize(name.encode(), output, ctypes.byref(params))
    text = "".join(said)
    for pattern, error, message, hint in _REASONS if status else ():
        if match := re.search(pattern, text):
            raise error(message.format(Path(request["model"]).name, request["kind"], match[1].strip()), hint)
    total = int(_DONE.findall(text)[-1][1])
    watch(ProgressStep(what, total, total))
    return text
