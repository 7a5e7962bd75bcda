"""Values that an ONNX model keeps in other files of its folder (`model.onnx.data`), as exporters write large models.

The product takes one file and nothing beside it. The toolkit reads such a model, and what it writes is one file. Other
files are those of the model's own folder: no absolute path, no `..`, no link that leads out.

The keys of such a tensor: https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.storage import atomic
from edge_assistant_models import headers
from edge_assistant_models.headers.onnx_file import MAX_BYTES
from edge_assistant_models.schema import is_inside, printable
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import ModelCorrupt, ModelTooLarge, WeightsRefused

if TYPE_CHECKING:
    import onnx

_WHOLE = "fetch the whole folder again, or export the model into one file"
_ONE_FILE = "make one file of it: edge-quantize convert {} --output F.onnx"


def load(path: Path, times_memory: int) -> onnx.ModelProto:
    """Parse a model with the values of its other files; its headers are checked, before that where it is one file.

    Args:
        path: of the .onnx file.
        times_memory: memory that work on it takes, as a multiple of its bytes.

    Raises:
        ModelCorrupt: its headers are unsound; a value outside that is no weight of the main graph counts as that.
        WeightsRefused: another file is not there, not inside the folder, or shorter than the model says.
        ModelTooLarge: memory does not suffice, or it does not fit into one file.
        StorageFull: the disk does not take it as one file.
        DecodeError, OSError: it is no ONNX file, or cannot be read.
    """
    import onnx

    room.check_memory(f"working on {path.name}", path.stat().st_size * times_memory)
    model, outside = _with_others(path)
    if model is None:
        return onnx.load(str(path), load_external_data=False)
    room.check_memory(f"working on {path.name}", _bytes(path, outside) * times_memory)
    _take(outside, path)
    with atomic.storing(f"{path.name} as one file", "free some space"), tempfile.TemporaryFile() as file:
        file.write(model.SerializeToString(deterministic=True))
        file.flush()
        headers.check(file, headers.HeaderFormat.ONNX, path.name)
    return model


def size(path: Path) -> int:
    """Bytes of a model with its other files, as far as they are read.

    Raises:
        WeightsRefused, ModelTooLarge: see `load`.
    """
    return _bytes(path, _others(path))


def check_one_file(path: Path) -> None:
    """Check that a model is one file, as the product takes it; what is no ONNX file at all is left to the product.

    Raises:
        WeightsRefused: it keeps values in other files.
    """
    if outside := _others(path):
        what = f"{path.name} keeps weights in {printable(_place(outside[0]))}, and the product takes one file"
        raise WeightsRefused(what, _ONE_FILE.format(path.name))


def _others(path: Path) -> list[onnx.TensorProto]:
    """The weights whose values lie in other files; none where it is no model, such as a GGUF, which is not read."""
    if headers.form_of(path.name) is not headers.HeaderFormat.ONNX:
        return []
    try:
        return _with_others(path)[1]
    except (ModelCorrupt, OSError):
        return []


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
        there = _inside(path, _place(tensor)).stat().st_size
        try:
            with warnings.catch_warnings(action="ignore"):  # of keys that nobody knows
                told = ExternalDataInfo(tensor)
            begin, length = int(told.offset or 0), told.length
        except ValueError:
            begin, length = -1, None
        if begin < 0 or begin + (length or 0) > there:
            raise WeightsRefused(f"{printable(_place(tensor))} is shorter than {path.name} says", _WHOLE)
        total += there - begin if length is None else length
    if total > MAX_BYTES:
        what = f"{path.name} has {total / 1e9:.1f} GB with its other files, and one ONNX file holds 2.1 GB"
        raise ModelTooLarge(what, "take a smaller model; a language model can be converted to GGUF")
    return total


def _inside(path: Path, place: str) -> Path:
    """The other file, which has to be in the model's folder.

    Raises:
        WeightsRefused: it is not there, or leads out.
    """
    folder = path.parent.resolve()
    try:
        found = (folder / place).resolve() if is_inside(place) else None
    except (OSError, ValueError):  # ValueError: a null byte
        found = None
    if found is None or not found.is_relative_to(folder):
        what = f"{path.name} keeps weights in {printable(place) or 'a file without a name'}, outside its folder"
        raise WeightsRefused(what, "copy the files themselves into one folder, and no links to them")
    if not found.is_file():
        raise WeightsRefused(f"{printable(place)} is missing, in which {path.name} keeps weights", _WHOLE)
    return found


def _take(outside: list[onnx.TensorProto], path: Path) -> None:
    """Read the values into the tensors; the library looks at the paths once more."""
    from onnx.checker import ValidationError
    from onnx.external_data_helper import load_external_data_for_tensor

    for tensor in outside:
        place = printable(_place(tensor))
        try:
            with warnings.catch_warnings(action="ignore"):
                load_external_data_for_tensor(tensor, str(path.parent))
        except (ValidationError, ValueError, OSError) as error:
            reason = printable(str(error).partition("\n")[0])
            what = f"{place}, in which {path.name} keeps weights, cannot be read ({reason})"
            raise WeightsRefused(what, _WHOLE) from None
        tensor.ClearField("data_location")  # as in a model that was one file from the start
