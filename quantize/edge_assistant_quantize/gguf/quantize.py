"""A GGUF model quantized by llama.cpp's own quantizer, in a process of its own."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_assistant.language import llama
from edge_assistant.storage import atomic
from edge_assistant_models import headers
from edge_assistant_models.headers import Form
from edge_assistant_models.loading import held
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    EdgeAssistantError,
    ModelCorrupt,
    QuantizationFailed,
    StorageFull,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import apart, header, imatrix, kinds
from edge_assistant_quantize.progress import Step, Watch, ignore

_MAX_BUFFER = 1 << 30  # bytes of one tensor's rows that are worked on at once; llama.cpp takes up to 8 GiB if it may
_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")
_DONE = re.compile(r"\[ *(\d+)/ *(\d+)\]")
_SIZE = re.compile(r"(model|quant) size +=\s+([\d.]+) MiB")
_TEXT_BYTES = 127  # that llama_model_kv_override takes
_MAKE_MATRIX = "make one: edge-quantize imatrix MODEL.gguf --text F --output F.gguf, and give it with --imatrix"


def quantize(
    model: Path,
    output: Path,
    kind: str,
    *,
    imatrix: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    allow_requantize: bool = False,
    threads: int,
    watch: Watch,
) -> None:
    """Write a model in another type; the file is there whole, or not at all.

    Args:
        model: a GGUF file, best in F16, BF16 or F32.
        output: the file to write.
        kind: one of `kinds.MODELS`, such as Q4_K_M: a mixture, whose tensors that hurt more get more bits.
        imatrix: an importance matrix of the model, see `imatrix.compute`; types of less than 3 bits need one.
        overrides: type by regular expression: the first that is found in a tensor's name decides.
        allow_requantize: also from a model that is quantized already, which loses twice.
        threads: that compute.
        watch: is told of each tensor.

    Raises:
        UsageError: there is no such type, an override matches nothing, or the model is quantized already.
        ModelCorrupt: the model is no sound GGUF, or one part of several.
        WeightsRefused: its weights are not finite, or its architecture is unknown.
        CalibrationInvalid: an importance matrix is needed and none is given, or it is of another model.
        StorageFull, ModelTooLarge: disk or memory do not suffice.
        QuantizationFailed: llama.cpp could not do it.
    """
    found = _check(model, kind, overrides or {}, allow_requantize)
    if output.exists() and output.samefile(model):
        raise UsageError(f"{output.name} would replace the model itself", "name another file for the output")
    largest = max(math.prod(tensor.shape) for tensor in found.tensors)
    room.check_memory("quantizing", min(largest * 12, _MAX_BUFFER) + largest)
    request = _request(model, kind, imatrix, overrides or {}, allow_requantize, threads)
    needed = _estimated(request, model, watch)
    room.check_disk("the quantized model", needed, output.absolute().parent)
    with atomic.storing(output.name, "free some space, or name another folder"), atomic.writing(output) as file:
        apart.run("gguf.quantize", {**request, "output": file.fileno()}, watch, descriptor=file.fileno())
        _check_whole(file.fileno(), output.name)


def estimate(
    model: Path,
    kind: str,
    *,
    imatrix: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    allow_requantize: bool = False,
) -> int:
    """Bytes that a model will have in another type, without making it; the arguments are those of `quantize`.

    Raises:
        UsageError, ModelCorrupt, WeightsRefused, CalibrationInvalid, QuantizationFailed: see `quantize`.
    """
    _check(model, kind, overrides or {}, allow_requantize)
    request = _request(model, kind, imatrix, overrides or {}, allow_requantize, 1)
    return _estimated(request, model, ignore)


def _check(model: Path, kind: str, overrides: Mapping[str, str], allow_requantize: bool) -> header.Header:
    """Look at what can be seen before anything is computed."""
    kinds.of_model(kind)
    found = header.read(model)
    is_model = found.values.get("general.type", "model") == "model" and "general.architecture" in found.values
    if not is_model or not found.tensors:
        raise WeightsRefused(f"{model.name} holds no model", "name the GGUF file of a model")
    before = sorted({tensor.kind for tensor in found.tensors if tensor.quantized})
    if before and not allow_requantize:
        said = f"{model.name} is quantized already ({', '.join(before)}), and would lose twice"
        raise UsageError(said, "take the model in F16, or say --allow-requantize")
    if overrides and kind.upper() in kinds.FLOATS:
        raise UsageError(f"{kind} keeps all tensors in one type", "leave --tensor-type out, or take a quantized type")
    for pattern, tensor_kind in overrides.items():
        kinds.of_tensor(tensor_kind)
        _check_pattern(pattern, [tensor.name for tensor in found.tensors])
    return found


def _check_pattern(pattern: str, names: Iterable[str]) -> None:
    try:
        matches = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"'{pattern}' is no regular expression ({error})", "see the tensors' names, as attn_v"
        ) from None
    if not any(matches.search(name) for name in names):
        raise UsageError(f"no tensor's name matches '{pattern}'", "take one such as attn_v, ffn_down or blk.0.attn_q")


def _request(
    model: Path, kind: str, matrix: Path | None, overrides: Mapping[str, str], allow_requantize: bool, threads: int
) -> dict[str, object]:
    return {
        "model": str(model.absolute()),
        "kind": kind.upper(),
        "imatrix": str(matrix.absolute()) if matrix else None,
        "overrides": dict(overrides),
        "allow_requantize": allow_requantize,
        "threads": threads,
    }


def _estimated(request: Mapping[str, object], model: Path, watch: Watch) -> int:
    size: int = apart.run("gguf.quantize", {**request, "output": None}, watch)
    return size


def _check_whole(descriptor: int, name: str) -> None:
    """Look at what was written: llama.cpp does not notice every disk that is full."""
    with open(f"{_folder_of_descriptors()}/{descriptor}", "rb") as file:  # noqa: PTH123 - no path, but a descriptor
        try:
            headers.check(file, Form.GGUF, name)
        except ModelCorrupt as error:
            raise StorageFull(f"{error.message}: it was not written whole", "free some space") from None


def _folder_of_descriptors() -> str:
    return next(folder for folder in _DESCRIPTORS if Path(folder).exists())


# What runs in the other process


def work(request: Mapping[str, Any], watch: Watch) -> int | None:
    """Quantize, or where there is no output say how many bytes it would take."""
    log = _Log(request["kind"], watch if request["output"] is not None else ignore)
    lib = llama.library()
    callback = lib.llama_log_callback(log)
    lib.llama_log_set(callback, None)
    params = lib.llama_model_quantize_default_params()
    params.ftype = kinds.of_model(request["kind"])
    params.nthread = request["threads"]
    params.allow_requantize = request["allow_requantize"]
    params.max_buf_size = _MAX_BUFFER
    params.dry_run = request["output"] is None
    kept = [_set_overrides(params, request["overrides"])]
    if request["imatrix"]:
        kept.append(_set_imatrix(params, Path(request["imatrix"])))
    output = b"" if params.dry_run else f"{_folder_of_descriptors()}/{request['output']}".encode()
    model = Path(request["model"])
    with held(model, Form.GGUF) as name:
        status = lib.llama_model_quantize(name.encode(), output, ctypes.byref(params))
    kept.clear()  # what the parameters point to has to live until here
    if status != 0:
        raise _reason(log.text, model.name, request["kind"])
    if not params.dry_run:
        log.ends()
        return None
    if "will require an imatrix" in log.text:
        raise _needs_matrix(request["kind"])
    return _size(log.text, model.stat().st_size)


class _Log:
    """What llama.cpp says: kept where it is short, and its place among the tensors told as steps."""

    def __init__(self, kind: str, watch: Watch) -> None:
        self._what = f"quantizing to {kind}"
        self._watch = watch
        self._said: list[str] = []
        self._tensors = 0

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(self._said)

    def __call__(self, level: int, text: bytes, data: object) -> None:
        said = text.decode(errors="replace")
        self._said.append(said)
        if found := _DONE.search(said):
            self._tensors = int(found[2])
            self._watch(Step(self._what, int(found[1]) - 1, self._tensors))

    def ends(self) -> None:
        """Tell that the last tensor is done, too."""
        self._watch(Step(self._what, self._tensors, self._tensors))


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
    """Hand an importance matrix over, and let the file's keys name it as llama.cpp's tool does."""
    import llama_cpp

    matrix = imatrix.read(path)
    array = (llama_cpp.llama_model_imatrix_data * (len(matrix.means) + 1))()
    for entry, (name, values) in zip(array, matrix.means.items(), strict=False):
        pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.name, entry.data, entry.size = name.encode(), pointer, values.size
    params.imatrix = array
    told: tuple[tuple[str, str | int], ...] = (
        ("file", path.name),
        ("dataset", matrix.dataset),
        ("entries_count", len(matrix.means)),
        ("chunks_count", matrix.chunks),
    )
    keys = (llama_cpp.llama_model_kv_override * (len(told) + 1))()
    for key, (name, value) in zip(keys, told, strict=False):
        _set_key(key, f"quantize.imatrix.{name}", value)
    params.kv_overrides = keys
    return array, matrix, keys


def _set_key(key: Any, name: str, value: str | int) -> None:  # noqa: ANN401 - a structure of llama.cpp
    import llama_cpp

    key.key = name.encode()
    if isinstance(value, int):
        key.tag, key.value.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
        return
    key.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
    key.value.val_str = value.encode()[:_TEXT_BYTES].decode(errors="ignore").encode()


def _size(said: str, file_bytes: int) -> int:
    """Bytes of the output: its tensors, and what the model's file has besides tensors; MiB are told to 1/100."""
    sizes = {name: float(value) * (1 << 20) for name, value in _SIZE.findall(said)}
    return math.ceil(sizes["quant"] + max(file_bytes - sizes["model"], 0)) + (1 << 15)


