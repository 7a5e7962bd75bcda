"""What a GGUF file declares: its numbers and texts, and where its tensors lie; read by llama.cpp's own reader."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge_assistant.language import llama
from edge_assistant_models.headers import Form
from edge_assistant_models.loading import held
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.errors import ModelCorrupt

_DIMENSIONS = 4  # GGML_MAX_DIMS
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "u8",
    1: "i8",
    2: "u16",
    3: "i16",
    4: "u32",
    5: "i32",
    6: "f32",
    7: "bool",
    10: "u64",
    11: "i64",
    12: "f64",
}
_RESULTS = {
    "u8": ctypes.c_uint8,
    "i8": ctypes.c_int8,
    "u16": ctypes.c_uint16,
    "i16": ctypes.c_int16,
    "u32": ctypes.c_uint32,
    "i32": ctypes.c_int32,
    "f32": ctypes.c_float,
    "bool": ctypes.c_bool,
    "u64": ctypes.c_uint64,
    "i64": ctypes.c_int64,
    "f64": ctypes.c_double,
}

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor.

    Attributes:
        name: such as `blk.0.attn_q.weight`.
        kind: its type by ggml's name, such as `q4_K`.
        shape: sizes of its dimensions, columns first.
        offset: where its bytes begin in the file.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int

    @property
    def quantized(self) -> bool:
        """Whether its numbers stand in blocks with scales."""
        return self.kind not in {"f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64"}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the weights.

    Attributes:
        values: numbers and texts by key; of a list of texts the first.
        tensors: in their order.
    """

    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many tensors there are of each type, the most frequent first."""
        names = [tensor.kind for tensor in self.tensors]
        return {kind: names.count(kind) for kind in sorted(set(names), key=lambda kind: (-names.count(kind), kind))}


def read(path: Path) -> Header:
    """Read what a file declares, and none of its weights.

    Raises:
        ModelCorrupt: it cannot be read, is no GGUF, one part of several, or contradicts itself.
    """
    library = _library()
    with loading():
        with held(path, Form.GGUF) as name:
            context = library.gguf_init_from_file(name.encode(), _Parameters(True, None))
        if not context:
            raise ModelCorrupt(f"{path.name} cannot be read by llama.cpp", "take the model from its official home")
    try:
        return Header(_values(library, context), _tensors(library, context))
    finally:
        library.gguf_free(context)


def type_name(kind: int) -> str:
    """The name that ggml has for a tensor type."""
    found: bytes | None = _library().ggml_type_name(kind)
    return found.decode() if found else ""


class _Parameters(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p))


@cache
def _library() -> Any:  # noqa: ANN401 - a C library
    """llama.cpp's library with the types of what is called in it: gguf.h, ggml.h."""
    library = llama.library().llama_cpp._lib
    pointer, place, text = ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p

    def declare(name: str, result: object, *arguments: object) -> None:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments

    declare("gguf_init_from_file", pointer, text, _Parameters)
    declare("gguf_free", None, pointer)
    for name in ("gguf_get_n_kv", "gguf_get_n_tensors"):
        declare(name, place, pointer)
    for name in ("gguf_get_key", "gguf_get_val_str", "gguf_get_tensor_name"):
        declare(name, text, pointer, place)
    for name in ("gguf_get_kv_type", "gguf_get_arr_type", "gguf_get_tensor_type"):
        declare(name, ctypes.c_int, pointer, place)
    for name, result in _RESULTS.items():
        declare(f"gguf_get_val_{name}", result, pointer, place)
    declare("gguf_get_arr_n", ctypes.c_size_t, pointer, place)
    declare("gguf_get_arr_str", text, pointer, place, ctypes.c_size_t)
    declare("gguf_get_data_offset", ctypes.c_size_t, pointer)
    declare("gguf_get_tensor_offset", ctypes.c_size_t, pointer, place)
    declare("gguf_get_tensor_ne", ctypes.POINTER(ctypes.c_int64), pointer, place)
    declare("ggml_type_name", text, ctypes.c_int)
    return library


def _values(library: Any, context: int) -> dict[str, Value]:  # noqa: ANN401 - a C library
    found: dict[str, Value] = {}
    for place in range(library.gguf_get_n_kv(context)):
        key = library.gguf_get_key(context, place).decode(errors="replace")
        kind = library.gguf_get_kv_type(context, place)
        if kind == _STRING:
            found[key] = library.gguf_get_val_str(context, place).decode(errors="replace")
        elif kind in _SCALARS:
            found[key] = getattr(library, f"gguf_get_val_{_SCALARS[kind]}")(context, place)
        elif kind == _ARRAY and _has_texts(library, context, place):
            found[key] = library.gguf_get_arr_str(context, place, 0).decode(errors="replace")
    return found


def _has_texts(library: Any, context: int, place: int) -> bool:  # noqa: ANN401 - a C library
    is_text: bool = library.gguf_get_arr_type(context, place) == _STRING
    return is_text and library.gguf_get_arr_n(context, place) > 0


def _tensors(library: Any, context: int) -> tuple[Tensor, ...]:  # noqa: ANN401 - a C library
    start = library.gguf_get_data_offset(context)
    found = []
    for place in range(library.gguf_get_n_tensors(context)):
        sizes = library.gguf_get_tensor_ne(context, place)[:_DIMENSIONS]
        rank = max((number for number, size in enumerate(sizes, 1) if size != 1), default=1)
        name = library.gguf_get_tensor_name(context, place).decode(errors="replace")
        kind = type_name(library.gguf_get_tensor_type(context, place))
        offset = start + library.gguf_get_tensor_offset(context, place)
        found.append(Tensor(name, kind, tuple(sizes[:rank]), offset))
    return tuple(found)
