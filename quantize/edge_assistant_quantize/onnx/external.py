"""Values that an ONNX model keeps in other files of its folder (`model.onnx.data`), as exporters write large models.

The product takes one file and nothing beside it. The toolkit reads such a model, and what it writes is one file. onnx
takes other files from the model's own folder only: no absolute path, no `..`, no link; and none that is too short.

The keys of such a tensor: https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models import headers
from edge_assistant_models.headers.content import MalformedHeader
from edge_assistant_models.headers.onnx_file import MAX_BYTES, check
from edge_assistant_models.schema import printable
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import ModelCorrupt, ModelTooLarge, WeightsRefused

if TYPE_CHECKING:
    import onnx

_WHOLE = "copy the whole folder again, the files themselves and no links to them, or export the model into one file"
_ONE_FILE = "make one file of it: edge-quantize convert {} --output F.onnx"


def load(path: Path, times_memory: int) -> onnx.ModelProto:
    """Parse a model with the values of its other files; its headers are checked.

    Args:
        path: of the .onnx file.
        times_memory: memory that work on it takes, as a multiple of its bytes.

    Raises:
        ModelCorrupt: its headers are unsound; a value outside that is no weight of the main graph counts as that.
        WeightsRefused: another file is not there, not inside the folder, or shorter than the model says.
        ModelTooLarge: memory does not suffice, or it does not fit into one file.
        DecodeError, OSError: it is no ONNX file, or cannot be read.
    """
    import onnx
    from onnx.external_data_helper import load_external_data_for_tensor

    model, outside = _with_others(path)
    room.check_memory(f"working on {path.name}", _bytes(path, outside) * times_memory)
    if model is None:
        return onnx.load(str(path), load_external_data=False)
    for tensor in outside:
        with _reading(tensor, path):
            load_external_data_for_tensor(tensor, str(path.parent))
        tensor.ClearField("data_location")  # as in a model that was one file from the start
    try:
        check(model.SerializeToString(deterministic=True))
    except MalformedHeader as error:
        raise ModelCorrupt(f"{path.name} cannot be loaded ({error})", "export it again, into one file") from None
    return model


def check_one_file(path: Path) -> None:
    """Check that a model is one file, as the product takes it; what is no ONNX file at all is left to the product.

    Raises:
        WeightsRefused: it keeps values in other files.
    """
    if headers.form_of(path.name) is not headers.HeaderFormat.ONNX:
        return
    try:
        outside = _with_others(path)[1]
    except (ModelCorrupt, OSError):
        return
    if outside:
        what = f"{path.name} keeps weights in {printable(_place(outside[0]))}, and the product takes one file"
        raise WeightsRefused(what, _ONE_FILE.format(path.name))


def size(path: Path) -> int:
    """Bytes of a model as one file; no values are read.

    Raises:
        ModelCorrupt, WeightsRefused, ModelTooLarge: see `load`.
    """
    return _bytes(path, _with_others(path)[1])


def _with_others(path: Path) -> tuple[onnx.ModelProto | None, list[onnx.TensorProto]]:
    """A model and its weights in other files; None and nothing where it is sound in itself, which is not parsed.

    Raises:
        ModelCorrupt: it is neither.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.external_data_helper import uses_external_data

    try:
        with path.open("rb") as file:
            headers.check(file, headers.HeaderFormat.ONNX, path.name)
    except ModelCorrupt as unsound:
        try:
            model = onnx.load(str(path), load_external_data=False)
        except (DecodeError, OSError, ValueError):
            raise unsound from None
        outside = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
        if not outside:
            raise
        return model, outside
    return None, []


def _place(tensor: onnx.TensorProto) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _bytes(path: Path, outside: list[onnx.TensorProto]) -> int:
    """Bytes of the model as one file.

    Raises:
        WeightsRefused, ModelTooLarge: see `load`.
    """
    from onnx.external_data_helper import ExternalDataInfo

    total = path.stat().st_size
    for tensor in outside:
        with _reading(tensor, path):
            length = ExternalDataInfo(tensor).length
            total += (path.parent / _place(tensor)).stat().st_size if length is None else length
    if total > MAX_BYTES:
        what = f"{path.name} has {total / 1e9:.1f} GB with its other files, and one ONNX file holds 2.1 GB"
        raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
    return total


@contextmanager
def _reading(tensor: onnx.TensorProto, path: Path) -> Iterator[None]:
    """Say where the values of a tensor cannot be read."""
    from onnx.checker import ValidationError

    try:
        with warnings.catch_warnings(action="ignore"):  # of keys that nobody knows
            yield
    except (ValidationError, ValueError, OSError) as error:
        place, reason = printable(_place(tensor)), printable(str(error).partition("\n")[0])
        what = f"{path.name} keeps weights in '{place}', which cannot be read ({reason})"
        raise WeightsRefused(what, _WHOLE) from None
