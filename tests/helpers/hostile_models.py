"""Small GGUF and ONNX files written by hand, to declare what no library would write; and damage to real ones."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from edge_assistant_models.headers.content import Content, MalformedHeader

U8, U32, I32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 5, 6, 7, 8, 9, 10


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def key(name: bytes, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def u32(name: bytes, value: int) -> bytes:
    return key(name, U32, struct.pack("<I", value))


def array(name: bytes, kind: int, length: int, elements: bytes = b"") -> bytes:
    return key(name, ARRAY, struct.pack("<IQ", kind, length) + elements)


def strings(name: bytes, *values: bytes) -> bytes:
    return array(name, STRING, len(values), b"".join(text(value) for value in values))


def tensor(name: bytes, dimensions: Sequence[int], offset: int, kind: int = 0) -> bytes:
    numbers = struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)
    return text(name) + numbers


KEYS = (
    key(b"general.architecture", STRING, text(b"llama")),
    key(b"general.big", U64, struct.pack("<Q", 1 << 63)),
    key(b"general.flag", BOOL, b"\1"),
    strings(b"tokenizer.ggml.tokens", b"a", b"b", b"", b"d"),
    array(b"tokenizer.ggml.scores", F32, 4, struct.pack("<4f", 0, 1, 2, 3)),
    array(b"tokenizer.ggml.token_type", I32, 4, struct.pack("<4i", 1, 1, 1, 3)),
    array(b"bytes", U8, 3, b"abc"),
)
TENSORS = (tensor(b"token_embd.weight", [32, 3], 0, 8), tensor(b"norm", [5], 128), tensor(b"out", [2, 2, 2], 160, 1))
DATA = 160 + 16  # bytes of the tensors, the last one's padding not counted


@dataclass(frozen=True)
class Gguf:
    """A sound file; each part can be replaced."""

    keys: tuple[bytes, ...] = KEYS
    tensors: tuple[bytes, ...] = TENSORS
    data: int = DATA
    magic: bytes = b"GGUF"
    version: int = 3
    key_count: int | None = None
    tensor_count: int | None = None
    alignment: int = 32

    def bytes(self) -> bytes:
        counts = [
            len(parts) if count is None else count
            for parts, count in ((self.tensors, self.tensor_count), (self.keys, self.key_count))
        ]
        header = self.magic + struct.pack("<IQQ", self.version, *counts) + b"".join((*self.keys, *self.tensors))
        return header + b"\0" * (-len(header) % self.alignment) + b"\0" * self.data


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value % (1 << 64))


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def weight(*fields: bytes, dimensions: Sequence[int] = (2, 2), kind: int = 1, name: bytes = b"w") -> bytes:
    """A TensorProto."""
    return b"".join((*(number(1, size) for size in dimensions), number(2, kind), message(8, name), *fields))


RAW = message(9, b"\0" * 16)  # the values of a weight of two by two floats
NODE = message(1, message(1, b"x") + message(1, b"w") + message(2, b"y") + message(4, b"MatMul"))


def model(*graph: bytes, extra: bytes = b"") -> bytes:
    """A ModelProto whose graph has these fields."""
    return number(1, 8) + message(7, b"".join(graph)) + message(8, message(1, b"") + number(2, 17)) + extra


def nested(depth: int) -> bytes:
    """A graph in the attribute of a node of a graph, and so on."""
    graph = NODE
    for _ in range(depth - 1):
        graph = message(1, message(4, b"If") + message(5, message(1, b"then") + message(6, graph)))
    return graph


PEAK_BYTES = 24 << 20  # names of tensors, at most; the real models take 1 MB


def refusal(check: Callable[[Content], None], content: Content) -> str:
    """Why a check refuses a file, or nothing; another error than `MalformedHeader`, or much memory, is a fault."""
    tracemalloc.start()
    try:
        check(content)
    except MalformedHeader as error:
        return str(error)
    else:
        return ""
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < PEAK_BYTES


def passes(check: Callable[[Content], None], content: Content) -> bool:
    return not refusal(check, content)


EDIT = st.tuples(
    st.integers(0, (1 << 31) - 1),
    st.one_of(
        st.binary(min_size=1, max_size=9),
        st.integers(0, (1 << 64) - 1).map(lambda value: struct.pack("<Q", value)),
        st.integers(0, 64).map(lambda value: struct.pack("<Q", value)),
        st.sampled_from([b"\0", b"\1", b"\x7f", b"\x80", b"\xff" * 4, b"\xff" * 10]),
    ),
)
EDITS = st.lists(EDIT, min_size=1, max_size=4)


def edited(content: bytes, edits: list[tuple[int, bytes]], places: range | list[int] | None = None) -> bytes:
    """Bytes overwritten at some of the places."""
    out, places = bytearray(content), places or range(len(content))
    for at, value in edits:
        begin = places[at % len(places)]
        out[begin : begin + len(value)] = value[: len(out) - begin]
    return bytes(out)
