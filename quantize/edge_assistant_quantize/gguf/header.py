"""What a GGUF file declares: its numbers and texts, and its tensors; read by the gguf package."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import held
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.errors import ModelCorrupt

if TYPE_CHECKING:
    from gguf.gguf_reader import ReaderTensor

_LIST, _SIZE = struct.Struct("<IQ"), struct.Struct("<Q")  # a list's type of elements and length; a text's bytes
_FLOATS = frozenset({"f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64"})
_ONE_TYPE = frozenset({"ALL_F32", "F16", "BF16", "Q8_0", "GUESSED"})  # of files that fit all rows
BLOCK = 256  # values of a block of the K types and most IQ types

Value = int | float | bool | str


def kind_of(tensor: ReaderTensor) -> str:
    """A tensor's type by ggml's name, such as `q4_K`."""
    return str(tensor.tensor_type.name).lower().replace("_k", "_K")


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a file before the weights.

    Attributes:
        values: numbers and texts by key.
        tensors: as the package describes them, in their order; the first number of a shape is that of columns.
    """

    values: Mapping[str, Value]
    tensors: Sequence[ReaderTensor]

    @property
    def kinds(self) -> dict[str, int]:
        """Number of tensors of each type, the most frequent first."""
        return dict(Counter(sorted(map(kind_of, self.tensors))).most_common())

    @property
    def quantized(self) -> tuple[ReaderTensor, ...]:
        """Tensors whose numbers are stored in blocks with scales."""
        return tuple(tensor for tensor in self.tensors if kind_of(tensor) not in _FLOATS)

    @property
    def fallen(self) -> tuple[ReaderTensor, ...]:
        """Tensors without the type that the file's type gives them, as their rows are no multiples of `BLOCK`."""
        from gguf import LlamaFileType

        number = self.values.get("general.file_type", LlamaFileType.GUESSED)
        kind = next((each.name for each in LlamaFileType if each == number), "GUESSED").rpartition("MOSTLY_")[2]
        if kind in _ONE_TYPE:
            return ()
        rows = (tensor for tensor in self.quantized if tensor.shape[0] % BLOCK)
        return tuple(tensor for tensor in rows if tensor.tensor_type.name != kind)

    @property
    def weights(self) -> int:
        """Number of all values."""
        return sum(tensor.n_elements for tensor in self.tensors)


def read(path: Path) -> Header:
    """Read what a file declares; its weights stay on the disk until they are looked at.

    Raises:
        ModelCorrupt: it cannot be read, is no GGUF, one part of several, or contradicts itself.
    """
    with loading(), held(path, HeaderFormat.GGUF) as name:
        try:
            content = _reader()(name)
            values = {key: field.contents() for key, field in content.fields.items() if field.data}
        except (ValueError, KeyError) as error:
            what = f"{path.name} cannot be read by the gguf package ({error})"
            raise ModelCorrupt(what, "take the model from its official home") from None
    return Header(values, content.tensors)


@cache
def _reader() -> Any:  # noqa: ANN401 - a class of a library that is imported late
    import numpy as np
    from gguf import GGUFReader, GGUFValueType

    class Reader(GGUFReader):  # type: ignore[misc]
        """Skips the elements of lists: for those of a vocabulary the library takes 12 s and 500 MB."""

        def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[Any]]:
            if raw_type != GGUFValueType.ARRAY:
                return super()._get_field_parts(orig_offs, raw_type)  # type: ignore[no-any-return]
            kind, count = _LIST.unpack_from(self.data, orig_offs)
            end = orig_offs + _LIST.size
            if kind == GGUFValueType.STRING:
                for _ in range(count):
                    end += _SIZE.size + _SIZE.unpack_from(self.data, end)[0]
            else:
                end += count * np.dtype(self.gguf_scalar_to_np[kind]).itemsize
            return end - orig_offs, [], [], [GGUFValueType.ARRAY]

    return Reader
