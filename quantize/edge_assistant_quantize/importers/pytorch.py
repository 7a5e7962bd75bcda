"""PyTorch checkpoints (.pth) without PyTorch: a dictionary of plain tensors, and nothing that a pickle could run.

The format before PyTorch 1.6 (torch/serialization.py, `_legacy_load`): one pickle each for a magic number, the protocol
version, facts about the machine and the object; then a pickled list of storage keys; then for each key the number of
elements as int64 and the elements. A storage in the object is a persistent id; a tensor is a call that rebuilds a view
of one.
"""

from __future__ import annotations

import math
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from edge_assistant_models.errors import ModelCorrupt

MAX_BYTES = 512 << 20
MAX_OPCODES = 500_000  # of one pickle; a checkpoint of 300 tensors has 11,000
_MAGIC = 0x1950A86A20F9469CFC6C
_OPCODES = frozenset({
    "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET",
    "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE", "EMPTY_TUPLE", "TUPLE",
    "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS",
})  # fmt: skip
# What reading damaged bytes raises; a length of exabytes is a MemoryError, for it is asked of the file in one piece.
_DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError)
_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8"}


class _Storage(NamedTuple):
    """What a persistent id stands for: elements of one type, by key."""

    key: str
    dtype: str
    elements: int


class _View(NamedTuple):
    """A tensor before its storage has been read; a tuple, so that a pickle cannot change it once it is made."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_state(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by name.

    Raises:
        ModelCorrupt: too large, damaged, of another format, or holding anything but tensors.
    """
    if path.stat().st_size > MAX_BYTES:
        raise _refused(path, f"it has more than {MAX_BYTES:,} bytes")
    try:
        with path.open("rb") as stream:
            if _unpickle(stream) != _MAGIC:
                raise _refused(path, "it is not of the format before PyTorch 1.6")
            _unpickle(stream), _unpickle(stream)  # protocol version, facts about the machine that wrote it
            state, keys = _unpickle(stream), _unpickle(stream)
            if not isinstance(state, dict) or not isinstance(keys, list):
                raise _refused(path, "it holds something else than a dictionary")
            views = {str(name): view for name, view in state.items() if isinstance(view, _View)}
            storages = {view.storage.key: view.storage for view in views.values()}
            arrays = {key: _elements(stream, storages[key]) for key in keys}
        return {name: _tensor(view, arrays[view.storage.key]) for name, view in views.items()}
    except ModelCorrupt:
        raise
    except (*_DAMAGE, pickle.PickleError) as error:
        raise _refused(path, f"{type(error).__name__}: {error}") from error


def _refused(path: Path, reason: str) -> ModelCorrupt:
    return ModelCorrupt(f"{path.name} is not a checkpoint of plain tensors ({reason})", "get the model's files again")


class _Unpickler(pickle.Unpickler):
    """Admits ordered dictionaries, storages and tensors; every other name is refused before it is imported."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), _, int(elements), _) if dtype in _DTYPES.values() and elements >= 0:
                return _Storage(key, dtype, elements)
            case _:
                raise pickle.UnpicklingError("it refers to something that is no storage")


def _unpickle(stream: BinaryIO) -> object:
    """Load one pickle, once its opcodes are known to be few and of the kinds that a dictionary of tensors needs.

    A memo index is checked too: the C unpickler allocates and clears everything below the highest.
    """
    start = stream.tell()
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if number > MAX_OPCODES or opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"its pickle has too many opcodes, or {opcode.name}")
        if opcode.name in {"BINPUT", "LONG_BINPUT"} and int(argument or 0) > MAX_OPCODES:
            raise pickle.UnpicklingError("its memo is too large")
    end = stream.tell()
    stream.seek(start)
    value: object = _Unpickler(stream).load()
    stream.seek(end)  # the C unpickler may have read ahead
    return value


def _rebuild(storage: object, offset: object, size: object, stride: object, *_gradient: object) -> _View:
    match storage, offset, size, stride:
        case _Storage(), int(), tuple(), tuple() if all(type(number) is int for number in (*size, *stride)):
            return _View(storage, offset, size, stride)
        case _:
            raise pickle.UnpicklingError("a tensor is not made of a storage and whole numbers")


def _elements(stream: BinaryIO, storage: _Storage) -> np.ndarray:
    dtype = np.dtype(storage.dtype)
    if int.from_bytes(stream.read(8), "little", signed=True) != storage.elements:
        raise ValueError("a storage has another length than its tensors say")
    data = stream.read(min(storage.elements, MAX_BYTES) * dtype.itemsize)
    if len(data) != storage.elements * dtype.itemsize:
        raise EOFError("it breaks off in a storage")
    return np.frombuffer(data, dtype)


def _tensor(view: _View, elements: np.ndarray) -> np.ndarray:
    """The view of the elements that were read, once nothing of it lies outside them."""
    last = view.offset + sum((length - 1) * step for length, step in zip(view.shape, view.stride, strict=True))
    sound = view.offset >= 0 and min(view.shape, default=1) > 0 and min(view.stride, default=0) >= 0
    if not sound or last >= len(elements) or math.prod(view.shape) > len(elements):
        raise ValueError("a tensor does not lie within its storage")
    steps = [step * elements.itemsize for step in view.stride]
    return np.lib.stride_tricks.as_strided(elements[view.offset :], view.shape, steps, writeable=False)
