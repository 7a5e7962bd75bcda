"""GGUF, the file of a language model: its keys and tensors held against the size of the file.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. What llama.cpp refuses is refused here
too, and what would stop its process, as a list of scores that is shorter than the list of tokens.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from edge_assistant_models.headers.content import Content, MalformedHeader, named

MAX_KEYS = 4096  # a model has about 30
MAX_KEY_BYTES = 1024  # the longest in use has 60
MAX_TENSORS = 65_536  # a model of 600 billion parameters has 1,100
MAX_TENSOR_NAME_BYTES = 63  # llama.cpp's buffer for a name has 64
MAX_STRINGS = 4_000_000  # of all lists together; a vocabulary with its merges has 600,000. Bounds the time to 2 s
MAX_TOKENS = 1 << 19  # the largest vocabulary in use has 262,144; bounds the memory to 50 MB
MAX_DIMENSIONS = 4  # llama.cpp's
MAX_LAYERS = 512  # llama.cpp's; it stops its process for more, and for none
MAX_ALIGNMENT = 1 << 16
DEFAULT_ALIGNMENT = 32

_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_STRING, _ARRAY, _UINT32, _INT32, _FLOAT32 = 8, 9, 4, 5, 6
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
_READERS = {kind: struct.Struct(form) for kind, form in _SCALARS.items()}
_MIN_KEY_BYTES, _MIN_TENSOR_BYTES = 8 + 4 + 1, 8 + 4 + 8 + 4 + 8  # the least that a key and a tensor take in the header

_NEVER_IN_FILES = {9, 15}  # Q8_1 and Q8_K
_Q2_0, _Q2_0_BLOCK = 42, (64, 18)  # which the package gguf does not know yet
# What llama.cpp reads as a list of this type without asking; of the first three, with the same index
_TOKENS, _SCORES, _TYPES = b"tokenizer.ggml.tokens", b"tokenizer.ggml.scores", b"tokenizer.ggml.token_type"
_LISTS = {_TOKENS: _STRING, _SCORES: _FLOAT32, _TYPES: _INT32, b"tokenizer.ggml.merges": _STRING}


@cache
def blocks() -> Mapping[int, tuple[int, int]]:
    """Values and bytes of a block, by type of tensor; a test compares them with ggml's."""
    from gguf.constants import GGML_QUANT_SIZES

    known = {int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items() if kind not in _NEVER_IN_FILES}
    return known | {_Q2_0: _Q2_0_BLOCK}


@dataclass(frozen=True, slots=True)
class _List:
    """A list that a key holds: the type of its elements, and how many they are."""

    kind: int
    length: int


_Value = tuple[int, int | float | _List | None]  # a key's type, and its value; a text's is not kept


