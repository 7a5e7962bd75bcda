"""ONNX: what a graph declares, held against the bytes that are there; weights are measured and not read.

The wire format: https://protobuf.dev/programming-guides/encoding/
The messages: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

What reaches outside the file is refused, and
what ONNX Runtime alone does not need: values in other files, operators of other libraries, functions, training data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge_assistant_models.headers.content import Content, MalformedHeader, named

MAX_BYTES = (1 << 31) - 1  # what a protobuf message may have
MAX_FIELDS = 3_000_000  # the largest model here has 29,000; bounds the time to some seconds
MAX_NODES = 200_000  # the largest has 2,800
MAX_TENSORS = 65_536  # the largest has 400
MAX_DEPTH = 16  # of graphs within graphs; the deepest model here has 5
MAX_RANK = 16  # dimensions of a tensor
MAX_NAME_BYTES = 1024
# What ONNX Runtime brings itself: the standard's operators, its own, and those of classical machine learning
DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})
FILE_OPERATORS = frozenset({b"EPContext"})  # operators of those domains that name a file

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_CHUNK_BYTES = 1 << 20  # of packed numbers that are counted at once
_CONTINUED = bytes(range(0x80, 0x100))  # what the bytes of a varint are, but its last
_MAX_VARINT_BITS = 64

_STRING = 8
# Bits of a value in `raw_data`, by tensor type
_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16}
_BITS |= dict.fromkeys((17, 18, 19, 20, 24), 8) | dict.fromkeys((21, 22, 23), 4) | dict.fromkeys((25, 26), 2)
_FLOATS, _INT32S, _STRINGS, _INT64S, _DOUBLES, _UINT64S = 4, 5, 6, 7, 10, 11
# The field that holds the values of a type where `raw_data` does not; all others stand in `int32_data`
_TYPED = {1: _FLOATS, 14: _FLOATS, 7: _INT64S, 8: _STRINGS, 11: _DOUBLES, 15: _DOUBLES, 12: _UINT64S, 13: _UINT64S}
_COMPLEX = (14, 15)  # two numbers a value


@dataclass(frozen=True, slots=True)
class WireField:
    """One field of a message: its number, its wire type, and its value.

    A varint's value is `begin`; of what has a length, `begin` and `end` are where it stands.
    """

    number: int
    wire: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of a message's fields: wire types by number, and the numbers that may stand once only.

    A parser merges a message that stands twice where it may stand once, so that two sound halves make an unsound whole.
    """

    name: str
    wires: Mapping[int, tuple[int, ...]]
    once: frozenset[int] = frozenset()


class Wire:
    """A file of messages.

    Args:
        content: the file.
        limit: how many fields are read at most, which bounds the time.
    """

    def __init__(self, content: Content, limit: int) -> None:
        self._content = content
        self._limit = limit
        self._left = limit

    def fields(self, layout: Layout, begin: int, end: int) -> Iterator[WireField]:
        """The fields of the message between two places; what the layout does not know is skipped.

        Raises:
            Malformed: it is no message, or a field is not as its layout says.
        """
        seen: set[int] = set()
        while begin < end:
            if not self._left:
                raise MalformedHeader(f"it has more than {self._limit:,} fields")
            self._left -= 1
            tag, begin = self.varint(begin, end)
            field = self._field(tag >> 3, tag & 7, begin, end)
            begin = field.end
            if field.number not in layout.wires:
                continue
            if field.wire not in layout.wires[field.number]:
                raise MalformedHeader(f"the field {field.number} of {layout.name} is of the wrong kind")
            if field.number in layout.once:
                if field.number in seen:
                    raise MalformedHeader(f"the field {field.number} of {layout.name} stands twice")
                seen.add(field.number)
            yield field

    def _field(self, number: int, wire: int, begin: int, end: int) -> WireField:
        """A field whose tag has been read; of a varint, `begin` becomes its value."""
        if not number:
            raise MalformedHeader("a field in it has no number")
        if wire == VARINT:
            value, behind = self.varint(begin, end)
            return WireField(number, wire, value, behind)
        if wire == BYTES:
            size, begin = self.varint(begin, end)
        elif wire in {FIXED32, FIXED64}:
            size = 4 if wire == FIXED32 else 8
        else:
            raise MalformedHeader(f"it holds a field of the unknown kind {wire}")
        if size > end - begin:
            raise MalformedHeader("a length in it reaches beyond its end")
        return WireField(number, wire, begin, begin + size)

    def varint(self, begin: int, end: int) -> tuple[int, int]:
        """An unsigned number of up to 64 bits, and where it ends."""
        value = shift = 0
        while begin < end and shift < _MAX_VARINT_BITS:
            byte = self._content[begin]
            begin += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, begin
            shift += 7
        raise MalformedHeader("a number in it does not end")

    def text(self, field: WireField, limit: int) -> bytes:
        """A short text or some bytes."""
        if field.end - field.begin > limit:
            raise MalformedHeader(f"a name in it has {field.end - field.begin:,} bytes, over the limit of {limit:,}")
        return self._content[field.begin : field.end]

    def varints(self, field: WireField, limit: int) -> list[int]:
        """The numbers of a repeated field, packed or alone."""
        if field.wire == VARINT:
            return [field.begin]
        values, begin = list[int](), field.begin
        while begin < field.end:
            if len(values) == limit:
                raise MalformedHeader(f"a list in it has more than {limit:,} numbers")
            value, begin = self.varint(begin, field.end)
            values.append(value)
        return values

    def count(self, field: WireField) -> int:
        """How many numbers a repeated field holds; packed varints are counted by the bytes that end one."""
        if field.wire in {VARINT, FIXED32, FIXED64}:
            return 1
        return sum(
            len(self._content[at : min(at + _CHUNK_BYTES, field.end)].translate(None, _CONTINUED))
            for at in range(field.begin, field.end, _CHUNK_BYTES)
        )


