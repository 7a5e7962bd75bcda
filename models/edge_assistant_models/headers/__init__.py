"""Model files looked at before a library sees them: whether what their headers declare fits in the file.

llama.cpp and ONNX Runtime are C++ and believe what a file says about itself. Here the same is read in Python, within
limits and without the weights: nothing is allocated by a number that a file holds.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from edge_assistant_models.errors import ModelCorrupt

if TYPE_CHECKING:
    from edge_assistant_models.headers import gguf
    from edge_assistant_models.headers.content import Content

T = TypeVar("T")

CHECKS = 1  # raised with every new check, so that a file which an earlier release has passed is looked at again


class HeaderFormat(StrEnum):
    """A format whose headers are checked."""

    GGUF = "gguf"
    ONNX = "onnx"


def form_of(name: str) -> HeaderFormat | None:
    """The format that a file's name promises, or None where the file is not for llama.cpp or ONNX Runtime."""
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    return next((form for form in HeaderFormat if form == suffix), None)


def check(file: BinaryIO, form: HeaderFormat, name: str) -> None:
    """Read a file's headers.

    Raises:
        ModelCorrupt: the file is not of this format, contradicts itself, goes beyond a limit, or cannot be read.
    """
    from edge_assistant_models.headers import gguf, onnx_file  # a file that was checked before needs neither

    _read(file, name, gguf.check if form is HeaderFormat.GGUF else onnx_file.check)


def operators(path: str) -> frozenset[str]:
    """The operators of an ONNX file.

    Raises:
        ModelCorrupt: as `check`.
    """
    from edge_assistant_models.headers import onnx_file

    with open(path, "rb") as file:  # noqa: PTH123 - a name of `loading.held`
        return _read(file, path, onnx_file.operators)


def shape(path: str) -> gguf.Shape:
    """The shape of a GGUF file's model.

    Raises:
        ModelCorrupt: as `check`.
    """
    from edge_assistant_models.headers import gguf

    with open(path, "rb") as file:  # noqa: PTH123 - a name of `loading.held`
        return _read(file, path, gguf.shape)


def _read(file: BinaryIO, name: str, reader: Callable[[Content], T]) -> T:
    from edge_assistant_models.headers.content import MalformedHeader

    try:
        if not os.fstat(file.fileno()).st_size:
            raise MalformedHeader("it is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return reader(content)
    except MalformedHeader as error:
        raise ModelCorrupt(f"{name} cannot be loaded ({error})", "take the model from its official home") from None
    except OSError as error:
        raise ModelCorrupt(f"{name} cannot be read ({error.strerror})", "look at the disk that holds it") from None
