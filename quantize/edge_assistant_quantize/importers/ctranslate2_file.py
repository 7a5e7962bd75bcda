"""Reads CTranslate2's model.bin: a version, then named arrays. Every declared size is checked against the file's."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_assistant_models.errors import ModelCorrupt

MAX_VARIABLES = 10_000  # Whisper large has about 1,300
MAX_RANK = 4
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
    with path.open("rb") as stream:
        reader = _Reader(stream, path.name)
        version = reader.number("I")
        if version != _VERSION:
            raise reader.failure(f"has layout {version}, not {_VERSION}")
        found = reader.text()
        if found != specification:
            raise reader.failure(f"holds a {found[:40]!r}, not a {specification}")
        reader.number("I")
        count = reader.number("I")
        if count > MAX_VARIABLES:
            raise reader.failure(f"declares {count} variables")
        return dict(reader.variable() for _ in range(count))


class _Reader:
    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.left = os.fstat(stream.fileno()).st_size

    def failure(self, what: str) -> ModelCorrupt:
        return ModelCorrupt(f"{self.name} {what}", "pull the model again")

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise self.failure("ends before its declared size")
        self.left -= size
        return self.stream.read(size)

    def number(self, code: str) -> int:
        value: int = struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]
        return value

    def text(self) -> str:
        try:
            return self.take(self.number("H")).rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise self.failure("has a name that is not text") from None

    def variable(self) -> tuple[str, NDArray[Any]]:
        name = self.text()
        rank = self.number("B")
        if rank > MAX_RANK:
            raise self.failure(f"declares {rank} dimensions for {name[:80]!r}")
        shape = tuple(self.number("I") for _ in range(rank))
        kind = self.number("B")
        if kind not in _TYPES:
            raise self.failure(f"has the unknown type {kind} for {name[:80]!r}")
        size = self.number("I")
        dtype = np.dtype(_TYPES[kind])
        if math.prod(shape) * dtype.itemsize != size:
            raise self.failure(f"declares {size} bytes for {name[:80]!r} of shape {shape}")
        return name, np.frombuffer(self.take(size), dtype).reshape(shape)
