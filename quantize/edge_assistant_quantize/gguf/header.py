"""What a GGUF file declares: its numbers and texts, and where its tensors lie; read by the gguf package."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import held
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.errors import ModelCorrupt

_LIST, _SIZE = struct.Struct("<IQ"), struct.Struct("<Q")  # a list's type of elements and length; a text's bytes
_FLOATS = frozenset({"f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64"})

_ONE_TYPE = frozenset({"ALL_F32", "F16", "BF16", "Q8_0", "GUESSED"})  # of files that fit all rows
BLOCK = 256  # values of a block of the K types and most IQ types

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor.

    Attributes:
        name: such as `blk.0.attn_q.weight`.
        kind: its type by ggml's name, such as `q4_K`.
        shape: sizes of its dimensions, columns first.
        offset: where its bytes begin in the file.
        bytes: their number.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int
    bytes: int

    @property
    def quantized(self) -> bool:
        """Whether its numbers are stored in blocks with scales."""
        return self.kind not in _FLOATS


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a file before the weights.

    Attributes:
        values: numbers and texts by key; of a list the first.
        tensors: in their order.
    """

    values: Mapping[str, Value]
    tensors: tuple[GgufTensor, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """Number of tensors of each type, the most frequent first."""
        return dict(Counter(sorted(tensor.kind for tensor in self.tensors)).most_common())

    @property
    def quantized(self) -> bool:
        """Whether any tensor is."""
        return any(tensor.quantized for tensor in self.tensors)

    @property
    def fallen(self) -> tuple[GgufTensor, ...]:
        """Tensors without the type that the file's type gives them, as their rows are no multiples of `BLOCK`."""
        from gguf import LlamaFileType

        number = self.values.get("general.file_type", LlamaFileType.GUESSED)
        kind = next((each.name for each in LlamaFileType if each == number), "GUESSED").rpartition("MOSTLY_")[2]
        if kind in _ONE_TYPE:
            return ()
        rows = (tensor for tensor in self.tensors if tensor.quantized and tensor.shape[0] % BLOCK)
        return tuple(tensor for tensor in rows if tensor.kind.upper() != kind)

    @property
    def weights(self) -> int:
        """Number of all values."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)


def read(path: Path) -> Header:
    """Read what a file declares, and none of its weights.

    Raises:
        ModelCorrupt: it cannot be read, is no GGUF, one part of several, or contradicts itself.
    """
    with loading(), held(path, HeaderFormat.GGUF) as name:
        try:
            content = _reader()(name)
        except (ValueError, KeyError) as error:
            what = f"{path.name} cannot be read by the gguf package ({error})"
            raise ModelCorrupt(what, "take the model from its official home") from None
        values = {key: _value(field) for key, field in content.fields.items() if field.data}
        tensors = tuple(
            GgufTensor(
                tensor.name,
                tensor.tensor_type.name.lower().replace("_k", "_K"),
                tuple(tensor.shape.tolist()),
                tensor.data_offset,
                tensor.n_bytes,
            )
            for tensor in content.tensors
        )
    return Header(values, tensors)


def _value(field: Any) -> Value:  # noqa: ANN401 - the package's class
    from gguf import GGUFValueType

    content = field.parts[field.data[0]]
    if field.types[-1] == GGUFValueType.STRING:
        return str(content.tobytes().decode(errors="replace"))
    number: Value = content[0].item()
    return number


@cache
def _reader() -> Any:  # noqa: ANN401 - a class of a library that is imported late
    from gguf import GGUFReader, GGUFValueType

    class Reader(GGUFReader):  # type: ignore[misc]
        """Reads the first element of a list only: for all of a vocabulary the library takes 12 s and 500 MB."""

        def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[Any]]:
            if raw_type != GGUFValueType.ARRAY:
                return super()._get_field_parts(orig_offs, raw_type)  # type: ignore[no-any-return]
            kind, count = _LIST.unpack_from(self.data, orig_offs)
            begin = end = orig_offs + _LIST.size
            size, parts, places, types = super()._get_field_parts(begin, kind) if count else (0, [], [], [])
            if kind == GGUFValueType.STRING:
                for _ in range(count):
                    end += _SIZE.size + _SIZE.unpack_from(self.data, end)[0]
            else:
                end += count * size
            return end - orig_offs, parts, places, [GGUFValueType.ARRAY, *types]

    return Reader