_TEXT, _NUMBER = (BYTES,), (VARINT,)
_MODEL = Layout("the model", {7: _TEXT, 8: _TEXT, 20: _TEXT, 25: _TEXT}, frozenset({7}))
_OPSET = Layout("an operator set", {1: _TEXT}, frozenset({1}))
_GRAPH = Layout("a graph", {1: _TEXT, 5: _TEXT, 15: _TEXT})
_NODE = Layout("a node", {4: _TEXT, 5: _TEXT, 7: _TEXT}, frozenset({4, 7}))
_ATTRIBUTE = Layout(
    "an attribute",
    {5: _TEXT, 6: _TEXT, 10: _TEXT, 11: _TEXT, 22: _TEXT, 23: _TEXT},
    frozenset({5, 6}),
)
_TENSOR = Layout(
    "a tensor",
    {
        1: (VARINT, BYTES),
        2: _NUMBER,
        3: _TEXT,
        _FLOATS: (FIXED32, BYTES),
        _INT32S: (VARINT, BYTES),
        _STRINGS: _TEXT,
        _INT64S: (VARINT, BYTES),
        8: _TEXT,
        9: _TEXT,
        _DOUBLES: (FIXED64, BYTES),
        _UINT64S: (VARINT, BYTES),
        13: _TEXT,
        14: _NUMBER,
    },
    frozenset({2, 8, 9, 14}),
)


@dataclass(slots=True)
class _Tensor:
    """What a tensor says about itself."""

    name: bytes = b""
    kind: int = 0
    dimensions: list[int] = field(default_factory=list)
    raw: int | None = None
    values: dict[int, int] = field(default_factory=dict)
    outside: bool = False


def check(content: Content) -> None:
    """Go through an ONNX file.

    Raises:
        Malformed: it is none, contradicts itself, goes beyond a limit, or reaches outside itself.
    """
    if len(content) > MAX_BYTES:
        raise MalformedHeader(f"it has {len(content):,} bytes, and an ONNX file may have {MAX_BYTES:,}")
    _Walk(Wire(content, MAX_FIELDS)).model(len(content))


def operators(content: Content) -> frozenset[str]:
    """The operators of a file's graphs, without their domains.

    Raises:
        Malformed: as `check`.
    """
    walk = _Walk(Wire(content, MAX_FIELDS))
    walk.model(len(content))
    return frozenset(name.decode("utf-8", "replace") for name in walk.operators)


