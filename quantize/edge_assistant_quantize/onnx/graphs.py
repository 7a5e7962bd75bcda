"""ONNX files as graphs: read with all checks that quantization needs, opened, and written whole.

Exporters keep the weights of large models in other files of the same folder (`model.onnx.data`). The product takes one
file and nothing beside it. The toolkit reads such a model, and what it writes is one file. onnx takes other files from
the model's own folder only: no absolute path, no `..`, no link; and none that is too short. The keys of such a weight:
https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.storage import atomic
from edge_assistant_models import headers
from edge_assistant_models.headers.content import MalformedHeader
from edge_assistant_models.headers.onnx_file import MAX_BYTES, check
from edge_assistant_models.schema import printable
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import (
    InputMissing,
    ModelCorrupt,
    ModelTooLarge,
    QuantizationFailed,
    WeightsRefused,
)

if TYPE_CHECKING:
    import onnx

_TIMES_MEMORY = 6  # of the file's size: the graph twice, the largest weights in float64, and the session that tries it
_NARROW = frozenset({2, 3, 21, 22})  # TensorProto.UINT8, INT8, UINT4, INT4
_EXPORT = "export it again, into one file, with the standard's operators"
_WHOLE = "copy the whole folder again, the files themselves and no links to them, or export the model into one file"
_DAMAGED = "take another export or checkpoint; this one was damaged or its training diverged"


def load(path: Path) -> onnx.ModelProto:
    """Read a model, with the weights that it keeps in other files.

    Raises:
        InputMissing: there is none.
        WeightsRefused: it is no sound ONNX file, defines functions, or holds a NaN; or another file is not there, not
            inside the folder, or shorter than the model says.
        ModelTooLarge: memory does not suffice for working on it, or it does not fit into one file.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

    if not path.is_file():
        raise InputMissing(f"there is no {path.name}", "name an .onnx file that is there")
    try:
        outside = _outside(path)
        room.check_memory(f"working on {path.name}", _size(path, outside) * _TIMES_MEMORY)
        model = onnx.load(str(path), load_external_data=False)
        if outside:
            for tensor in filter(uses_external_data, model.graph.initializer):  # no others, whose size nobody looked at
                with _reading(path):
                    load_external_data_for_tensor(tensor, str(path.parent))
                tensor.ClearField("data_location")  # as in a model that was one file from the start
            check(model.SerializeToString(deterministic=True))
    except ModelCorrupt as error:
        raise WeightsRefused(error.message, _EXPORT) from None
    except (MalformedHeader, DecodeError, OSError) as error:
        raise WeightsRefused(f"{path.name} cannot be loaded ({error})", _EXPORT) from None
    _check_numbers(model.graph, path.name)
    return model


def check_one_file(path: Path) -> None:
    """Check that a model is one file, as the product takes it; what is no ONNX file at all is left to the product.

    Raises:
        WeightsRefused: it keeps values in other files.
        ModelTooLarge: it may, and memory does not suffice to look.
    """
    if headers.form_of(path.name) is not headers.HeaderFormat.ONNX:
        return
    outside = []
    with suppress(ModelCorrupt, OSError):
        outside = _outside(path)
    if outside:
        what = f"{path.name} keeps weights in other files, and the product takes one file"
        raise WeightsRefused(what, f"make one file of it: edge-quantize convert {path.name} --output F.onnx")


def size(path: Path) -> int:
    """Bytes of a model as one file; no values are read.

    Raises:
        ModelCorrupt, WeightsRefused, ModelTooLarge: see `load`.
    """
    return _size(path, _outside(path))


def _outside(path: Path) -> list[onnx.TensorProto]:
    """The weights of a model in other files; none where it is sound in itself, and is not parsed.

    Raises:
        ModelCorrupt: it is neither; a value outside that is no weight of the main graph counts as that.
        ModelTooLarge: memory does not suffice to parse it.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import uses_external_data

    try:
        with path.open("rb") as file:
            headers.check(file, headers.HeaderFormat.ONNX, path.name)
    except ModelCorrupt as unsound:
        room.check_memory(f"working on {path.name}", path.stat().st_size * _TIMES_MEMORY)
        try:
            weights = onnx.load(str(path), load_external_data=False).graph.initializer
        except (DecodeError, OSError, ValueError):
            raise unsound from None
        if outside := [tensor for tensor in weights if uses_external_data(tensor)]:
            return outside
        raise
    return []


def _size(path: Path, outside: list[onnx.TensorProto]) -> int:
    """See `size`."""
    from onnx.external_data_helper import ExternalDataInfo

    total = path.stat().st_size
    with _reading(path):
        for told in map(ExternalDataInfo, outside):
            total += (path.parent / told.location).stat().st_size if told.length is None else told.length
    if total > MAX_BYTES:
        what = f"{path.name} has {total / 1e9:.1f} GB with its other files, and one ONNX file holds 2.1 GB"
        raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
    return total


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say where weights in other files cannot be read."""
    from onnx.checker import ValidationError

    try:
        with warnings.catch_warnings(action="ignore"):  # of keys that nobody knows
            yield
    except (ValidationError, ValueError, OSError) as error:
        reason = printable(str(error).partition("\n")[0])
        what = f"{path.name} keeps weights in other files, which cannot be read ({reason})"
        raise WeightsRefused(what, _WHOLE) from None


def _check_numbers(graph: onnx.GraphProto, name: str) -> None:
    """Refuse a NaN in a weight; an infinity may be meant, such as in a mask."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}
    for tensor in graph.initializer:
        if tensor.data_type in floats and np.isnan(numpy_helper.to_array(tensor)).any():
            raise WeightsRefused(f"the weight '{tensor.name}' of {name} holds a NaN", _DAMAGED)


def quantized(model: onnx.ModelProto) -> int:
    """How many weights of a model are quantized; a single number, such as a zero point, is none."""
    return sum(tensor.data_type in _NARROW and math.prod(tensor.dims) > 1 for tensor in model.graph.initializer)


def save(model: onnx.ModelProto, output: Path, *, threads: int) -> None:
    """Write a model whole or not at all, after ONNX Runtime has opened it.

    Raises:
        QuantizationFailed: ONNX Runtime cannot run it.
        StorageFull: the disk has no room for it, or does not take it.
    """
    room.check_disk(output.name, model.ByteSize(), output.parent)
    with atomic.storing(output.name, "free some space, or name another folder"):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edge-quantize-", dir=output.parent) as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString(deterministic=True))
            opened(path, output.name, threads)
            path.replace(output)


def opened(path: Path, name: str, threads: int) -> Any:  # noqa: ANN401
    """A session of a model of this name.

    Raises:
        QuantizationFailed: ONNX Runtime cannot run it.
    """
    try:
        return Runtime(threads).session(path)
    except ModelCorrupt as error:
        hint = "exclude the node, take another method, or export the model again with standard operators"
        raise QuantizationFailed(error.message.replace(path.name, name), hint) from None
