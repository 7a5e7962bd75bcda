"""PyTorch checkpoints (.pth) without PyTorch: a dictionary of plain tensors, and nothing that a pickle could run.

The format before PyTorch 1.6 (torch/serialization.py, `_legacy_load`): one pickle each for a magic number, the protocol
version, facts about the machine and the object; then a pickled list of storage keys; then for each key the number of
elements as int64 and the elements. A storage in the object is a persistent id; a tensor is a call that rebuilds a view
of one.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from edge_assistant_models import regular
from edge_assistant_models.errors import ModelCorrupt

MAX_BYTES = 512 << 20  # what is cut off is none
MAX_PICKLED = 2 << 20  # bytes before the numbers, as each may make a list; 247 tensors take 29 kB
_MAGIC = 0x1950A86A20F9469CFC6C
_ADMITTED = (
    "PROTO STOP MARK GLOBAL REDUCE BUILD BINPERSID BINPUT LONG_BINPUT BINGET LONG_BINGET BININT BININT1 BININT2 LONG1 "
    "BINUNICODE NONE NEWTRUE NEWFALSE EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS EMPTY_DICT "
    "SETITEM SETITEMS"
)
_OPCODES = frozenset(getattr(pickle, name)[0] for name in _ADMITTED.split())
_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8"}


class _Storage(NamedTuple):
    """What a persistent id stands for: elements of one type, by key."""

    key: str
    dtype: str
    elements: int


class _View(NamedTuple):
    """A tensor before its storage has been read; nothing of it is checked yet."""

    storage: Any
    offset: Any
    shape: Any
    stride: Any


class _Unpickler(pickle._Unpickler):
    """Admits ordered dictionaries, storages and tensors; every other name is refused before it is imported.

    In Python: the unpickler in C allocates a memo of any size that the pickle asks for.
    """

    dispatch: ClassVar = {code: load for code, load in pickle._Unpickler.dispatch.items() if code in _OPCODES}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *given: _View(*given[:4])
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), _, int(elements), _) if dtype in _DTYPES.values():
                return _Storage(key, dtype, elements)
        raise pickle.UnpicklingError("it refers to something that is no storage")


def read_state(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint by name.

    Raises:
        ModelCorrupt: too large, damaged, of another format, or holding anything but tensors.
    """
    data = regular.read(path, MAX_BYTES)
    stream = BytesIO(data[:MAX_PICKLED])
    try:
        magic, _version, _machine, state, keys = (_Unpickler(stream).load() for _ in range(5))
        if magic != _MAGIC:
            raise ValueError("its first number is another")
        views = {str(name): view for name, view in state.items() if isinstance(view, _View)}
        storages = {view.storage.key: view.storage for view in views.values()}
        arrays, at = {}, stream.tell()
        for key in keys:
            if int.from_bytes(data[at : at + 8], "little") != storages[key].elements:
                raise ValueError("a storage has another length than its tensors say")
            arrays[key] = np.frombuffer(data, storages[key].dtype, storages[key].elements, at + 8)
            at += 8 + arrays[key].nbytes
        return {name: _tensor(view, arrays[view.storage.key]) for name, view in views.items()}
    except Exception as error:  # a damaged pickle raises anything
        what = f"{path.name} is not a checkpoint of plain tensors in the format before PyTorch 1.6"
        raise ModelCorrupt(f"{what} ({type(error).__name__}: {error})", "get the model's files again") from error


def _tensor(view: _View, elements: np.ndarray) -> np.ndarray:
    """The view of the elements that were read, once nothing of it lies outside them; numpy's own check overflows."""
    last = view.offset + sum((length - 1) * step for length, step in zip(view.shape, view.stride, strict=True))
    if min(view.offset, *view.shape, *view.stride, 0) < 0 or max(last + 1, math.prod(view.shape)) > len(elements):
        raise ValueError("a tensor does not lie within its storage")
    size = elements.itemsize
    return np.ndarray(view.shape, elements.dtype, elements, view.offset * size, [step * size for step in view.stride])