class _Walk:
    """One way through a file, which counts what it meets."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._nodes = 0
        self._tensors = 0
        self.operators: set[bytes] = set()

    def model(self, size: int) -> None:
        graphs = 0
        for part in self._wire.fields(_MODEL, 0, size):
            if part.number == 7:
                graphs += 1
                self._graph(part, 1)
            elif part.number == 8:
                for name in self._wire.fields(_OPSET, part.begin, part.end):
                    self._domain(name)
            else:
                raise MalformedHeader("it defines functions" if part.number == 25 else "it has training data")
        if not graphs:
            raise MalformedHeader("it is not an ONNX file, or has no graph")

    def _graph(self, graph: WireField, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise MalformedHeader(f"its graphs stand more than {MAX_DEPTH} deep in each other")
        names: set[bytes] = set()
        for part in self._wire.fields(_GRAPH, graph.begin, graph.end):
            if part.number == 1:
                self._node(part, depth)
            elif part.number == 15:
                raise MalformedHeader("it has sparse weights")
            else:
                name = self._tensor(part)
                if name in names:
                    raise MalformedHeader(f"the weight {named(name)} stands twice")
                names.add(name)

    def _node(self, node: WireField, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise MalformedHeader(f"it has more than {MAX_NODES:,} nodes")
        for part in self._wire.fields(_NODE, node.begin, node.end):
            if part.number == 7:
                self._domain(part)
            elif part.number == 4:
                operator = self._wire.text(part, MAX_NAME_BYTES)
                if operator in FILE_OPERATORS:
                    raise MalformedHeader(f"its operator {named(operator)} reads another file")
                self.operators.add(operator)
            else:
                self._attribute(part, depth)

    def _domain(self, part: WireField) -> None:
        name = self._wire.text(part, MAX_NAME_BYTES)
        if name not in DOMAINS:
            raise MalformedHeader(f"it needs operators of {named(name)}, which ONNX Runtime does not bring")

    def _attribute(self, attribute: WireField, depth: int) -> None:
        for part in self._wire.fields(_ATTRIBUTE, attribute.begin, attribute.end):
            if part.number in {5, 10}:
                self._tensor(part)
            elif part.number in {6, 11}:
                self._graph(part, depth + 1)
            else:
                raise MalformedHeader("it has sparse weights")

    def _tensor(self, part: WireField) -> bytes:
        """Returns its name."""
        self._tensors += 1
        if self._tensors > MAX_TENSORS:
            raise MalformedHeader(f"it has more than {MAX_TENSORS:,} tensors")
        tensor = self._read(part)
        said = f"the tensor {named(tensor.name)}" if tensor.name else "a tensor without a name"
        if tensor.outside:
            raise MalformedHeader(f"{said} keeps its values outside the file")
        if tensor.kind not in _BITS and tensor.kind != _STRING:
            raise MalformedHeader(f"{said} has the unknown type {tensor.kind}")
        if any(size >> 63 for size in tensor.dimensions):
            raise MalformedHeader(f"{said} has a negative dimension")
        _measure(tensor, said)
        return tensor.name

    def _read(self, part: WireField) -> _Tensor:
        tensor = _Tensor()
        for item in self._wire.fields(_TENSOR, part.begin, part.end):
            match item.number:
                case 1:
                    tensor.dimensions += self._wire.varints(item, MAX_RANK)
                case 2:
                    tensor.kind = item.begin
                case 3:
                    raise MalformedHeader("a tensor in it is one piece of several")
                case 8:
                    tensor.name = self._wire.text(item, MAX_NAME_BYTES)
                case 9:
                    tensor.raw = item.end - item.begin
                case 13:
                    tensor.outside = True
                case 14:
                    tensor.outside = tensor.outside or item.begin != 0
                case number:
                    tensor.values[number] = tensor.values.get(number, 0) + self._values(item)
        if len(tensor.dimensions) > MAX_RANK:
            raise MalformedHeader(f"a tensor in it has more than {MAX_RANK} dimensions")
        return tensor

    def _values(self, item: WireField) -> int:
        """How many values stand in a typed field."""
        if item.number == _STRINGS:
            return 1
        if item.number in {_FLOATS, _DOUBLES}:
            size = 4 if item.number == _FLOATS else 8
            whole, rest = divmod(item.end - item.begin, size)
            if rest:
                raise MalformedHeader("a list of numbers in it ends within one")
            return whole
        return self._wire.count(item)


def _measure(tensor: _Tensor, said: str) -> None:
    """Whether there are as many values as its dimensions say."""
    count = math.prod(tensor.dimensions)
    if tensor.raw is not None:
        found, wanted, unit = tensor.raw, -(-count * _BITS.get(tensor.kind, 0) // 8), "bytes"
        sound = tensor.kind != _STRING and not tensor.values
    else:
        place = _TYPED.get(tensor.kind, _INT32S)
        packed = 8 // _BITS[tensor.kind] if tensor.kind in _BITS and _BITS[tensor.kind] < 8 else 1
        found, wanted, unit = tensor.values.get(place, 0), -(-count // packed), "values"
        wanted *= 2 if tensor.kind in _COMPLEX else 1
        sound = set(tensor.values) <= {place}
    if not sound:
        raise MalformedHeader(f"{said} keeps its values in two places, or in that of another type")
    if found != wanted:
        raise MalformedHeader(f"{said} of {tensor.dimensions} has {found:,} {unit}, and not {wanted:,}")