_REASONS: tuple[tuple[str, Callable[[str, str], EdgeAssistantError]], ...] = (
    (
        r"tensor '(.+)' has invalid data",
        lambda model, what: WeightsRefused(
            f"the tensor {what} of {model} holds what is no finite number", "take the model from its official home"
        ),
    ),
    (
        r"unknown model architecture: '(.*)'",
        lambda model, what: WeightsRefused(
            f"{model} is of the architecture '{what}', which llama.cpp does not know", "take another model"
        ),
    ),
    (
        r"imatrix size (.+)",
        lambda model, what: CalibrationInvalid(
            f"the importance matrix is of another model (size {what})", "make one of this model: edge-quantize imatrix"
        ),
    ),
    (
        r"Missing importance matrix for tensor (\S+)",
        lambda model, what: CalibrationInvalid(
            f"the importance matrix lacks {what}", "make one of this model: edge-quantize imatrix"
        ),
    ),
    (  # its stream of the output has failed
        r"(iostream error)",
        lambda model, what: StorageFull("the quantized model cannot be written", "free some space on the disk"),
    ),
    (
        r"failed to quantize: (.+)",
        lambda model, what: QuantizationFailed(f"{model} cannot be quantized ({what})", "look at the model's source"),
    ),
)


def _reason(said: str, model: str, kind: str) -> EdgeAssistantError:
    """What llama.cpp's last words mean."""
    if "requires an imatrix" in said:
        return _needs_matrix(kind)
    for pattern, made in _REASONS:
        if found := re.search(pattern, said):
            return made(model, found[1].strip())
    return QuantizationFailed(f"{model} cannot be quantized", "look at the model's source")


def _needs_matrix(kind: str) -> CalibrationInvalid:
    return CalibrationInvalid(f"{kind} needs an importance matrix: it would be garbage without one", _MAKE_MATRIX)
