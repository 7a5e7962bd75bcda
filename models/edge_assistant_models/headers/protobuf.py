"""The wire format of Protocol Buffers, read within limits: https://protobuf.dev/programming-guides/encoding/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_assistant_models.headers.malformed import Content, Malformed

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_CHUNK_BYTES = 1 << 20  # of packed numbers that are counted at once
_CONTINUED = bytes(range(0x80, 0x100))  # what the bytes of a varint are, but its last
_MAX_VARINT_BITS = 64


@dataclass(frozen=True, slots=True)
class Field:
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

    def fields(self, layout: Layout, begin: int, end: int) -> Iterator[Field]:
        """The fields of the message between two places; what the layout does not know is skipped.

        Raises:
            Malformed: it is no message, or a field is not as its layout says.
        """
        seen: set[int] = set()
        while begin < end:
            if not self._left:
                raise Malformed(f"it has more than {self._limit:,} fields")
            self._left -= 1
            tag, begin = self.varint(begin, end)
            field = self._field(tag >> 3, tag & 7, begin, end)
            begin = field.end
            if field.number not in layout.wires:
                continue
            if field.wire not in layout.wires[field.number]:
                raise Malformed(f"the field {field.number} of {layout.name} is of the wrong kind")
            if field.number in layout.once:
                if field.number in seen:
                    raise Malformed(f"the field {field.number} of {layout.name} stands twice")
                seen.add(field.number)
            yield field

    def _field(self, number: int, wire: int, begin: int, end: int) -> Field:
        """A field whose tag has been read; of a varint, `begin` becomes its value."""
        if not number:
            raise Malformed("a field in it has no number")
        if wire == VARINT:
            value, behind = self.varint(begin, end)
            return Field(number, wire, value, behind)
        if wire == BYTES:
            size, begin = self.varint(begin, end)
        elif wire in {FIXED32, FIXED64}:
            size = 4 if wire == FIXED32 else 8
        else:
            raise Malformed(f"it holds a field of the unknown kind {wire}")
        if size > end - begin:
            raise Malformed("a length in it reaches beyond its end")
        return Field(number, wire, begin, begin + size)

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
        raise Malformed("a number in it does not end")

    def text(self, field: Field, limit: int) -> bytes:
        """A short text or some bytes."""
        if field.end - field.begin > limit:
            raise Malformed(f"a name in it has {field.end - field.begin:,} bytes, over the limit of {limit:,}")
        return self._content[field.begin : field.end]

    def varints(self, field: Field, limit: int) -> list[int]:
        """The numbers of a repeated field, packed or alone."""
        if field.wire == VARINT:
            return [field.begin]
        values, begin = list[int](), field.begin
        while begin < field.end:
            if len(values) == limit:
                raise Malformed(f"a list in it has more than {limit:,} numbers")
            value, begin = self.varint(begin, field.end)
            values.append(value)
        return values

    def count(self, field: Field) -> int:
        """How many numbers a repeated field holds; packed varints are counted by the bytes that end one."""
        if field.wire in {VARINT, FIXED32, FIXED64}:
            return 1
        return sum(
            len(self._content[at : min(at + _CHUNK_BYTES, field.end)].translate(None, _CONTINUED))
            for at in range(field.begin, field.end, _CHUNK_BYTES)
        )
