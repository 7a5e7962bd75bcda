"""ONNX files as graphs: read with everything checked that quantizing would stumble over, and written whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.compute.runtime import Runtime
from edge_assistant.storage import atomic
from edge_assistant_models import headers
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, QuantizationFailed, WeightsRefused

if TYPE_CHECKING:
    import onnx

_TIMES_MEMORY = 6  # of the file's size: the graph twice, the largest weights in float64, and the session that tries it
_EXPORT = "export it again, into one file, with the standard's operators"


def load(path: Path) -> onnx.ModelProto:
    """Read a model.

    Raises:
        InputMissing: there is none.
        WeightsRefused: it is no sound ONNX file, keeps weights elsewhere, defines functions, or holds a NaN.
        ModelTooLarge: memory does not suffice for working on it.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not path.is_file():
        raise InputMissing(f"there is no {path.name}", "name an .onnx file that is there")
    room.check_memory(f"working on {path.name}", path.stat().st_size * _TIMES_MEMORY)
    try:
        with path.open("rb") as file:
            headers.check(file, headers.Form.ONNX, path.name)
        model = onnx.load(str(path), load_external_data=False)
    except ModelCorrupt as error:
        raise WeightsRefused(error.message, _EXPORT) from None
    except (DecodeError, OSError, ValueError) as error:
        raise WeightsRefused(f"{path.name} is not an ONNX file ({error})", _EXPORT) from None
    _check_numbers(model.graph, path.name)
    return model


def _check_numbers(graph: onnx.GraphProto, name: str) -> None:
    """Refuse a NaN in a weight; an infinity may be meant, such as in a mask."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
    for tensor in graph.initializer:
        if tensor.data_type in floats and np.isnan(numpy_helper.to_array(tensor)).any():
            hint = "take another export or checkpoint; this one was damaged or its training diverged"
            raise WeightsRefused(f"the weight '{tensor.name}' of {name} holds a NaN", hint)


def save(model: onnx.ModelProto, output: Path, *, threads: int) -> None:
    """Write a model whole or not at all, after ONNX Runtime has opened it.

    Raises:
        QuantizationFailed: ONNX Runtime cannot run it.
        StorageFull: the disk does not take it.
    """
    with making(output, model.ByteSize()) as path:
        path.write_bytes(model.SerializeToString(deterministic=True))
        check(path, output.name, threads=threads)


def check(path: Path, name: str, *, threads: int) -> None:
    """Look whether ONNX Runtime opens a model.

    Raises:
        QuantizationFailed: it does not; the message has its reason.
    """
    try:
        Runtime(threads).session(path)
    except ModelCorrupt as error:
        hint = "exclude the node, or take another method"
        raise QuantizationFailed(error.message.replace(path.name, name), hint) from None


@contextmanager
def making(output: Path, needed: int) -> Iterator[Path]:
    """A path to write to, which takes the place of `output` when the block ends well, and is gone when it does not.

    Raises:
        StorageFull: the disk has no room for so many bytes, or does not take them.
    """
    room.check_disk(output.name, needed, output.parent)
    with atomic.storing(output.name, "free some space, or name another folder"):
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".edge-quantize-", dir=output.parent))
        try:
            yield folder / "model.onnx"
            (folder / "model.onnx").replace(output)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
