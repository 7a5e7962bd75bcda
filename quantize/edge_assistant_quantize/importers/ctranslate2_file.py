"""Reads CTranslate2's model.bin: a version, then named arrays. Every declared size is checked against the file's."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt

_VERSION = 6  # of the file's layout, written by CTranslate2 3 and 4
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}  # ctranslate2::DataType


def read_variables(path: Path, specification: str) -> Mapping[str, NDArray[Any]]:
    """Read the arrays of a model.bin by name; float16 stays float16, a scalar has shape ().

    Layout (CTranslate2, python/ctranslate2/specs/model_spec.py): version u32, specification string, revision u32,
    number of variables u32; each variable: name string, rank u8, dimensions u32, type u8, bytes u32, data; then
    aliases, which are not needed. A string is its length as u16 with its closing zero included. The specification must
    be the one that is given, such as `WhisperSpec`.

    Raises:
        ModelCorrupt: the file is of another kind or version, or its sizes do not match.
    """
    data, at = memoryview(path.read_bytes()), 0

    def number(code: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{code}", data, at)
        at += struct.calcsize(code)
        return int(value)

    def text() -> str:
        nonlocal at
        size = number("H")
        at += size
        return bytes(data[at - size : at]).rstrip(b"\0").decode()

    found = {}
    try:
        if number("I") != _VERSION or text() != specification:
            raise ValueError("its head says something else")
        number("I")
        for _ in range(number("I")):
            name = text()
            shape = [number("I") for _ in range(number("B"))]
            dtype, size = np.dtype(_TYPES[number("B")]), number("I")
            found[name] = np.frombuffer(data[at : at + size], dtype).reshape(shape)
            at += size
    except (ValueError, LookupError, struct.error) as error:
        what = f"{path.name} is no {specification} of CTranslate2 in layout {_VERSION} ({error})"
        raise ModelCorrupt(what, "pull the model again") from None
    return found