class _Reader:
    """Goes through the header from front to back, and never beyond the file's end."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._size = len(content)
        self._strings = 0
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes behind the position."""
        return self._size - self.position

    def skip(self, size: int) -> int:
        """Go on by some bytes; returns where they begin."""
        if size > self._size - self.position:
            raise MalformedHeader("its header reaches beyond its end")
        begin = self.position
        self.position = begin + size
        return begin

    def number(self, form: struct.Struct) -> int | float:
        """One value of a fixed size."""
        found: int | float = form.unpack_from(self._content, self.skip(form.size))[0]
        return found

    def u32(self) -> int:
        """A number of 32 bits."""
        return int(self.number(_U32))

    def u64(self) -> int:
        """A number of 64 bits."""
        return int(self.number(_U64))

    def text(self, limit: int, what: str) -> bytes:
        """A short text."""
        size = self.u64()
        if not 0 < size <= limit:
            raise MalformedHeader(f"{what} has {size:,} bytes, and not 1 to {limit:,}")
        begin = self.skip(size)
        return self._content[begin : begin + size]

    def strings(self, count: int) -> None:
        """Texts that are not looked at."""
        self._strings += count
        if self._strings > MAX_STRINGS:
            raise MalformedHeader(f"its lists hold more than {MAX_STRINGS:,} texts")
        for _ in range(count):
            self.skip(self.u64())

    def tokens(self, count: int) -> None:
        """A vocabulary, in which no two texts may be equal as llama.cpp reads them: up to a zero, and none is empty."""
        if count > MAX_TOKENS:
            raise MalformedHeader(f"its vocabulary has {count:,} tokens, over the limit of {MAX_TOKENS:,}")
        seen: set[int] = set()  # by hash, which takes less room
        for place in range(count):
            size = self.u64()
            begin = self.skip(size)
            text = self._content[begin : begin + min(size, MAX_KEY_BYTES)].partition(b"\0")[0]
            seen.add(hash(text or b"[EMPTY_%d]" % place))
        if len(seen) != count:
            raise MalformedHeader("two tokens of its vocabulary are equal")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model takes beside its weights.

    Attributes:
        layers: repeated ones.
        cached: values that the KV cache holds of a token, over all layers.
    """

    layers: int
    cached: int


def shape(content: Content) -> Shape:
    """The shape of a model whose header is sound.

    Raises:
        Malformed: as `check`.
    """
    reader = _Reader(content)
    reader.skip(4 + 4 + 8)  # the format's name, its version, the number of tensors
    found = _keys(reader, reader.u64())

    def said(name: bytes) -> int:
        values = (value for key, (_, value) in found.items() if key.endswith(name))
        return next((value for value in values if isinstance(value, int)), 0)

    layers, heads = said(b".block_count"), said(b".attention.head_count")
    width = said(b".attention.key_length") or (said(b".embedding_length") // heads if heads else 0)
    return Shape(layers, 2 * layers * width * (said(b".attention.head_count_kv") or heads))


def check(content: Content) -> None:
    """Read the header of a GGUF file.

    Raises:
        Malformed: it is none, contradicts itself, or goes beyond a limit.
    """
    reader = _Reader(content)
    if content[: len(b"GGUF")] != b"GGUF":
        raise MalformedHeader("it is not a GGUF file")
    reader.skip(len(b"GGUF"))
    if (version := reader.u32()) not in {2, 3}:
        raise MalformedHeader(f"it is GGUF of version {version}, and not 2 or 3")
    tensors, keys = reader.u64(), reader.u64()
    _fits(reader, "keys", keys, MAX_KEYS, _MIN_KEY_BYTES)
    _fits(reader, "tensors", tensors, MAX_TENSORS, _MIN_TENSOR_BYTES)
    found = _keys(reader, keys)
    if found.get(b"split.count", (0, 0))[1] not in {0, 1}:
        raise MalformedHeader("it is one part of several, and the others are read unseen")
    _vocabulary(found)
    _numbers(found)
    alignment = _alignment(found)
    declared = _tensors(reader, tensors, alignment)
    whole = _padded(reader.position, alignment) + declared
    if not whole <= len(content) < whole + alignment:  # the last tensor's padding may stand behind it
        raise MalformedHeader(f"it declares {whole:,} bytes and has {len(content):,}")


def _fits(reader: _Reader, what: str, count: int, limit: int, least: int) -> None:
    """Whether so many things can stand in the rest of the file."""
    if count > limit or count * least > reader.left:
        raise MalformedHeader(
            f"it declares {count:,} {what}, which is over the limit of {min(limit, reader.left // least):,}"
        )


def _keys(reader: _Reader, count: int) -> dict[bytes, _Value]:
    found: dict[bytes, _Value] = {}
    for _ in range(count):
        key = reader.text(MAX_KEY_BYTES, "a key's name")
        if key in found:
            raise MalformedHeader(f"the key {named(key)} stands twice")
        kind = reader.u32()
        if kind in _READERS:
            found[key] = kind, reader.number(_READERS[kind])
        elif kind == _STRING:
            reader.skip(reader.u64())
            found[key] = kind, None
        elif kind == _ARRAY:
            found[key] = kind, _list(reader, key)
        else:
            raise MalformedHeader(f"the key {named(key)} has the unknown type {kind}")
    return found


def _list(reader: _Reader, key: bytes) -> _List:
    kind, length = reader.u32(), reader.u64()
    if key == _TOKENS and kind == _STRING:
        reader.tokens(length)
    elif kind == _STRING:
        reader.strings(length)
    elif kind in _READERS:
        reader.skip(length * _READERS[kind].size)
    else:
        what = "lists" if kind == _ARRAY else f"the unknown type {kind}"
        raise MalformedHeader(f"the key {named(key)} is a list of {what}")
    return _List(kind, length)


def _vocabulary(found: Mapping[bytes, _Value]) -> None:
    """Lists of the tokenizer that are read with the index of a token."""
    lists = {key: found[key][1] for key in _LISTS if key in found}
    for key, kind in _LISTS.items():
        value = lists.get(key)
        if key in lists and not (isinstance(value, _List) and value.kind == kind):
            raise MalformedHeader(f"the key {named(key)} is not the list that it has to be")
    lengths = {value.length for key in (_TOKENS, _SCORES, _TYPES) if isinstance(value := lists.get(key), _List)}
    if len(lengths) > 1:
        raise MalformedHeader(f"its tokens, their scores and their types are {', '.join(map(str, sorted(lengths)))}")


def _numbers(found: Mapping[bytes, _Value]) -> None:
    """Numbers that llama.cpp computes with unasked."""
    for key, (_, value) in found.items():
        layers, divisor = key.endswith(b".block_count"), key.endswith(b"_epsilon")
        if layers and not (isinstance(value, int) and 0 < value <= MAX_LAYERS):
            raise MalformedHeader(f"the key {named(key)} is {value}, and not 1 to {MAX_LAYERS}")
        if divisor and not (isinstance(value, float) and 0 <= value < math.inf):
            raise MalformedHeader(f"the key {named(key)} is {value}, and no number from 0 on")


def _alignment(found: Mapping[bytes, _Value]) -> int:
    kind, value = found.get(b"general.alignment", (_UINT32, DEFAULT_ALIGNMENT))
    if kind != _UINT32 or not isinstance(value, int) or not 0 < value <= MAX_ALIGNMENT or value & (value - 1):
        raise MalformedHeader(f"its alignment is {value}, and no power of two up to {MAX_ALIGNMENT:,}")
    return value


def _tensors(reader: _Reader, count: int, alignment: int) -> int:
    """Each tensor begins where the one before it ends, as llama.cpp wants it; returns the bytes of all of them."""
    names: set[bytes] = set()
    end = 0
    for _ in range(count):
        name = reader.text(MAX_TENSOR_NAME_BYTES, "a tensor's name")
        if name in names:
            raise MalformedHeader(f"the tensor {named(name)} stands twice")
        names.add(name)
        size = _tensor_bytes(reader, named(name))
        offset = reader.u64()
        if offset != _padded(end, alignment):
            raise MalformedHeader(f"the tensor {named(name)} does not begin where the one before it ends")
        end = offset + size
    return end


def _tensor_bytes(reader: _Reader, name: str) -> int:
    if not 1 <= (rank := reader.u32()) <= MAX_DIMENSIONS:
        raise MalformedHeader(f"the tensor {name} has {rank:,} dimensions, and not 1 to {MAX_DIMENSIONS}")
    dimensions = [reader.u64() for _ in range(rank)]
    if (kind := reader.u32()) not in blocks():
        raise MalformedHeader(f"the tensor {name} has the unknown type {kind}")
    values, size = blocks()[kind]
    if 0 in dimensions or dimensions[0] % values:
        raise MalformedHeader(f"the tensor {name} has the dimensions {dimensions} in blocks of {values}")
    return math.prod(dimensions) // values * size


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
