"""A GGUF model quantized by llama.cpp's own quantizer, in a process of its own."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_assistant.language import llama
from edge_assistant.storage import atomic
from edge_assistant_models import headers
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
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore

_MAX_BUFFER = 1 << 30  # bytes of one tensor's rows that are worked on at once; llama.cpp takes up to 8 GiB if it may
_DONE = re.compile(r"\[ *(\d+)/ *(\d+)\]")
_SIZE = re.compile(r"(model|quant) size +=\s+([\d.]+) MiB")
_TEXT_BYTES = 127  # that llama_model_kv_override takes
_HOME = "take the model from its official home"
_OF_THIS = "make one of this model: edge-quantize imatrix"

# What llama.cpp says, the error of it, and its hint
_REASONS: tuple[tuple[str, type[EdgeAssistantError], str, str], ...] = (
    (r"tensor '(.+)' has invalid data", WeightsRefused, "the tensor {1} of {0} holds what is no finite number", _HOME),
    (
        r"unknown model architecture: '(.*)'",
        WeightsRefused,
        "{0} is of the architecture '{1}', which llama.cpp does not know",
        "take another model",
    ),
    (r"imatrix size (.+)", CalibrationInvalid, "the importance matrix is of another model (size {1})", _OF_THIS),
    (r"Missing importance matrix for tensor (\S+)", CalibrationInvalid, "the importance matrix lacks {1}", _OF_THIS),
    (r"(iostream error)", StorageFull, "the quantized model cannot be written", "free some space on the disk"),
    (r"failed to quantize: (.+)", QuantizationFailed, "{0} cannot be quantized ({1})", "look at the model's source"),
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
    request, found = _request(model, kind, imatrix, overrides, allow_requantize)
    request["threads"] = threads
    if output.exists() and output.samefile(model):
        raise UsageError(f"{output.name} would replace the model itself", "name another file for the output")
    largest = max(math.prod(tensor.shape) for tensor in found.tensors)
    room.check_memory("quantizing", min(largest * 12, _MAX_BUFFER) + largest)
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        request |= {"output": file.fileno(), "folder": str(output.absolute().parent)}
        worker.run(__name__, request, watch, descriptor=file.fileno())
        with Path(f"/dev/fd/{file.fileno()}").open("rb") as made:  # llama.cpp does not notice every full disk
            try:
                headers.check(made, HeaderFormat.GGUF, output.name)
            except ModelCorrupt as error:
                raise StorageFull(f"{error.message}: it was not written whole", "free some space") from None
    fell = [each for each in header.read(output).fallen if not any(re.search(one, each.name) for one in overrides)]
    return dict(Counter(tensor.kind for tensor in fell).most_common())


def note(fallbacks: Mapping[str, int]) -> str:
    """What fell back in one line for people; empty if nothing did."""
    if not fallbacks:
        return ""
    types = ", ".join(f"{count} to {kind}" for kind, count in fallbacks.items())
    return f"{sum(fallbacks.values())} tensors fell back, {types}: their rows are no multiples of {header.BLOCK}"


def estimate(model: Path, kind: str, *, allow_requantize: bool = False) -> int:
    """Bytes of a model in another type, without making it; the arguments are those of `quantize`.

    Raises:
        UsageError, ModelCorrupt, WeightsRefused, CalibrationInvalid, QuantizationFailed: see `quantize`.
    """
    request, _ = _request(model, kind, None, {}, allow_requantize)
    return int(worker.run(__name__, request, ignore))


def _request(
    model: Path, kind: str, matrix: Path | None, overrides: Mapping[str, str], allow_requantize: bool
) -> tuple[dict[str, object], header.Header]:
    """A request for the size, after all checks that need no computation, and the model's header.

    With an output, and the folder that it goes into, it is a request for the file.
    """
    kinds.of_model(kind)
    found = header.read(model)
    is_model = found.values.get("general.type", "model") == "model" and "general.architecture" in found.values
    if not is_model or not found.tensors:
        raise WeightsRefused(f"{model.name} holds no model", "name the GGUF file of a model")
    if found.quantized and not allow_requantize:
        before = sorted({tensor.kind for tensor in found.tensors if tensor.quantized})
        what = f"{model.name} is quantized already ({', '.join(before)}), and would lose twice"
        raise UsageError(what, "take the model in F16, or say --allow-requantize")
    if overrides and kind.upper() in kinds.FLOATS:
        raise UsageError(f"{kind} keeps all tensors in one type", "leave --tensor-type out, or take a quantized type")
    for pattern, tensor_kind in overrides.items():
        kinds.of_tensor(tensor_kind)
        _check_pattern(pattern, [tensor.name for tensor in found.tensors])
    request: dict[str, object] = {
        "model": str(model.absolute()),
        "kind": kind.upper(),
        "imatrix": str(matrix.absolute()) if matrix else None,
        "overrides": dict(overrides),
        "allow_requantize": allow_requantize,
        "threads": 1,
        "output": None,
    }
    return request, found


def _check_pattern(pattern: str, names: Iterable[str]) -> None:
    try:
        matches = re.compile(pattern)
    except re.error as error:
        what = f"'{pattern}' is no regular expression ({error})"
        raise UsageError(what, "see the tensors' names, as attn_v") from None
    if not any(matches.search(name) for name in names):
        raise UsageError(f"no tensor's name matches '{pattern}'", "take one such as attn_v, ffn_down or blk.0.attn_q")


def work(request: Mapping[str, Any], watch: Watch) -> int:
    """Estimate in the other process, and quantize if there is an output; returns the bytes."""
    model, params = Path(request["model"]), llama.library().llama_model_quantize_default_params()
    params.ftype = kinds.of_model(request["kind"])
    params.nthread = request["threads"]
    params.allow_requantize = request["allow_requantize"]
    params.max_buf_size = _MAX_BUFFER
    pointed = [_set_overrides(params, request["overrides"])]  # has to live until the quantizer returns
    if request["imatrix"]:
        pointed.append(_set_imatrix(params, Path(request["imatrix"])))
    with held(model, HeaderFormat.GGUF) as name:
        size = _size(_run(request, name, params, ignore, dry=True), model.stat().st_size)
        if request["output"] is not None:
            room.check_disk("the quantized model", size, Path(request["folder"]))
            _run(request, name, params, watch, dry=False)
    return size


def _run(request: Mapping[str, Any], name: str, params: Any, watch: Watch, *, dry: bool) -> str:  # noqa: ANN401
    """Let llama.cpp read the model of that name and quantize it, or only say how; what it says."""
    lib, said, what = llama.library(), list[str](), f"quantizing to {request['kind']}"

    def log(level: int, text: bytes, data: object) -> None:
        said.append(text.decode(errors="replace"))
        if not dry and (found := _DONE.search(said[-1])):
            watch(ProgressStep(what, int(found[1]) - 1, int(found[2])))

    callback = lib.llama_log_callback(log)
    lib.llama_log_set(callback, None)
    params.dry_run = dry
    output = b"" if dry else f"/dev/fd/{request['output']}".encode()
    status = lib.llama_model_quantize(name.encode(), output, ctypes.byref(params))
    text = "".join(said)
    if "requires an imatrix" in text or (dry and "will require an imatrix" in text):
        raise CalibrationInvalid(
            f"{request['kind']} needs an importance matrix: it would be garbage without one",
            "make one: edge-quantize imatrix MODEL.gguf --text F --output F.gguf, and give it with --imatrix",
        )
    if status != 0:
        raise _error(text, Path(request["model"]).name)
    if not dry:
        total = int(_DONE.findall(text)[-1][1])
        watch(ProgressStep(what, total, total))
    return text


def _set_overrides(params: Any, overrides: Mapping[str, str]) -> object:  # noqa: ANN401 - a structure of llama.cpp
    import llama_cpp

    if not overrides:
        return None
    array = (llama_cpp.llama_model_tensor_override * (len(overrides) + 1))()  # the last one is empty: the end
    for place, (pattern, kind) in enumerate(overrides.items()):
        array[place].pattern, array[place].type = pattern.encode(), kinds.of_tensor(kind)
    params.tt_overrides = array
    return array


def _set_imatrix(params: Any, path: Path) -> object:  # noqa: ANN401 - a structure of llama.cpp
    """Hand an importance matrix over; the file's keys name it, as with llama.cpp's tool."""
    import llama_cpp

    matrix = imatrix.read(path)
    array = (llama_cpp.llama_model_imatrix_data * (len(matrix.means) + 1))()
    for entry, (name, values) in zip(array, matrix.means.items(), strict=False):
        pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.name, entry.data, entry.size = name.encode(), pointer, values.size
    params.imatrix = array
    facts: dict[str, str | int] = {"file": path.name, "dataset": matrix.dataset}
    facts |= {"entries_count": len(matrix.means), "chunks_count": matrix.chunks}
    keys = (llama_cpp.llama_model_kv_override * (len(facts) + 1))()
    for key, (name, value) in zip(keys, facts.items(), strict=False):
        key.key = b"quantize.imatrix." + name.encode()
        if isinstance(value, int):
            key.tag, key.value.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
        else:
            key.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
            key.value.val_str = value.encode()[:_TEXT_BYTES].decode(errors="ignore").encode()
    params.kv_overrides = keys
    return array, matrix, keys


def _size(said: str, file_bytes: int) -> int:
    """Bytes of the output: its tensors, and the rest of the model's file; MiB are told to 1/100."""
    sizes = {name: float(value) * (1 << 20) for name, value in _SIZE.findall(said)}
    return math.ceil(sizes["quant"] + max(file_bytes - sizes["model"], 0)) + (1 << 15)


def _error(said: str, model: str) -> EdgeAssistantError:
    """The error of what llama.cpp said last."""
    matches = ((re.search(pattern, said), kind, message, hint) for pattern, kind, message, hint in _REASONS)
    return next(kind(message.format(model, found[1].strip()), hint) for found, kind, message, hint in matches if found)
